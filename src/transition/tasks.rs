//! What a new plan changes of what stands, workload by workload.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::{Change, Seat, Task, Wait, add};
use crate::check::{Form, PartKind, Reference};
use crate::diag::{Code, Diagnostic, Label};
use crate::fit::Fitted;
use crate::kinds::Target;
use crate::lock::{Instance, Lock};
use crate::order::{Moment, Order};
use crate::place::{Placement, Problem};
use crate::plan::{Part, Plan, Role};
use crate::source::Span;
use crate::target::native;

/// A plan and what stood before it.
pub struct Before<'a, 'm> {
    /// The model, and the locks of its groups.
    pub fitted: &'a Fitted,
    /// The new plan.
    pub plan: &'a Plan<'m>,
    /// Where everything is to run.
    pub placement: &'a Placement,
    /// In which order it is delivered.
    pub order: &'a Order<'a, 'm>,
    /// The locks of groups that go in the same commit.
    pub removed: &'a BTreeMap<String, Lock>,
}

/// The commits that bring a plan about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transition {
    /// For each commit the instances that come, move or go.
    pub steps: Vec<Vec<Act>>,
    /// What the first commit must leave as it is.
    pub deferred: Vec<Deferred>,
}

/// An instance that comes, moves or goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Act {
    /// Name of the group.
    pub group: String,
    /// Name of the role.
    pub role: String,
    /// Index of the instance.
    pub instance: u32,
    /// The nodes that it leaves; none when it is new.
    pub from: Vec<String>,
    /// The nodes that it enters; none when it goes.
    pub to: Vec<String>,
}

/// An instance that a commit leaves as it is, or away when it is new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deferred {
    /// Name of the group.
    pub group: String,
    /// The instance.
    pub instance: Instance,
    /// Where its role is declared.
    pub span: Span,
    /// The files that stay as they are, or away.
    pub files: BTreeSet<String>,
}

/// An instance of the change, old, new or both.
struct Row {
    group: usize,
    name: (String, String, u32),
    role: Option<usize>,
    /// It did not stand before.
    fresh: bool,
    from: Vec<String>,
    to: Vec<String>,
    /// When its first workload is brought.
    at: Moment,
}

/// When a workload is brought, whether it leaves at once, and what it leaves and takes.
type Work = (Moment, bool, (Vec<Seat>, Vec<Seat>));

/// Splits a new plan into commits that each come to their end.
///
/// # Errors
/// The instances that wait for each other, when no order of commits helps; a bound that no order of steps keeps.
pub fn transition(before: &Before<'_, '_>) -> Result<Transition, Diagnostic> {
    let rollouts = before.plan.groups.iter().flat_map(|group| &group.rollouts);
    if let Some(span) = rollouts.filter_map(|rollout| rollout.unkept).next() {
        return Err(unkept(span));
    }
    let mut list = List::new(before);
    for group in 0..before.plan.groups.len() {
        list.group(group);
    }
    for (number, (name, lock)) in before.removed.iter().enumerate() {
        list.removed(number, name, lock);
    }
    list.settle();
    if !list.change.play(&BTreeSet::new()).is_empty() {
        list.needs();
    }
    let steps = list.change.steps().map_err(|waits| list.stalled(&waits))?;
    let acts = |step: &BTreeSet<usize>| step.iter().map(|row| list.act(&list.rows[*row])).collect();
    let later: BTreeSet<usize> = steps.iter().skip(1).flatten().copied().collect();
    let deferred = later.iter().filter_map(|row| list.deferred(&list.rows[*row])).collect();
    Ok(Transition { steps: steps.iter().map(acts).collect(), deferred })
}

/// An update that brings new instances as well, in no order of which the shares of ready instances
/// are near enough.
fn unkept(span: Span) -> Diagnostic {
    let message = "no order of steps both updates these roles and brings their new instances within this bound";
    Diagnostic::new(Code::UpdateWhileScaling, span, message)
        .help("scale in a commit of its own, or start all at once by `--install` where nothing stands yet; or raise one of the bounds")
}

