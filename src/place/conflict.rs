//! Why a group found no place, in numbers and in words.

use super::{ClauseKind, Problem};
use crate::diag::{Code, Diagnostic};
use crate::source::Span;

/// A group that found no place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The group.
    pub group: usize,
    /// The role that stands for it: one that fails without the others, else that of the largest instances.
    pub role: usize,
    /// Required clauses of the group that together leave no place; without any one of them there is one.
    pub clauses: Vec<usize>,
    /// Edges of the group whose floor takes part in the same way.
    pub edges: Vec<usize>,
    /// The group would find no place either if no other group of the compilation were there.
    pub alone: bool,
    /// The search gave up: there may be a plan that it did not find.
    pub exhausted: bool,
    /// What the role needs.
    pub need: Need,
    /// For each level from the narrowest to the widest the domain that offers most.
    pub nearest: Vec<Offer>,
    /// What would make it fit, each tried.
    pub remedies: Vec<Remedy>,
}

/// What a role needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// Pods of an instance.
    pub pods: usize,
    /// Number of instances.
    pub instances: usize,
    /// Column of the resource that matters most: the accelerator when a pod asks for any.
    pub resource: usize,
    /// Amount of it a pod.
    pub amount: i64,
    /// The level whose domain the pods of an instance must share, when there is one.
    pub level: Option<usize>,
}

/// What a domain offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The level; `None` is the whole cluster.
    pub level: Option<usize>,
    /// The domain by its name, empty for the whole cluster.
    pub name: String,
    /// Pods that fit, machine by machine.
    pub pods: usize,
    /// The machines of the domain that take none of the pods, and why.
    pub excluded: Vec<(usize, Excluded)>,
}

/// Why a machine takes none of the pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Excluded {
    /// It takes no pods at all: `cordoned`, `not ready`.
    Closed(&'static str),
    /// The pods may not use it.
    Ineligible,
    /// Too little of a resource is free.
    Short {
        /// Column of the resource.
        resource: usize,
        /// What is free of it before anything is placed.
        free: i64,
    },
    /// A group of this compilation has the room: its index, when one group alone is in the way.
    Used(Option<usize>),
    /// A group has the domain for itself, or this one would have to share it.
    Clause,
}

/// What would make it fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// Ask for a wider level in this clause.
    Widen {
        /// Index of the clause.
        clause: usize,
        /// The level that would do.
        level: usize,
    },
    /// Leave out this clause, or prefer it only.
    Drop {
        /// Index of the clause.
        clause: usize,
    },
    /// Leave out the floor of this edge.
    Floor {
        /// Index of the edge.
        edge: usize,
    },
    /// Run so many instances.
    Replicas {
        /// The largest number that fits.
        instances: usize,
    },
    /// Add machines.
    Machines {
        /// How many.
        machines: usize,
        /// A machine that they would have to be like, with what is free on it.
        like: usize,
        /// Level and domain where they are needed; `None` is anywhere.
        domain: Option<(usize, usize)>,
    },
}

