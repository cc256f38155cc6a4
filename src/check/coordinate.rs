//! Coordinations: roles that are paired, rolled and scaled together.

mod bounds;

use super::state::{Checker, Context, FrameIx, GroupIx, RoleIx, View};
use super::value::Value;
use super::{Autoscale, Coordination, ReplicasOwner, Role};
use crate::diag::{Code, Diagnostic};
use crate::resolve::Type;
use crate::source::Span;
use crate::syntax::{Expr, Ident, Key, MapBody, MapEntry, StatementKind};

impl<'p> Checker<'_, '_, 'p> {
    /// The `coordinate` statements of a group.
    pub fn coordinations(&mut self, group: GroupIx) -> Vec<Coordination> {
        let layers = self.group(group).layers.clone();
        let mut out: Vec<Coordination> = Vec::new();
        for layer in &layers {
            for statement in &layer.body.statements {
                let StatementKind::Coordinate { roles, body } = &statement.kind else { continue };
                if let Some(found) = self.coordination(group, roles, body, layer.frame, statement.span) {
                    self.check_once(&found, &out);
                    out.push(found);
                }
            }
        }
        out
    }

    pub fn coordination(
        &mut self,
        group: GroupIx,
        names: &'p [Ident],
        body: &'p MapBody,
        frame: FrameIx,
        span: Span,
    ) -> Option<Coordination> {
        let mut roles: Vec<RoleIx> = Vec::new();
        for name in names {
            let role = self.named_role(group, name)?;
            if roles.contains(&role) {
                let message = format!("role `{}` is named twice", name.name);
                self.report(Diagnostic::new(Code::BadCoordination, name.span, message));
                return None;
            }
            roles.push(role);
        }
        if roles.len() < 2 {
            let problem = Diagnostic::new(Code::BadCoordination, span, "one role alone cannot be coordinated");
            self.report(problem.help("name two or more: `coordinate prefill, decode { … }`"));
            return None;
        }
        let mut found =
            Coordination { roles: Vec::new(), ratio: None, rollout: None, scale: None, recover: None, span };
        let mut shares = vec![1; roles.len()];
        for entry in &body.entries {
            match entry {
                MapEntry::Set { key: Key::Name(key), value } if key.name == "ratio" => {
                    let (a, b) = self.ratio(value, frame, &roles)?;
                    shares = vec![a, b];
                    found.ratio = Some(value.span);
                }
                MapEntry::Merge { key: Key::Name(key), name: None, body } if key.name == "rollout" => {
                    found.rollout = self.coordinated_rollout(body, frame, &roles);
                }
                MapEntry::Merge { key: Key::Name(key), name: None, body } if key.name == "scale" => {
                    found.scale = self.coordinated_scaling(body, frame);
                }
                MapEntry::Set { key: Key::Name(key), value } if key.name == "recover" => {
                    found.recover = self.recovery(value, frame).map(|recovery| (recovery, value.span));
                }
                entry => self.no_option(entry, body.span, "coordinate", &["ratio", "recover", "rollout", "scale"]),
            }
        }
        let numbers: Option<Vec<usize>> = roles.iter().map(|r| self.role(*r).model.map(|id| id.role)).collect();
        found.roles = numbers?.into_iter().zip(shares).collect();
        Some(found)
    }

    pub fn ratio(&mut self, expr: &'p Expr, frame: FrameIx, roles: &[RoleIx]) -> Option<(u32, u32)> {
        let value = self.eval(expr, Context::new(frame));
        let Value::Ratio(a, b) = self.convert(value, &Type::Ratio, expr.span) else { return None };
        let [first, second] = roles else {
            let problem = Diagnostic::new(Code::BadCoordination, expr.span, "a ratio pairs exactly two roles");
            self.report(problem);
            return None;
        };
        let counts = [self.bounds(*first)?, self.bounds(*second)?];
        for (x, y) in [(counts[0].0, counts[1].0), (counts[0].1, counts[1].1)] {
            if x * i64::from(b) != y * i64::from(a) || x % i64::from(a) != 0 {
                let view = |role| View { role, part: 0 };
                let (one, two) = (self.role(*first).name.name.clone(), self.role(*second).name.name.clone());
                let message = format!("{x} `{one}` and {y} `{two}` are not in the ratio {a}:{b}");
                let problem = Diagnostic::new(Code::RatioMismatch, expr.span, message)
                    .label(self.field_span(view(*first), "replicas"), format!("{x} of `{one}`"))
                    .label(self.field_span(view(*second), "replicas"), format!("{y} of `{two}`"));
                let cells = (x / i64::from(a)).max(1);
                let help =
                    format!("for {cells} cells: {} `{one}` and {} `{two}`", cells * i64::from(a), cells * i64::from(b));
                self.report(problem.help(help));
                return None;
            }
        }
        Some((a, b))
    }