/// Refuses a change that one commit cannot bring about.
pub fn needs_steps(deferred: &[Deferred]) -> Option<Diagnostic> {
    let (first, rest) = deferred.split_first()?;
    let name = |d: &Deferred| format!("`{}/{}`", d.group, d.instance);
    let message = "one commit cannot bring this change about: it would wait for room that is freed after it";
    let why = |d: &Deferred| format!("{} must wait for a later commit", name(d));
    let problem = Diagnostic::new(Code::NeedsSteps, first.span, message).here(why(first));
    let problem = rest.iter().take(SHOWN - 1).fold(problem, |p, d| p.label(d.span, why(d)));
    Some(problem.help(
        "`rbgc plan --steps` shows the steps; `rbgc compile --step` writes the first: commit it, let it sync, and compile again",
    ))
}

/// Places that are shown of one problem.
const SHOWN: usize = 10;

/// The last part of a path: the kind and name of an object.
fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

struct List<'a, 'm> {
    before: &'a Before<'a, 'm>,
    problem: &'a Problem,
    machines: BTreeMap<&'a str, usize>,
    change: Change,
    /// When each task of the change is done.
    moments: Vec<Moment>,
    rows: Vec<Row>,
}

impl<'a, 'm> List<'a, 'm> {
    fn new(before: &'a Before<'a, 'm>) -> Self {
        let problem = &before.fitted.problem;
        let free: Vec<Vec<i64>> = problem.machines.iter().map(|m| m.free.clone()).collect();
        let used = free.iter().map(|columns| vec![0; columns.len()]).collect();
        let machines = problem.machines.iter().enumerate().map(|(index, m)| (m.name.as_str(), index)).collect();
        let change = Change { free, used, ..Change::default() };
        List { before, problem, machines, change, moments: Vec::new(), rows: Vec::new() }
    }

    fn group(&mut self, g: usize) {
        let before = self.before;
        let group = &before.plan.groups[g];
        let empty = Lock::default();
        let lock = before.fitted.locks.get(g).unwrap_or(&empty);
        let written: BTreeSet<&str> = lock.files.keys().map(|path| file_name(path)).collect();
        for (r, role) in group.roles.iter().enumerate() {
            let known = if self.replaced((g, r), role, &written) {
                let own = lock.places.keys().filter(|key| key.role == role.source.name);
                own.for_each(|key| self.goes(g, &group.source.stem, key, lock, before.order.removal(g, Some(r))));
                &empty
            } else {
                lock
            };
            if role.source.by_instance() {
                self.instances((g, r), role, known);
            } else {
                self.shared((g, r), role, known);
            }
        }
        let gone = lock.places.keys().filter(|key| !group.roles.iter().any(|r| r.source.name == key.role));
        for key in gone {
            self.goes(g, &group.source.stem, key, lock, before.order.removal(g, None));
        }
    }

    /// Whether other objects than those that were `written` hold the pods of a role now: the old ones
    /// are removed with all that goes, whatever comes in their place.
    fn replaced(&self, (g, r): (usize, usize), role: &Role<'_>, written: &BTreeSet<&str>) -> bool {
        let files = || role.units.iter().flat_map(|unit| self.before.order.workloads(g, r, unit));
        !written.is_empty() && !files().any(|path| written.contains(file_name(&path)))
    }

    /// Groups that go.
    fn removed(&mut self, number: usize, name: &str, lock: &Lock) {
        let moment = self.before.order.removal_of_group(number, name, lock);
        for key in lock.places.keys() {
            self.goes(usize::MAX, name, key, lock, moment);
        }
    }

    /// Adds what an instance does at a moment.
    fn task(&mut self, moment: Moment, task: Task) {
        self.moments.push(moment);
        self.change.tasks.push(task);
    }

