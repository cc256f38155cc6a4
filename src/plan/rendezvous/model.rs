//! What [`supervise`](super::supervise) promises, proven on a model of the script: all states of one
//! instance are walked through, whatever the order and the delays of its steps, with a few failures
//! at any moment.
//!
//! The model has the script's steps and nothing else: who is started, who connects, whose words and
//! whose end are noticed when. A connection ends on the other side at once and is noticed there at
//! any time later; words that were sent before may be lost with it.

use std::collections::BTreeSet;

/// Processes of an instance by rank; the leader is the first.
const PODS: usize = 3;

/// How far a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// Its container is started again some time.
    Ended,
    /// It waits until all are there.
    Gathering,
    /// Its command runs, begun by the process of the leader with this number.
    Running(u8),
}

/// A process: how often its container has been started, and how far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Process {
    number: u8,
    phase: Phase,
}

/// What a connection has brought so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Word {
    /// The worker connected; the leader has not looked.
    Hello,
    /// The leader counts the worker.
    Counted,
    /// The leader sent the start.
    Go,
    /// The worker read it.
    Begun,
}

/// A connection of a process of a worker to one of the leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Connection {
    rank: usize,
    /// The numbers of the processes.
    worker: u8,
    leader: u8,
    word: Word,
    /// Whether the worker, and the leader, hold their end.
    held: [bool; 2],
    /// Whether the network has lost it.
    cut: bool,
}

impl Connection {
    /// Whether the worker can notice its end.
    fn ended_for_worker(&self) -> bool {
        self.cut || !self.held[1]
    }

    /// Whether the leader can notice its end.
    fn ended_for_leader(&self) -> bool {
        self.cut || !self.held[0]
    }
}

/// A change of one connection.
fn only(which: Connection, change: impl Fn(&mut Connection)) -> impl Fn(&mut Connection) {
    move |c| {
        if *c == which {
            change(c);
        }
    }
}

/// An instance, and what has happened to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct State {
    processes: [Process; PODS],
    connections: BTreeSet<Connection>,
    /// Failures that may still happen.
    failures: u8,
    /// Processes that ended because another one did.
    ended: u8,
}

impl State {
    fn new(failures: u8) -> State {
        let process = Process { number: 0, phase: Phase::Ended };
        State { processes: [process; PODS], connections: BTreeSet::new(), failures, ended: 0 }
    }

    /// With other connections; those that nobody holds are gone.
    fn with(&self, change: impl Fn(&mut Connection)) -> State {
        let mut connections: Vec<Connection> = self.connections.iter().copied().collect();
        connections.iter_mut().for_each(change);
        let connections = connections.into_iter().filter(|c| c.held != [false; 2]).collect();
        State { connections, ..self.clone() }
    }

    /// A process ends, and lets go of its connections.
    fn end(&self, rank: usize) -> State {
        let mut next = self.with(|c| {
            let leaves = [c.rank == rank, rank == 0];
            leaves.into_iter().zip(&mut c.held).for_each(|(leaves, held)| *held &= !leaves);
        });
        next.processes[rank].phase = Phase::Ended;
        next
    }

    /// The same, because another process has ended.
    fn follow(&self, rank: usize) -> State {
        let mut next = self.end(rank);
        next.ended += 1;
        next
    }

    fn begin(&self, rank: usize, leader: u8) -> State {
        let mut next = self.clone();
        next.processes[rank].phase = Phase::Running(leader);
        next
    }

    /// What the script and the kubelet may do next.
    fn steps(&self) -> Vec<State> {
        let mut next = Vec::new();
        for (rank, process) in self.processes.iter().enumerate().filter(|(_, p)| p.phase == Phase::Ended) {
            let mut started = self.clone();
            started.processes[rank] = Process { number: process.number + 1, phase: Phase::Gathering };
            next.push(started);
        }
        (1..PODS).for_each(|rank| self.worker(rank, &mut next));
        self.leader(&mut next);
        next
    }

    fn worker(&self, rank: usize, next: &mut Vec<State>) {
        let (own, leader) = (self.processes[rank], self.processes[0]);
        let mine = self.connections.iter().copied().find(|c| c.rank == rank && c.held[0]);
        match (own.phase, mine) {
            // The port is open while the leader gathers.
            (Phase::Gathering, None) if leader.phase == Phase::Gathering => {
                let mut state = self.clone();
                let (worker, leader) = (own.number, leader.number);
                let connection = Connection { rank, worker, leader, word: Word::Hello, held: [true; 2], cut: false };
                state.connections.insert(connection);
                next.push(state);
            }
            (Phase::Gathering, Some(mine)) => {
                if mine.word == Word::Go {
                    next.push(self.with(only(mine, |c| c.word = Word::Begun)).begin(rank, mine.leader));
                }
                if mine.ended_for_worker() {
                    next.push(self.with(only(mine, |c| c.held[0] = false)));
                }
            }
            (Phase::Running(_), Some(mine)) if mine.ended_for_worker() => next.push(self.follow(rank)),
            (Phase::Gathering | Phase::Running(_) | Phase::Ended, _) => {}
        }
    }

