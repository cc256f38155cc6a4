//! Instances of unlike parts.

use super::role::afters;
use super::state::{Checker, RoleIx, View};
use super::{Part, PartKind};
use crate::diag::{Code, Diagnostic, suggestion};
use crate::naming;
use crate::source::Span;
use crate::syntax::{AfterTarget, StatementKind};

impl<'p> Checker<'_, '_, 'p> {
    /// Statements that make no sense beside components.
    pub fn refuse_with_components(&mut self, ix: RoleIx) {
        let layers = self.role(ix).layers.clone();
        for statement in layers.iter().flat_map(|l| &l.body.statements) {
            let (StatementKind::Field { name, .. } | StatementKind::Part { name, .. }) = &statement.kind else {
                continue;
            };
            if matches!(name.name.as_str(), "pods" | "leader" | "worker") {
                let message = format!("`{}` beside components", name.name);
                let problem = Diagnostic::new(Code::FieldConflict, name.span, message);
                self.report(problem.help("each component says its own `pods`, and is a part of its own"));
            }
        }
    }

    pub fn component_parts(&mut self, ix: RoleIx, names: &[&'p str]) -> Option<Vec<Part>> {
        let mut parts = Vec::new();
        let mut orders = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let view = View { role: ix, part: u16::try_from(index).ok()? };
            if !naming::is_dns_label(name) || ["workers", "leader"].contains(name) {
                let message = format!("`{name}` cannot be the name of a component");
                let problem = Diagnostic::new(Code::InvalidName, self.component_span(ix, name), message);
                self.report(problem.help("at most 63 characters, and neither `leader` nor `workers`"));
            }
            let order = self.component_order(view, names);
            let after = order.iter().map(|(before, _)| *before).collect();
            orders.push(order);
            let pod = self.pod(view);
            let count = self.count(view, "pods");
            parts.push(Part { kind: PartKind::Component((*name).to_owned()), count, pod: pod?, after });
        }
        self.check_component_cycles(names, &orders)?;
        Some(parts)
    }

    /// Where a component is first declared.
    fn component_span(&self, ix: RoleIx, name: &str) -> Span {
        let role = self.role(ix);
        let found = role.layers.iter().flat_map(|l| &l.body.statements).find_map(|s| match &s.kind {
            StatementKind::Child { keyword, name: ident, .. } if keyword.name == "component" && ident.name == name => {
                Some(ident.span)
            }
            _ => None,
        });
        found.unwrap_or(role.name.span)
    }

    /// The components that must be ready before one, and where that is said.
    pub fn component_order(&mut self, view: View, names: &[&'p str]) -> Vec<(usize, Span)> {
        let kind = self.part_kind(view);
        let mut after: Vec<(usize, Span)> = Vec::new();
        let layers = self.role(view.role).layers.clone();
        for body in layers.iter().flat_map(|l| super::table::part_bodies(l.body, &kind)) {
            for (targets, options) in afters(body) {
                if let Some(options) = options.filter(|options| !options.entries.is_empty()) {
                    let message = "components wait for each other only when they are brought to the cluster";
                    let problem = Diagnostic::new(Code::BadDependency, options.span, message);
                    self.report(problem.help("leave the block out, or make roles of the components"));
                }
                self.component_targets(targets, names, &mut after);
            }
        }
        after
    }

    fn component_targets(&mut self, targets: &'p [AfterTarget], names: &[&'p str], after: &mut Vec<(usize, Span)>) {
        for target in targets {
            let Some(first) = target.path.first() else { continue };
            if target.group || target.index.is_some() || target.path.len() > 1 {
                let message = "a component waits for components of its instance only";
                let problem = Diagnostic::new(Code::BadDependency, target.span, message);
                self.report(problem.help("what the whole role waits for stands in the role: `after …`"));
                continue;
            }
            match names.iter().position(|n| *n == first.name) {
                Some(index) if !after.iter().any(|(known, _)| *known == index) => after.push((index, target.span)),
                Some(_) => {}
                None => {
                    let message = format!("the instance has no component `{}`", first.name);
                    let mut problem = Diagnostic::new(Code::BadDependency, first.span, message);
                    problem.help = suggestion(&first.name, names);
                    self.report(problem);
                }
            }
        }
    }

    pub fn check_component_cycles(&mut self, names: &[&'p str], orders: &[Vec<(usize, Span)>]) -> Option<()> {
        // Follows one component that waits until it comes round: what is not done waits for
        // something that is not done.
        let mut done = vec![false; orders.len()];
        for _ in 0..orders.len() {
            for (i, order) in orders.iter().enumerate() {
                done[i] |= order.iter().all(|(before, _)| done[*before]);
            }
        }
        let Some(mut at) = done.iter().position(|d| !d) else { return Some(()) };
        let mut path: Vec<(usize, Span)> = Vec::new();
        while !path.iter().any(|(known, _)| *known == at) {
            let (next, span) = *orders[at].iter().find(|(before, _)| !done[*before])?;
            path.push((at, span));
            at = next;
        }
        let cycle = &path[path.iter().position(|(known, _)| *known == at)?..];
        let chain: Vec<String> = cycle.iter().chain(cycle.first()).map(|(i, _)| format!("`{}`", names[*i])).collect();
        let message = format!("components wait for each other: {}", chain.join(" → "));
        let waits = |i: usize| format!("`{}` waits for `{}`", names[cycle[i].0], names[cycle[(i + 1) % cycle.len()].0]);
        let mut problem = Diagnostic::new(Code::DependencyCycle, cycle[0].1, message).here(waits(0));
        for (i, (_, span)) in cycle.iter().enumerate().skip(1) {
            problem = problem.label(*span, waits(i));
        }
        self.report(problem.help("remove one of these `after`"));
        None
    }
}