impl Conflict {
    /// The conflict as a problem of the sources.
    pub fn diagnostic(&self, problem: &Problem) -> Diagnostic {
        let group = &problem.groups[self.group];
        let mut diagnostic = nothing_fits(group.roles[self.role].span, self.message(problem));
        if let Some(why) = self.why(problem) {
            diagnostic = diagnostic.here(why);
        }
        for clause in &self.clauses {
            let clause = &group.clauses[*clause];
            diagnostic = diagnostic.label(clause.span, clause_label(problem, &clause.kind));
        }
        for edge in &self.edges {
            diagnostic =
                diagnostic.label(group.edges[*edge].span, "required: every instance has this link to every other");
        }
        match self.help(problem) {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }

    /// The domain that the message speaks of.
    fn best(&self) -> Option<&Offer> {
        self.nearest.iter().find(|offer| offer.level == self.need.level)
    }

    fn message(&self, problem: &Problem) -> String {
        let group = &problem.groups[self.group];
        let name = format!("role `{}` of group `{}`", group.roles[self.role].name, group.name);
        let verdict = match (self.exhausted, self.alone) {
            (true, _) => "; the search gave up, there may be a plan that it did not find",
            (false, true) => "",
            (false, false) => ", beside the other groups",
        };
        let need = &self.need;
        let resource = problem.resources.get(need.resource).map_or("", String::as_str);
        let (instances, pods) = (plural(need.instances, "instance"), plural(need.pods, "pod"));
        let Some(best) = self.best() else { return format!("{name}: no place for {instances} of {pods}{verdict}") };
        let level = need.level.and_then(|l| problem.levels.get(l));
        let place = match level {
            Some(level) => format!(" in one `{level}`"),
            None => String::new(),
        };
        let wanted = if level.is_some() { need.pods } else { need.pods * need.instances };
        let whole = problem.machines.iter().all(|m| m.free.get(need.resource).is_none_or(|f| *f < 2 * need.amount));
        let unit = if whole && need.amount > 0 { "node" } else { "place" };
        let wants = format!("{} with {} free `{resource}`", plural(wanted, unit), need.amount);
        let each = if wanted > 1 { " each" } else { "" };
        if best.pods < wanted {
            let best = match (best.pods, level) {
                (0, _) => "there is none".to_string(),
                (pods, Some(_)) => format!("the best is `{}` with {pods}", best.name),
                (pods, None) => format!("there are {pods}"),
            };
            return format!("{name}: {wants}{each}{place}; {best}{verdict}");
        }
        format!("{name}: no place for {instances} of {wants}{each}{place} under all clauses{verdict}")
    }

    /// Why the nearest domain does not offer more.
    fn why(&self, problem: &Problem) -> Option<String> {
        let best = self.best()?;
        let say = |(machine, why): &(usize, Excluded)| {
            let machine = &problem.machines[*machine];
            let name = &machine.name;
            match why {
                Excluded::Closed(reason) => format!("`{name}` is {reason}"),
                Excluded::Ineligible => format!("`{name}` is not eligible"),
                Excluded::Short { resource, free } => {
                    let resource = problem.resources.get(*resource).map_or("", String::as_str);
                    match machine.holders.first() {
                        Some(holder) => format!("`{name}` has {free} `{resource}` free and holds `{holder}`"),
                        None => format!("`{name}` has {free} `{resource}` free"),
                    }
                }
                Excluded::Used(Some(group)) => format!("`{name}` goes to group `{}`", problem.groups[*group].name),
                Excluded::Used(None) => format!("`{name}` goes to other groups"),
                Excluded::Clause => format!("`{name}` lies in a domain that a group has for itself"),
            }
        };
        // One of each reason first, so that the few that are shown tell most.
        let mut order: Vec<&(usize, Excluded)> = best.excluded.iter().collect();
        let rank = |at: usize, order: &[&(usize, Excluded)]| {
            order[..at].iter().filter(|o| std::mem::discriminant(&o.1) == std::mem::discriminant(&order[at].1)).count()
        };
        let ranks: Vec<usize> = (0..order.len()).map(|at| rank(at, &order)).collect();
        let mut by_rank: Vec<usize> = (0..order.len()).collect();
        by_rank.sort_by_key(|at| (ranks[*at], *at));
        order = by_rank.iter().map(|at| order[*at]).collect();
        let shown: Vec<String> = order.iter().take(4).map(|e| say(e)).collect();
        let more = order.len().saturating_sub(4);
        let tail = if more > 0 { format!(", and {} more", plural(more, "node")) } else { String::new() };
        (!shown.is_empty()).then(|| format!("{}{tail}", shown.join(", ")))
    }

    fn help(&self, problem: &Problem) -> Option<String> {
        let group = &problem.groups[self.group];
        let say = |remedy: &Remedy| match remedy {
            Remedy::Widen { clause, level } => {
                format!("with `{}` in {}", problem.levels[*level], clause_name(&group.clauses[*clause].kind))
            }
            Remedy::Drop { clause } => format!("with `prefer` before {}", clause_name(&group.clauses[*clause].kind)),
            Remedy::Floor { .. } => "without the link that the connection requires".into(),
            Remedy::Replicas { instances } => {
                format!("with {} of `{}`", plural(*instances, "instance"), group.roles[self.role].name)
            }
            Remedy::Machines { machines, like, domain } => {
                let place = domain.and_then(|(level, domain)| problem.domains.get(level)?.get(domain));
                let place = place.map_or(String::new(), |name| format!(" in `{name}`"));
                format!("with {} more like `{}`{place}", plural(*machines, "node"), problem.machines[*like].name)
            }
        };
        let ways: Vec<String> = self.remedies.iter().map(say).collect();
        let others = if self.alone { "" } else { ", the other groups where they are" };
        (!ways.is_empty()).then(|| format!("it fits {}{others}", ways.join(", or ")))
    }
}

fn nothing_fits(span: Span, message: String) -> Diagnostic {
    Diagnostic::new(Code::NothingFits, span, message)
}

fn plural(number: usize, word: &str) -> String {
    if number == 1 { format!("1 {word}") } else { format!("{number} {word}s") }
}

/// A clause in the words of the language.
fn clause_name(kind: &ClauseKind) -> &'static str {
    match kind {
        ClauseKind::Instances { .. } => "`instances of … within`",
        ClauseKind::Together { .. } => "`within`",
        ClauseKind::Cells { .. } => "`cells within`",
        ClauseKind::Near { .. } => "`near`",
        ClauseKind::Spread { .. } => "`spread`",
        ClauseKind::Apart { .. } => "`apart`",
        ClauseKind::Exclusive { .. } => "`exclusive`",
        ClauseKind::Survive { .. } => "`survive`",
    }
}

pub(super) fn clause_label(problem: &Problem, kind: &ClauseKind) -> String {
    let name = |level: &usize| problem.levels.get(*level).cloned().unwrap_or_default();
    match kind {
        ClauseKind::Instances { level, .. } => format!("required: the pods of an instance share a `{}`", name(level)),
        ClauseKind::Together { level, .. } => format!("required: all pods share a `{}`", name(level)),
        ClauseKind::Cells { level, .. } => format!("required: the pods of a cell share a `{}`", name(level)),
        ClauseKind::Near { level, .. } => format!("required: each instance has the other in its `{}`", name(level)),
        ClauseKind::Spread { level, .. } => format!("required: instances are spread over `{}` domains", name(level)),
        ClauseKind::Apart { level, .. } => format!("required: no two in one `{}`", name(level)),
        ClauseKind::Exclusive { level } => format!("required: no other group in the same `{}`", name(level)),
        ClauseKind::Survive { count, level } => {
            format!("required: an instance of every role outlives the loss of {count} `{}`", name(level))
        }
    }
}