    fn leader(&self, next: &mut Vec<State>) {
        let own = self.processes[0];
        let held: Vec<Connection> = self.connections.iter().copied().filter(|c| c.held[1]).collect();
        let shut = |c: &mut Connection| c.held[1] = false;
        match own.phase {
            Phase::Ended => {}
            Phase::Gathering => {
                for c in &held {
                    if c.word == Word::Hello {
                        // A worker that is counted already has been started again.
                        let earlier = held.iter().find(|e| e.rank == c.rank && e.word != Word::Hello);
                        let state = earlier.map_or_else(|| self.clone(), |earlier| self.with(only(*earlier, shut)));
                        next.push(state.with(only(*c, |c| c.word = Word::Counted)));
                    } else if c.ended_for_leader() {
                        next.push(self.with(only(*c, shut)));
                    }
                }
                if held.iter().filter(|c| c.word == Word::Counted).count() == PODS - 1 {
                    // The port is closed, and with it who was not looked at.
                    let go = |c: &mut Connection| match c.word {
                        Word::Hello => shut(c),
                        Word::Counted if c.held[1] => c.word = Word::Go,
                        Word::Counted | Word::Go | Word::Begun => {}
                    };
                    next.push(self.with(go).begin(0, own.number));
                }
            }
            Phase::Running(_) => {
                if held.iter().any(Connection::ended_for_leader) {
                    next.push(self.follow(0));
                }
            }
        }
    }

    /// What may go wrong next: a process ends, or the network loses a connection.
    fn accidents(&self) -> Vec<State> {
        if self.failures == 0 {
            return Vec::new();
        }
        let alive = (0..PODS).filter(|rank| self.processes[*rank].phase != Phase::Ended);
        let cut = self.connections.iter().filter(|c| !c.cut).map(|lost| self.with(only(*lost, |c| c.cut = true)));
        let mut all: Vec<State> = alive.map(|rank| self.end(rank)).chain(cut).collect();
        all.iter_mut().for_each(|state| state.failures -= 1);
        all
    }

    /// The commands that run were all begun by one leader.
    fn agrees(&self) -> bool {
        let begun = |process: &Process| match process.phase {
            Phase::Running(leader) => Some(leader),
            Phase::Ended | Phase::Gathering => None,
        };
        self.processes.iter().filter_map(begun).collect::<BTreeSet<u8>>().len() <= 1
    }

    /// All run, and each worker has a connection to the leader.
    fn whole(&self) -> bool {
        let running = |process: &Process| matches!(process.phase, Phase::Running(_));
        let joined = |c: &&Connection| c.held == [true; 2] && !c.cut && c.word == Word::Begun;
        self.processes.iter().all(running)
            && self.connections.iter().filter(joined).count() == PODS - 1
            && self.agrees()
    }
}

/// All states that so many failures can lead to, and how many there are.
#[track_caller]
fn walk(failures: u8) -> usize {
    let (mut known, mut open) = (BTreeSet::from([State::new(failures)]), vec![State::new(failures)]);
    while let Some(state) = open.pop() {
        let steps = state.steps();
        assert!(state.agrees(), "commands of two starts run at once: {state:?}");
        assert!(state.ended <= (failures - state.failures) * PODS as u8, "more ends than failures explain: {state:?}");
        assert!(!steps.is_empty() || state.whole(), "stuck: {state:?}");
        assert!(steps.is_empty() || !state.whole() || state.failures < failures, "an end without a failure: {state:?}");
        let next = steps.into_iter().chain(state.accidents());
        open.extend(next.filter(|next| known.insert(next.clone())));
    }
    known.len()
}

/// Without a failure nobody ends, and all come together; with some, whatever happened and whenever,
/// every way leads to an instance that runs as a whole, and no start is of use to two of them.
#[test]
fn every_way_leads_to_a_whole_instance() {
    let states: Vec<usize> = (0..=2).map(walk).collect();
    assert!(states.is_sorted() && states[2] > 1_000, "{states:?}");
}

/// Steps alone never lead round in a circle: coming together takes a bounded number of them.
#[test]
fn there_is_no_circle_without_failures() {
    let start = State::new(2);
    let (mut on_way, mut done) = (BTreeSet::new(), BTreeSet::new());
    let mut stack = vec![(start, false)];
    while let Some((state, leave)) = stack.pop() {
        if leave {
            on_way.remove(&state);
            done.insert(state);
            continue;
        }
        assert!(!on_way.contains(&state), "a circle: {state:?}");
        if done.contains(&state) {
            continue;
        }
        let next: Vec<State> = state.steps().into_iter().chain(state.accidents()).collect();
        on_way.insert(state.clone());
        stack.push((state, true));
        stack.extend(next.into_iter().filter(|next| !done.contains(next)).map(|next| (next, false)));
    }
}
