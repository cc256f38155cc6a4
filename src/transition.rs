//! From what stands to a new plan: whether one commit can bring it about, and else in which steps.
//!
//! Nobody hands a node over. An instance that moves is deleted by its own workload and made again
//! elsewhere; one that is removed goes when its delivery tool prunes it. Argo CD works wave by wave,
//! waits until all objects of a wave are healthy, and prunes instances last of all. Flux waits for
//! exactly those that a role depends on, and prunes first. So a pod that waits for room which is
//! freed by somebody who comes after it waits for ever, and with it every commit behind.
//!
//! This is played through on the planned nodes, moment by moment as the tool goes: a moment frees
//! what its instances leave, and is over when all of them have their new room. To be sure whatever a scheduler does, room counts as free
//! only when it suffices for all who are planned there, beside those who have not left yet.

use std::collections::BTreeSet;

mod ladder;
mod tasks;

pub use ladder::{Ladder, ladders};
pub use tasks::{Act, Before, Deferred, Transition, needs_steps, transition};

/// What one workload does in a commit.
#[derive(Debug, Clone, Default)]
struct Task {
    /// The instance that it is a part of: what is held back, is held back as a whole.
    instance: usize,
    /// When: an index of a moment.
    moment: usize,
    /// Room that it leaves.
    leaving: Vec<Seat>,
    /// Room that it takes.
    entering: Vec<Seat>,
    /// It leaves all its room before it takes any; else pod by pod.
    at_once: bool,
}

/// Room for a pod on a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seat {
    machine: usize,
    amounts: Vec<i64>,
}

/// All that a change does.
#[derive(Debug, Clone, Default)]
struct Change {
    /// What is free on each machine for the groups at hand.
    free: Vec<Vec<i64>>,
    /// What those have there that stay.
    used: Vec<Vec<i64>>,
    tasks: Vec<Task>,
    /// For each moment those that must be over before it.
    before: Vec<Vec<usize>>,
    /// Instances that cannot be there without others: when the second is held back, so is the first.
    needs: Vec<(usize, usize)>,
}

/// An instance that waits for the room of others.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wait {
    instance: usize,
    machine: usize,
    /// Those who have not left the machine.
    holders: BTreeSet<usize>,
}

impl Change {
    /// The instances of each commit, in order.
    ///
    /// # Errors
    /// Who waits for whom, when not even a part of the rest can be done.
    fn steps(&self) -> Result<Vec<BTreeSet<usize>>, Vec<Wait>> {
        let mut steps = Vec::new();
        let mut rest = self.clone();
        while !rest.tasks.is_empty() {
            let held = rest.held_back()?;
            let (now, later): (Vec<Task>, Vec<Task>) =
                rest.tasks.into_iter().partition(|t| !held.contains(&t.instance));
            steps.push(now.iter().map(|task| task.instance).collect());
            for seat in now.iter().flat_map(|task| &task.entering) {
                add(&mut rest.used, seat, 1);
            }
            rest.tasks = later;
        }
        Ok(steps)
    }

    /// The instances that must wait for a later commit, so that this one comes to its end.
    fn held_back(&self) -> Result<BTreeSet<usize>, Vec<Wait>> {
        let all: BTreeSet<usize> = self.tasks.iter().map(|task| task.instance).collect();
        let (mut held, mut told) = (BTreeSet::new(), Vec::new());
        loop {
            let waits = self.play(&held);
            if waits.is_empty() {
                return Ok(held);
            }
            held.extend(waits.iter().map(|wait| wait.instance));
            told.extend(waits);
            self.follow(&mut held);
            if held == all {
                return Err(told);
            }
        }
    }

    /// Holds back whoever cannot be there without those that are held back.
    fn follow(&self, held: &mut BTreeSet<usize>) {
        loop {
            let more: Vec<usize> = self
                .needs
                .iter()
                .filter(|(who, whom)| held.contains(whom) && !held.contains(who))
                .map(|(who, _)| *who)
                .collect();
            if more.is_empty() {
                return;
            }
            held.extend(more);
        }
    }

    /// Plays a commit without some instances. Returns who waits for ever.
    fn play(&self, held: &BTreeSet<usize>) -> Vec<Wait> {
        let mut game = Game::new(self, held);
        while game.advance() {}
        game.waits()
    }
}

fn add(rooms: &mut [Vec<i64>], seat: &Seat, sign: i64) {
    for (sum, amount) in rooms[seat.machine].iter_mut().zip(&seat.amounts) {
        *sum = sum.saturating_add(sign * amount);
    }
}

