//! A conflict in the words of a message.

use std::collections::BTreeMap;

use super::{Conflict, Excluded, Offer, Remedy, Rival, Site};
use crate::diag::plural;
use crate::place::{ClauseKind, Group, Problem};

/// Machines that are named for one reason.
const NAMED: usize = 3;

/// Reasons that are told.
const REASONS: usize = 5;

/// What is needed, and the most that there is.
pub(super) fn message(conflict: &Conflict, problem: &Problem) -> String {
    let group = &problem.groups[conflict.group];
    let name = format!("role `{}` of group `{}`", group.roles[conflict.role].name, group.name);
    let verdict = match (conflict.exhausted, conflict.alone) {
        (true, _) => "; the search gave up, there may be a plan that it did not find",
        (false, true) => "",
        (false, false) => ", beside the other groups",
    };
    let need = &conflict.need;
    let (instances, pods) = (plural(need.instances, "instance"), plural(need.pods, "pod"));
    let Some(best) = conflict.best() else { return format!("{name}: no place for {instances} of {pods}{verdict}") };
    let level = need.level.and_then(|l| problem.levels.get(l));
    let place = level.map_or(String::new(), |level| format!(" in one `{level}`"));
    let wanted = if level.is_some() { need.pods } else { need.pods * need.instances };
    let whole = problem.machines.iter().all(|m| m.free.get(need.resource).is_none_or(|f| *f < 2 * need.amount));
    let unit = if whole && need.amount > 0 { "node" } else { "place" };
    let wants = format!("{} with {} free `{}`", plural(wanted, unit), need.amount, resource(conflict, problem));
    let each = if wanted > 1 { " each" } else { "" };
    if best.pods < wanted {
        let best = match (best.pods, level) {
            (0, _) => "there is none".to_string(),
            (pods, Some(_)) => format!("the best is `{}` with {pods}", best.name),
            (1, None) => "there is 1".to_string(),
            (pods, None) => format!("there are {pods}"),
        };
        return format!("{name}: {wants}{each}{place}; {best}{verdict}");
    }
    let each = if need.pods > 1 { " each" } else { "" };
    let wants = format!("{} with {} free `{}`", plural(need.pods, unit), need.amount, resource(conflict, problem));
    format!("{name}: no place for {instances} of {wants}{each}{place} under all clauses{verdict}")
}

fn resource<'p>(conflict: &Conflict, problem: &'p Problem) -> &'p str {
    problem.resources.get(conflict.need.resource).map_or("", String::as_str)
}

/// Why the nearest domain does not offer more, and what wider ones offer.
pub(super) fn why(conflict: &Conflict, problem: &Problem) -> Option<String> {
    let best = conflict.best()?;
    let mut reasons: BTreeMap<(usize, String, String), Vec<usize>> = BTreeMap::new();
    for (machine, why) in &best.excluded {
        let (rank, one, many) = reason(problem, *machine, why);
        reasons.entry((rank, one, many)).or_default().push(*machine);
    }
    // Few sentences that tell most: in the order of the machines, and one of each kind before a second.
    let mut told: Vec<_> = reasons.into_iter().collect();
    told.sort_by_key(|(_, machines)| machines[0]);
    let mut seen: BTreeMap<usize, usize> = BTreeMap::new();
    let mut ranked: Vec<_> = told
        .into_iter()
        .map(|((rank, one, many), machines)| {
            let earlier = seen.entry(rank).or_insert(0);
            *earlier += 1;
            (*earlier, sentence(problem, &machines, &one, &many), machines.len())
        })
        .collect();
    ranked.sort_by_key(|(earlier, ..)| *earlier);
    let more: usize = ranked.iter().skip(REASONS).map(|(.., machines)| machines).sum();
    let mut parts: Vec<String> = ranked.into_iter().take(REASONS).map(|(_, text, _)| text).collect();
    parts.extend((more > 0).then(|| format!("{} take none either", plural(more, "more node"))));
    parts.extend(wider(conflict));
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// The kind of a reason, and what it says of one machine and of several.
fn reason(problem: &Problem, machine: usize, why: &Excluded) -> (usize, String, String) {
    let machine = &problem.machines[machine];
    let group = |g: usize| format!("group `{}`", problem.groups[g].name);
    match why {
        Excluded::Closed(reason) => (0, format!("is {reason}"), format!("are {reason}")),
        Excluded::Ineligible => (1, "is not eligible".into(), "are not eligible".into()),
        Excluded::Short { resource, free } => {
            let resource = problem.resources.get(*resource).map_or("", String::as_str);
            let free = format!("{free} `{resource}` free");
            match machine.holders.first() {
                Some(holder) => {
                    (2, format!("has {free} and holds `{holder}`"), format!("have {free} and hold `{holder}`"))
                }
                None => (2, format!("has {free}"), format!("have {free}")),
            }
        }
        Excluded::Used(by) => {
            let by = by.map_or("other groups".into(), group);
            (3, format!("goes to {by}"), format!("go to {by}"))
        }
        Excluded::Exclusive(by) => {
            let by = by.map_or("a group".into(), group);
            let alone = format!("where {by} is and cannot be shared with");
            (4, format!("lies {alone}"), format!("lie {alone}"))
        }
    }
}

fn sentence(problem: &Problem, machines: &[usize], one: &str, many: &str) -> String {
    let name = |m: &usize| format!("`{}`", problem.machines[*m].name);
    let shown = if machines.len() > NAMED { NAMED - 1 } else { machines.len() };
    let names: Vec<String> = machines.iter().take(shown).map(name).collect();
    let verb = if machines.len() == 1 { one } else { many };
    match machines.len() - shown {
        0 => format!("{} {verb}", listed(&names)),
        more => format!("{} and {more} more {verb}", names.join(", ")),
    }
}

/// `a`, `a and b`, `a, b and c`.
fn listed(names: &[String]) -> String {
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => String::new(),
    }
}