    /// Puts the moments of all tasks in order.
    fn settle(&mut self) {
        let moments = self.in_order();
        for (task, moment) in self.change.tasks.iter_mut().zip(&self.moments) {
            task.moment = moments.partition_point(|m| m < moment);
        }
        self.change.before = self.before.order.before(&moments);
    }

    /// The moments at which something happens, each once.
    fn in_order(&self) -> Vec<Moment> {
        self.moments.iter().copied().collect::<BTreeSet<Moment>>().into_iter().collect()
    }

    /// Instances with objects of their own.
    fn instances(&mut self, (g, r): (usize, usize), role: &Role<'_>, lock: &Lock) {
        let (group, name) = (self.before.plan.groups[g].source.stem.clone(), role.source.name.clone());
        for unit in &role.units {
            let Some(index) = unit.instance else { continue };
            let from = lock.places.get(&Instance { role: name.clone(), index }).cloned().unwrap_or_default();
            let after = self.placed(g, r, index);
            let old = self.old_seats(&from, lock, &name);
            let new = self.new_seats((g, r), &after);
            let mut tasks = if old.len() == new.len() {
                self.parts((g, r), role, index, (&old, &new))
            } else {
                let all = (old.into_iter().flatten().collect(), new);
                vec![(self.moment((g, r), Some(index), 0), true, all)]
            };
            for (.., (leaving, entering)) in &mut tasks {
                self.stay(leaving, entering);
            }
            tasks.retain(|(.., (leaving, entering))| !leaving.is_empty() || !entering.is_empty());
            let Some((at, ..)) = tasks.first() else { continue };
            let to = after.iter().map(|m| self.problem.machines[*m].name.clone()).collect();
            let name = (group.clone(), name.clone(), index);
            self.rows.push(Row { group: g, name, role: Some(r), fresh: from.is_empty(), from, to, at: *at });
            let instance = self.rows.len() - 1;
            for (moment, at_once, (leaving, entering)) in tasks {
                self.task(moment, Task { instance, leaving, entering, at_once, ..Task::default() });
            }
        }
        let end = self.before.order.removal(g, Some(r));
        for key in lock.places.keys().filter(|key| key.role == name && key.index as usize >= role.units.len()) {
            self.goes(g, &group, key, lock, end);
        }
    }

    /// What the workloads of an instance do whose pods are as many as before.
    fn parts(
        &self,
        id: (usize, usize),
        role: &Role<'_>,
        index: u32,
        (old, new): (&[Option<Seat>], &[Seat]),
    ) -> Vec<Work> {
        let mut first = 0;
        let part = |(number, part): (usize, &Part<'_>)| {
            let pods = first..first + part.source.count as usize;
            first = pods.end;
            let leaving = old.get(pods.clone()).unwrap_or_default().iter().flatten().cloned().collect();
            let entering = new.get(pods.clone()).unwrap_or_default().to_vec();
            let at_once = self.at_once(role.source.form, &part.source.kind, pods.len());
            (self.moment(id, Some(index), number), at_once, (leaving, entering))
        };
        role.parts.iter().enumerate().map(part).collect()
    }

    /// Takes out the pods whose room stays as it is, restarted or not.
    fn stay(&mut self, leaving: &mut Vec<Seat>, entering: &mut Vec<Seat>) {
        leaving.retain(|seat| {
            let at = entering.iter().position(|e| e == seat);
            if let Some(at) = at {
                add(&mut self.change.used, &entering.remove(at), 1);
            }
            at.is_none()
        });
    }