/// How far a task is.
#[derive(Debug, Clone, Default)]
struct Progress {
    released: usize,
    /// Indices of the seats that are taken.
    taken: BTreeSet<usize>,
}

struct Game<'c> {
    change: &'c Change,
    /// What is planned on each machine after this commit, and what has not left yet.
    planned: Vec<Vec<i64>>,
    progress: Vec<Progress>,
    /// The tasks of each moment, and whether it is over.
    moments: Vec<(Vec<usize>, bool)>,
}

impl<'c> Game<'c> {
    fn new(change: &'c Change, held: &BTreeSet<usize>) -> Self {
        let mut planned = change.used.clone();
        let mut moments = vec![(Vec::new(), false); change.before.len()];
        for (index, task) in change.tasks.iter().enumerate() {
            task.leaving.iter().for_each(|seat| add(&mut planned, seat, 1));
            if !held.contains(&task.instance) {
                task.entering.iter().for_each(|seat| add(&mut planned, seat, 1));
                moments[task.moment].0.push(index);
            }
        }
        Game { change, planned, progress: vec![Progress::default(); change.tasks.len()], moments }
    }

    /// Whether everything before a moment is over, but not the moment itself.
    fn is_open(&self, moment: usize) -> bool {
        !self.moments[moment].1 && self.change.before[moment].iter().all(|before| self.moments[*before].1)
    }

    /// Lets every open moment do what it can; whether anything happened.
    fn advance(&mut self) -> bool {
        let mut happened = false;
        for moment in 0..self.moments.len() {
            if !self.is_open(moment) {
                continue;
            }
            let tasks = self.moments[moment].0.clone();
            for task in &tasks {
                happened |= self.work(*task);
            }
            if tasks.iter().all(|task| self.is_done(*task)) {
                self.moments[moment].1 = true;
                happened = true;
            }
        }
        happened
    }

    fn is_done(&self, task: usize) -> bool {
        let (task, progress) = (&self.change.tasks[task], &self.progress[task]);
        progress.released == task.leaving.len() && progress.taken.len() == task.entering.len()
    }

    /// Leaves room and takes room, as far as the task may now.
    fn work(&mut self, index: usize) -> bool {
        let task = &self.change.tasks[index];
        let more = task.entering.len().saturating_sub(task.leaving.len());
        let mut happened = false;
        while self.progress[index].released < task.leaving.len() {
            let progress = &mut self.progress[index];
            if !task.at_once
                && progress.released + more > progress.taken.len()
                && progress.taken.len() < task.entering.len()
            {
                break;
            }
            add(&mut self.planned, &task.leaving[progress.released], -1);
            progress.released += 1;
            happened = true;
        }
        let allowed = if task.at_once { task.entering.len() } else { self.progress[index].released + more };
        for (at, seat) in task.entering.iter().enumerate() {
            let progress = &self.progress[index];
            if progress.taken.len() < allowed && !progress.taken.contains(&at) && self.fits(seat) {
                self.progress[index].taken.insert(at);
                happened = true;
            }
        }
        happened
    }

    /// Whether there is room for all who are planned on the machine and who have not left it.
    fn fits(&self, seat: &Seat) -> bool {
        let rooms = self.planned[seat.machine].iter().zip(&self.change.free[seat.machine]);
        rooms.zip(&seat.amounts).all(|((planned, free), amount)| *amount <= 0 || planned <= free)
    }

    /// Who has not all its room and whom it waits for.
    fn waits(&self) -> Vec<Wait> {
        let mut waits: Vec<Wait> = Vec::new();
        let open = (0..self.moments.len()).filter(|moment| self.is_open(*moment));
        for index in open.flat_map(|moment| self.moments[moment].0.iter().copied()) {
            let task = &self.change.tasks[index];
            let open = task.entering.iter().enumerate().find(|(at, _)| !self.progress[index].taken.contains(at));
            if let Some((_, seat)) = open.filter(|_| !waits.iter().any(|w| w.instance == task.instance)) {
                let holders = self.holders(seat.machine, task.instance);
                waits.push(Wait { instance: task.instance, machine: seat.machine, holders });
            }
        }
        waits
    }

    fn holders(&self, machine: usize, other_than: usize) -> BTreeSet<usize> {
        let tasks = self.change.tasks.iter().zip(&self.progress);
        let there =
            tasks.filter(|(task, progress)| task.leaving[progress.released..].iter().any(|s| s.machine == machine));
        there.map(|(task, _)| task.instance).filter(|instance| *instance != other_than).collect()
    }
}

#[cfg(test)]
mod tests;