/// What the levels above the one that is asked for offer.
fn wider(conflict: &Conflict) -> Option<String> {
    let level = conflict.need.level?;
    let wider = conflict.nearest.iter().filter(|offer| offer.level.is_none_or(|l| l < level));
    let say = |offer: &Offer| match offer.level {
        Some(_) => format!("`{}` with {}", offer.name, offer.pods),
        None => format!("all together {}", offer.pods),
    };
    let parts: Vec<String> = wider.map(say).collect();
    (!parts.is_empty()).then(|| format!("wider: {}", parts.join(", ")))
}

/// What a group of the compilation has of what is missing.
pub(super) fn rival(conflict: &Conflict, problem: &Problem, rival: &Rival) -> String {
    let place = conflict.best().filter(|b| b.level.is_some()).map_or(String::new(), |b| format!(" in `{}`", b.name));
    let name = &problem.groups[rival.group].name;
    format!("group `{name}` takes {} `{}`{place}", rival.amount, resource(conflict, problem))
}

/// The ways out, the cheapest first, each with its cost.
pub(super) fn help(conflict: &Conflict, problem: &Problem) -> Option<String> {
    let ways: Vec<String> = conflict.remedies.iter().map(|remedy| way(conflict, problem, remedy)).collect();
    let others = if problem.groups.len() == 1 { "" } else { ", the other groups where they are" };
    (!ways.is_empty()).then(|| format!("it fits {}{others}", ways.join(", or ")))
}

fn way(conflict: &Conflict, problem: &Problem, remedy: &Remedy) -> String {
    let group = &problem.groups[conflict.group];
    let name = |m: &usize| format!("`{}`", problem.machines[*m].name);
    match remedy {
        Remedy::Open { machines } => {
            format!("with {} back in use", listed(&machines.iter().map(name).collect::<Vec<_>>()))
        }
        Remedy::Widen { clause, level } => {
            let kind = &group.clauses[*clause].kind;
            let tiers = super::remedy::wide_level(&mut group.clone(), *clause).map_or(0, |now| *now - *level);
            let place = format!("`{}` in {}", problem.levels[*level], clause_name(group, kind));
            format!("with {place} ({} wider)", plural(tiers, "level"))
        }
        Remedy::Loosen { clause, kind } => {
            let number = match kind {
                ClauseKind::Spread { max_skew: Some(skew), .. } => format!("`max-skew {skew}`"),
                ClauseKind::Spread { at_least: Some(least), .. } => format!("`at-least {least}`"),
                ClauseKind::Survive { count, .. } => format!("`survive {count}`"),
                _ => "less".into(),
            };
            format!("with {number} in {}", clause_name(group, &group.clauses[*clause].kind))
        }
        Remedy::Relax { clauses, edges } => {
            let names: Vec<String> = clauses.iter().map(|c| clause_name(group, &group.clauses[*c].kind)).collect();
            let prefer = (!names.is_empty()).then(|| format!("with `prefer` before {}", listed(&names)));
            let link = if edges.len() == 1 { "the link that the connection requires" } else { "the required links" };
            let floors = (!edges.is_empty()).then(|| format!("without {link}"));
            prefer.into_iter().chain(floors).collect::<Vec<_>>().join(" and ")
        }
        Remedy::Share { group, .. } => {
            format!("with `prefer` before `exclusive` of group `{}`", problem.groups[*group].name)
        }
        Remedy::Replicas { instances } => {
            let role = &group.roles[conflict.role];
            let fewer = role.instances.saturating_sub(*instances);
            format!("with {} of `{}` ({fewer} fewer)", plural(*instances, "instance"), role.name)
        }
        Remedy::Machines { machines, like, site } => {
            let place = match site {
                Site::Beside => String::new(),
                Site::Domain(level, domain) => {
                    let name = problem.domains.get(*level).and_then(|names| names.get(*domain));
                    name.map_or(String::new(), |name| format!(" in `{name}`"))
                }
                Site::Own(level) if *machines == 1 => format!(" in a `{}` of its own", problem.levels[*level]),
                Site::Own(level) => format!(", each in a `{}` of its own", problem.levels[*level]),
            };
            format!("with {} more like {}{place}", plural(*machines, "node"), name(like))
        }
    }
}

/// A clause in the words of the language, without its level.
fn clause_name(group: &Group, kind: &ClauseKind) -> String {
    let role = |r: &usize| group.roles.get(*r).map_or("", |role| role.name.as_str());
    match kind {
        ClauseKind::Instances { role: r, .. } => format!("`instances of {} within`", role(r)),
        ClauseKind::Together { roles, .. } if roles.len() == group.roles.len() => "`group within`".into(),
        ClauseKind::Together { roles, .. } => {
            format!("`{} within`", roles.iter().map(role).collect::<Vec<_>>().join(", "))
        }
        ClauseKind::Cells { .. } => "`cells within`".into(),
        ClauseKind::Near { role: r, to, .. } => format!("`{} near {} at`", role(r), role(to)),
        ClauseKind::Spread { role: r, .. } => format!("`spread {} over`", role(r)),
        ClauseKind::Apart { role: r, from: None, .. } => format!("`{} apart at`", role(r)),
        ClauseKind::Apart { role: r, from: Some(from), .. } => format!("`{} apart from {} at`", role(r), role(from)),
        ClauseKind::Exclusive { .. } => "`exclusive`".into(),
        ClauseKind::Survive { .. } => "`survive`".into(),
    }
}

/// What a clause asks for.
pub(in crate::place) fn clause_label(problem: &Problem, kind: &ClauseKind) -> String {
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