    /// A shared template names no nodes: its pods stay where they are, and more of them come.
    fn shared(&mut self, (g, r): (usize, usize), role: &Role<'_>, lock: &Lock) {
        let (group, name) = (self.before.plan.groups[g].source.stem.clone(), &role.source.name);
        let at = self.moment((g, r), None, 0);
        for index in 0..role.source.replicas.max {
            let stood = lock.places.contains_key(&Instance { role: name.clone(), index });
            let entering = self.new_seats((g, r), &self.placed(g, r, index));
            if stood {
                entering.iter().for_each(|seat| add(&mut self.change.used, seat, 1));
            } else if index < role.instances() && !entering.is_empty() {
                let to = entering.iter().map(|s| self.problem.machines[s.machine].name.clone()).collect();
                let name = (group.clone(), name.clone(), index);
                self.rows.push(Row { group: g, name, role: Some(r), fresh: true, from: Vec::new(), to, at });
                let instance = self.rows.len() - 1;
                self.task(at, Task { instance, entering, at_once: true, ..Task::default() });
            }
        }
        for key in lock.places.keys().filter(|key| key.role == *name && key.index >= role.source.replicas.max) {
            self.goes(g, &group, key, lock, at);
        }
    }

    /// An instance that is no longer made.
    fn goes(&mut self, group: usize, name: &str, key: &Instance, lock: &Lock, at: Moment) {
        let from = lock.places.get(key).cloned().unwrap_or_default();
        let leaving = self.old_seats(&from, lock, &key.role).into_iter().flatten().collect();
        let name = (name.to_owned(), key.role.clone(), key.index);
        self.rows.push(Row { group, name, role: None, fresh: false, from, to: Vec::new(), at });
        let instance = self.rows.len() - 1;
        self.task(at, Task { instance, leaving, at_once: true, ..Task::default() });
    }

    /// The room of the pods of an instance that stood on these nodes, as its role asked for it then;
    /// `None` on a node that is gone.
    fn old_seats(&self, nodes: &[String], lock: &Lock, role: &str) -> Vec<Option<Seat>> {
        let pods = lock.uses.get(role).map_or(&[][..], Vec::as_slice);
        let amounts = |pod: usize| -> Vec<i64> {
            let asked = |name: &String| pods.get(pod).and_then(|pod| pod.get(name)).copied().unwrap_or(0);
            self.problem.resources.iter().map(asked).collect()
        };
        let seat = |(pod, node): (usize, &String)| {
            Some(Seat { machine: *self.machines.get(node.as_str())?, amounts: amounts(pod) })
        };
        nodes.iter().enumerate().map(seat).collect()
    }

    /// The room of the pods of an instance on these machines.
    fn new_seats(&self, (g, r): (usize, usize), machines: &[usize]) -> Vec<Seat> {
        let pods = machines.iter().zip(&self.problem.groups[g].roles[r].pods);
        pods.map(|(machine, pod)| Seat { machine: *machine, amounts: pod.request.clone() }).collect()
    }

    fn placed(&self, g: usize, r: usize, index: u32) -> Vec<usize> {
        let role = self.before.placement.groups.get(g).and_then(|roles| roles.get(r));
        role.and_then(|instances| instances.get(index as usize)).cloned().unwrap_or_default()
    }

    fn moment(&self, (g, r): (usize, usize), instance: Option<u32>, part: usize) -> Moment {
        self.before.order.moment(g, r, instance, part)
    }

    /// Whether a workload replaces all its pods of a part at once. The workers of a LeaderWorkerSet
    /// belong to the pod of their leader, and go with it.
    fn at_once(&self, form: Form, kind: &PartKind, pods: usize) -> bool {
        let workers = || *kind == PartKind::Worker && native::replaces_workers_at_once(self.before.plan.inventory);
        pods < 2 || form == Form::LeaderWorkerSet || workers()
    }

    /// New instances that come after others, and instances of roles that list others by address,
    /// are not there without these.
    fn needs(&mut self) {
        let ancestors = self.ancestors();
        let comes_after = |row: &Row, other: &Row| ancestors.get(&row.at).is_some_and(|all| all.contains(&other.at));
        for (a, row) in self.rows.iter().enumerate().filter(|(_, row)| row.role.is_some()) {
            for (b, other) in self.rows.iter().enumerate().filter(|(_, other)| other.fresh) {
                let later = row.fresh && comes_after(row, other);
                if a != b && (later || self.lists(row, other) || self.one_object(row, other)) {
                    self.change.needs.push((a, b));
                }
            }
        }
    }