    /// Autoscalers keep a ratio only when both follow one number.
    pub fn check_ratios(&mut self, coordinations: &[Coordination], roles: &[Role]) {
        for coordination in coordinations {
            let (Some(span), [(a, share_a), (b, share_b)]) = (coordination.ratio, coordination.roles.as_slice()) else {
                continue;
            };
            let (Some(one), Some(two)) = (roles.get(*a), roles.get(*b)) else { continue };
            if let (ReplicasOwner::Autoscaler(x), ReplicasOwner::Autoscaler(y)) =
                (one.replicas_owner(), two.replicas_owner())
            {
                let problem = unlike(span, (one, x, *share_a), (two, y, *share_b));
                problem.into_iter().for_each(|problem| self.report(problem));
            }
        }
    }

    pub fn bounds(&mut self, role: RoleIx) -> Option<(i64, i64)> {
        let span = self.role(role).name.span;
        match self.field(View { role, part: 0 }, "replicas", span) {
            Value::Range(min, max) => Some((min, max)),
            _ => None,
        }
    }

    /// A role is coordinated once.
    pub fn check_once(&mut self, found: &Coordination, others: &[Coordination]) {
        for other in others {
            if found.roles.iter().any(|(r, _)| other.roles.iter().any(|(o, _)| r == o)) {
                let problem = Diagnostic::new(Code::BadCoordination, found.span, "a role is coordinated twice");
                self.report(
                    problem
                        .label(other.span, "first coordinated here")
                        .help("name all its partners in one `coordinate`"),
                );
            }
        }
    }
}

/// A role with its autoscaler and its share of a cell.
type Scaled<'r> = (&'r Role, &'r Autoscale, u32);

/// Why the autoscalers of two roles do not keep them in a ratio.
fn unlike(span: Span, (one, x, a): Scaled<'_>, (two, y, b): Scaled<'_>) -> Option<Diagnostic> {
    let (left, right) = (&one.name, &two.name);
    let problem = |message: String| {
        Diagnostic::new(Code::UnkeptRatio, span, message)
            .label(x.span, format!("of `{left}`"))
            .label(y.span, format!("of `{right}`"))
    };
    let Some((first, second)) = x.metric.of_one_number(&y.metric) else {
        let message =
            format!("`{left}` and `{right}` follow numbers of their own, and nothing keeps them in the ratio {a}:{b}");
        let help = format!(
            "give both one `external(…)` or `prometheus(…)`, with averages in the ratio {b}:{a}; or fix the numbers"
        );
        return Some(problem(message).help(help));
    };
    if first.milli * i128::from(a) != second.milli * i128::from(b) {
        let message =
            format!("averages of {first} and {second} do not keep `{left}` and `{right}` in the ratio {a}:{b}");
        let help = format!(
            "the more of the number an instance takes, the fewer there are: write averages in the ratio {b}:{a}"
        );
        return Some(problem(message).help(help));
    }
    let pace = |autoscale: &Autoscale| (autoscale.stabilization, autoscale.activation, autoscale.cooldown);
    (pace(x) != pace(y)).then(|| {
        let message =
            format!("`{left}` and `{right}` do not scale at the same time, so the ratio {a}:{b} does not hold");
        problem(message).help("give both the same `stabilization`, `activation` and `cooldown`")
    })
}
