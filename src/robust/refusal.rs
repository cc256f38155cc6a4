//! What is refused: required clauses that a scheduler may miss, whatever is written.

use std::collections::{BTreeMap, BTreeSet};

use super::claims::Claim;
use super::site;
use crate::check::Role;
use crate::diag::{Code, Diagnostic, Session};
use crate::kinds::Target;
use crate::plan::Plan;
use crate::plan::affinity::{Doubt, Promise};

/// So many roles are shown whose room one role may take.
const SHOWN: usize = 3;

/// Group and role.
type Place = (usize, usize);

/// Reports each role that may take the room of others, and each that shares nodes in too many ways.
pub(super) fn report(
    session: &mut Session,
    plan: &Plan<'_>,
    claims: &[Claim],
    verdicts: &[(Promise, BTreeSet<usize>)],
) {
    let place = |claim: &Claim| (claim.at[0], claim.at[1]);
    let mut takers: BTreeMap<Place, BTreeSet<Place>> = BTreeMap::new();
    let mut mixed: BTreeSet<Place> = BTreeSet::new();
    for (claim, (promise, rivals)) in claims.iter().zip(verdicts) {
        if *promise != Promise::None(Doubt::Contested) || site(plan, claim).level.is_none() {
            continue;
        }
        let free = |rival: &&Claim| site(plan, rival).narrowest.is_none() && place(rival) != place(claim);
        let free: Vec<Place> = rivals.iter().map(|rival| &claims[*rival]).filter(free).map(place).collect();
        if free.is_empty() {
            mixed.insert(place(claim));
        }
        for taker in free {
            takers.entry(taker).or_default().insert(place(claim));
        }
    }
    let role = |(group, role): &Place| plan.groups[*group].roles[*role].source;
    for (taker, victims) in &takers {
        session.report(taken(plan.target, role(taker), &victims.iter().map(role).collect::<Vec<_>>()));
    }
    for role in mixed.iter().map(role) {
        session.report(if role.multi_pod() && !role.by_instance() { followers(role) } else { shared(role) });
    }
}

fn taken(target: Target, taker: &Role, victims: &[&Role]) -> Diagnostic {
    let name = &taker.name;
    let message = format!("no affinity can keep the pods of `{name}` out of room that other roles are planned in");
    let problem = Diagnostic::new(Code::UnkeptRoom, taker.span, message)
        .here("its pods are bound to no nodes, and may be scheduled first");
    let shown = victims.iter().take(SHOWN);
    let problem = shown.fold(problem, |p, v| p.label(v.span, "its pods need room in a certain place"));
    problem.help(match target {
        Target::Native | Target::Lws => format!(
            "give `{name}` a clause of `place` and a fixed number of replicas, so that each instance is bound to its place; or keep it on other nodes with `on`"
        ),
        Target::Rbg => format!(
            "keep `{name}` on other nodes with `on`; or compile for `native`, which binds each instance to its place"
        ),
    })
}

fn followers(role: &Role) -> Diagnostic {
    let message = format!("no affinity can keep the workers of `{}` with their leaders", role.name);
    Diagnostic::new(Code::UnkeptByTemplate, role.span, message)
        .label(role.replicas_span, "one LeaderWorkerSet for all instances: a leader may take any of the leaders' nodes")
        .help("let leaders and workers take whole nodes, so that each domain has as many for workers as its leaders need; or fix the number of instances")
}

fn shared(role: &Role) -> Diagnostic {
    let message = format!("no affinity can keep room for the pods of `{}`", role.name);
    Diagnostic::new(Code::UnkeptRoom, role.span, message)
        .here("they share several nodes with pods of another size")
        .help("let its pods ask for whole nodes, or keep the others away with `on` or `exclusive`")
}