    /// For each moment of a row all those that come before it.
    fn ancestors(&self) -> BTreeMap<Moment, BTreeSet<Moment>> {
        let moments = self.in_order();
        let of = |(index, moment): (usize, &Moment)| {
            let (mut seen, mut open) = (BTreeSet::new(), self.change.before[index].clone());
            while let Some(before) = open.pop() {
                if seen.insert(moments[before]) {
                    open.extend(&self.change.before[before]);
                }
            }
            (*moment, seen)
        };
        moments.iter().enumerate().map(of).collect()
    }

    /// Whether the pods of two instances are held by one object, which is written or not.
    fn one_object(&self, row: &Row, other: &Row) -> bool {
        self.before.plan.target == Target::Rbg && row.group == other.group
    }

    /// Whether the template of one role names the addresses of another's instances.
    fn lists(&self, row: &Row, other: &Row) -> bool {
        let (Some(from), Some(to)) = (row.role, other.role) else { return false };
        let Some(group) = self.before.plan.groups.get(row.group) else { return false };
        let names = |r: &&Reference| r.addresses && r.from == from;
        group.source.references.iter().filter(names).any(|r| r.to.group == other.group && r.to.role == to)
    }

    fn act(&self, row: &Row) -> Act {
        let (group, role, instance) = row.name.clone();
        Act { group, role, instance, from: row.from.clone(), to: row.to.clone() }
    }

    fn deferred(&self, row: &Row) -> Option<Deferred> {
        let instance = Instance { role: row.name.1.clone(), index: row.name.2 };
        held_back(self.before, (row.group, row.role?), instance, row.fresh)
    }

    fn stalled(&self, waits: &[Wait]) -> Diagnostic {
        let name = |row: usize| {
            let (group, role, index) = &self.rows[row].name;
            format!("`{group}/{role}/{index}`")
        };
        let wait = |w: &Wait| {
            let holders: Vec<String> = w.holders.iter().map(|row| name(*row)).collect();
            let machine = &self.problem.machines[w.machine].name;
            format!("{} waits for room on `{machine}`, which {} leaves later", name(w.instance), holders.join(", "))
        };
        let message = "instances wait for each other's room: no order of commits comes to an end";
        let span = |w: &Wait| {
            let row = &self.rows[w.instance];
            let group = self.before.plan.groups.get(row.group)?;
            Some(group.roles.get(row.role?)?.source.span)
        };
        let mut problem = Diagnostic::nowhere(Code::EndlessWait, message);
        for w in waits {
            problem.labels.extend(span(w).map(|span| Label { span, message: wait(w) }));
        }
        problem.help("free a node that one of them can go to first, or remove one of them in a commit before")
    }
}

/// What must stay as it is when an instance is held back: its workloads, and all that names a new
/// one by its address.
pub(super) fn held_back(
    before: &Before<'_, '_>,
    (g, r): (usize, usize),
    instance: Instance,
    fresh: bool,
) -> Option<Deferred> {
    let workloads = |(g, r): (usize, usize), unit| before.order.workloads(g, r, unit);
    let source = before.plan.groups.get(g)?;
    let mut files = BTreeSet::new();
    let own = source.roles[r].units.iter().filter(|u| u.instance.is_none_or(|i| i == instance.index));
    own.for_each(|unit| files.extend(workloads((g, r), unit)));
    for (number, other) in before.plan.groups.iter().enumerate().filter(|_| fresh) {
        for reference in other.source.references.iter().filter(|f| f.addresses) {
            if (reference.to.group, reference.to.role) == (g, r) {
                let listing = &other.roles[reference.from];
                listing.units.iter().for_each(|u| files.extend(workloads((number, reference.from), u)));
            }
        }
    }
    Some(Deferred { group: source.source.stem.clone(), instance, span: source.roles[r].source.span, files })
}
