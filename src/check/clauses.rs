//! Placement clauses with their roles spelt out, and coordinations.

use super::setup::not_yet;
use super::state::{Checker, Context, FrameIx, GroupIx, RoleIx, View};
use super::value::Value;
use super::{Clause, ClauseKind, Coordination, Level};
use crate::diag::{Code, Diagnostic};
use crate::resolve::Type;
use crate::source::Span;
use crate::syntax::{self, Expr, Ident, Key, MapBody, MapEntry, StatementKind};

/// Where a clause stands: in a group, or in a role which it then means.
#[derive(Clone, Copy)]
struct Place {
    group: GroupIx,
    role: Option<RoleIx>,
    frame: FrameIx,
}

impl<'p> Checker<'_, '_, 'p> {
    /// All clauses of a group and of its roles.
    pub fn clauses(&mut self, group: GroupIx, coordinations: &[Coordination]) -> Vec<Clause> {
        let mut out = Vec::new();
        let shared: Vec<_> = self.group(group).layers.iter().map(|l| (l.body, l.frame, None)).collect();
        let roles = self.group(group).roles.clone();
        let own = roles.iter().filter(|r| self.role(**r).absent.is_none()).flat_map(|r| {
            self.role(*r).layers.iter().map(|l| (l.body, l.frame, Some(*r))).collect::<Vec<_>>()
        });
        let bodies: Vec<_> = shared.into_iter().chain(own).collect();
        for (body, frame, role) in bodies {
            for statement in &body.statements {
                let StatementKind::Place(clauses) = &statement.kind else { continue };
                for clause in clauses {
                    self.clause(clause, Place { group, role, frame }, coordinations, &mut out);
                }
            }
        }
        out
    }

    fn clause(&mut self, clause: &'p syntax::Clause, at: Place, pairs: &[Coordination], out: &mut Vec<Clause>) {
        let cx = self.place_context(at);
        let weight = match &clause.weight {
            Some(expr) => {
                if !clause.prefer {
                    let problem = Diagnostic::new(Code::MisplacedStatement, expr.span, "a required clause has no weight");
                    self.report(problem.help("write `prefer` before the clause, or leave `weight` out"));
                }
                let value = self.eval(expr, cx);
                self.weight(value, expr.span)
            }
            None => None,
        };
        let prefer = clause.prefer.then(|| weight.unwrap_or(1));
        for kind in self.clause_kinds(clause, at, pairs) {
            out.push(Clause { kind, prefer, span: clause.span });
        }
    }

    fn place_context(&self, at: Place) -> Context<'static> {
        Context { view: at.role.map(|role| View { role, part: 0 }), ..Context::new(at.frame) }
    }

    fn clause_kinds(&mut self, clause: &'p syntax::Clause, at: Place, pairs: &[Coordination]) -> Vec<ClauseKind> {
        let cx = self.place_context(at);
        match &clause.kind {
            syntax::ClauseKind::Instances { roles, level } => {
                let roles = self.clause_roles(roles, at, true, clause.span);
                if roles.is_empty() { vec![] } else { vec![ClauseKind::Instances { roles, level: named(level) }] }
            }
            syntax::ClauseKind::Roles { roles, level } => {
                let roles = self.clause_roles(roles, at, false, clause.span);
                if roles.is_empty() { vec![] } else { vec![ClauseKind::Together { roles, level: named(level) }] }
            }
            syntax::ClauseKind::Group { level } => {
                let roles = self.clause_roles(&[], Place { role: None, ..at }, true, clause.span);
                vec![ClauseKind::Together { roles, level: named(level) }]
            }
            syntax::ClauseKind::Cells { level } => self.cells(level, pairs, clause.span),
            syntax::ClauseKind::Near { role, to, level } => {
                let roles: Vec<Ident> = role.iter().cloned().collect();
                let bound = self.clause_roles(&roles, at, false, clause.span);
                let Some(to) = self.clause_role(to, at) else { return vec![] };
                bound.into_iter().map(|role| ClauseKind::Near { role, to, level: named(level) }).collect()
            }
            syntax::ClauseKind::Spread { roles, level, max_skew, at_least } => {
                let roles = self.clause_roles(roles, at, false, clause.span);
                let max_skew = max_skew.as_ref().map(|e| self.clause_count(e, cx));
                let at_least = at_least.as_ref().map(|e| self.clause_count(e, cx));
                let (max_skew, at_least) = match (max_skew, at_least) {
                    (None, None) => (Some(1), None),
                    (a, b) => (a.flatten(), b.flatten()),
                };
                let spread = |role| ClauseKind::Spread { role, level: named(level), max_skew, at_least };
                roles.into_iter().map(spread).collect()
            }
            syntax::ClauseKind::Apart { roles, from, level } => {
                let roles = self.clause_roles(roles, at, false, clause.span);
                let from = match from {
                    Some(from) => match self.clause_role(from, at) {
                        Some(from) => Some(from),
                        None => return vec![],
                    },
                    None => None,
                };
                roles.into_iter().map(|role| ClauseKind::Apart { role, from, level: named(level) }).collect()
            }
            syntax::ClauseKind::Exclusive { level } => vec![ClauseKind::Exclusive { level: named(level) }],
            syntax::ClauseKind::Survive { count, level } => {
                let count = self.clause_count(count, cx);
                count.map(|count| ClauseKind::Survive { count, level: named(level) }).into_iter().collect()
            }
            syntax::ClauseKind::Pool { roles, not, pools } => {
                let roles = self.clause_roles(roles, at, true, clause.span);
                let pools = pools.iter().filter_map(|p| self.clause_text(p, cx).map(|t| (t, p.span))).collect();
                vec![ClauseKind::Pool { roles, not: *not, pools }]
            }
            syntax::ClauseKind::Label { roles, not, key, value } => {
                let roles = self.clause_roles(roles, at, true, clause.span);
                let values = self.label_values(value, cx);
                if values.is_empty() {
                    return vec![];
                }
                vec![ClauseKind::Label { roles, not: *not, key: key.name.clone(), values }]
            }
        }
    }

    /// The roles of a clause: named ones, the enclosing role, or (where that makes sense) all.
    fn clause_roles(&mut self, roles: &[Ident], at: Place, all: bool, span: Span) -> Vec<usize> {
        if !roles.is_empty() {
            return roles.iter().filter_map(|r| self.clause_role(r, at)).collect();
        }
        if let Some(role) = at.role {
            return self.role(role).model.map(|id| id.role).into_iter().collect();
        }
        if all {
            let roles = &self.group(at.group).roles;
            return roles.iter().filter_map(|r| self.role(*r).model.map(|id| id.role)).collect();
        }
        let problem = Diagnostic::new(Code::MissingValue, span, "this clause names no role");
        self.report(problem.help("in a group the role is named: `spread decode over rack`"));
        Vec::new()
    }

    fn clause_role(&mut self, name: &Ident, at: Place) -> Option<usize> {
        let role = self.named_role(at.group, name)?;
        self.role(role).model.map(|id| id.role)
    }

    fn clause_count(&mut self, expr: &'p Expr, cx: Context<'_>) -> Option<u32> {
        let value = self.eval(expr, cx);
        match self.convert(value, &Type::Int, expr.span) {
            Value::Int(n) if (1..=100_000).contains(&n) => u32::try_from(n).ok(),
            Value::Int(n) => {
                self.report(Diagnostic::new(Code::OutOfRange, expr.span, format!("{n} is not a number from 1")));
                None
            }
            _ => None,
        }
    }

    fn clause_text(&mut self, expr: &'p Expr, cx: Context<'_>) -> Option<String> {
        let value = self.eval(expr, cx);
        match self.convert(value, &Type::String, expr.span) {
            Value::Str(text) => Some(text.to_string()),
            _ => None,
        }
    }

    fn label_values(&mut self, expr: &'p Expr, cx: Context<'_>) -> Vec<String> {
        match self.eval(expr, cx) {
            Value::List(items) => items.iter().filter_map(|v| self.known_text(v.clone(), expr.span)).collect(),
            one => self.known_text(one, expr.span).into_iter().collect(),
        }
    }

    fn cells(&mut self, level: &Ident, pairs: &[Coordination], span: Span) -> Vec<ClauseKind> {
        let paired: Vec<ClauseKind> = pairs
            .iter()
            .filter(|p| p.ratio.is_some())
            .map(|p| ClauseKind::Cells { shares: p.roles.clone(), level: named(level) })
            .collect();
        if paired.is_empty() {
            let problem = Diagnostic::new(Code::VoidClause, span, "`cells` without a ratio");
            self.report(problem.help("give one: `coordinate prefill, decode { ratio = 1:2 }`"));
        }
        paired
    }

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

    fn coordination(
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
        let mut shares = vec![1; roles.len()];
        let mut ratio = None;
        for entry in &body.entries {
            match entry {
                MapEntry::Set { key: Key::Name(key), value } if key.name == "ratio" => {
                    let (a, b) = self.ratio(value, frame, &roles)?;
                    shares = vec![a, b];
                    ratio = Some(value.span);
                }
                MapEntry::Merge { key: Key::Name(key), name: None, body } if key.name == "rollout" => {
                    self.check_skew(body, frame, &roles);
                    self.report(not_yet(key.span, "`rollout`"));
                }
                MapEntry::Merge { key: Key::Name(key), name: None, .. } if key.name == "scale" => {
                    self.report(not_yet(key.span, "`scale`"));
                }
                MapEntry::Set { key: Key::Name(key), .. } if key.name == "recover" => {
                    self.report(not_yet(key.span, "`recover`"));
                }
                MapEntry::Set { key: Key::Name(key), .. } | MapEntry::Merge { key: Key::Name(key), .. } => {
                    let message = format!("`coordinate` has no `{}`", key.name);
                    let mut problem = Diagnostic::new(Code::UnknownField, key.span, message);
                    problem.help = crate::diag::suggestion(&key.name, &["ratio", "recover", "rollout", "scale"]);
                    self.report(problem);
                }
                MapEntry::For { .. } | MapEntry::Set { .. } | MapEntry::Merge { .. } => {
                    self.report(Diagnostic::new(Code::MisplacedStatement, body.span, "`coordinate` takes plain entries"));
                }
            }
        }
        let numbers: Option<Vec<usize>> = roles.iter().map(|r| self.role(*r).model.map(|id| id.role)).collect();
        Some(Coordination { roles: numbers?.into_iter().zip(shares).collect(), ratio, span })
    }

    fn ratio(&mut self, expr: &'p Expr, frame: FrameIx, roles: &[RoleIx]) -> Option<(u32, u32)> {
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
                let help = format!("for {cells} cells: {} `{one}` and {} `{two}`", cells * i64::from(a), cells * i64::from(b));
                self.report(problem.help(help));
                return None;
            }
        }
        Some((a, b))
    }

    fn bounds(&mut self, role: RoleIx) -> Option<(i64, i64)> {
        let span = self.role(role).name.span;
        match self.field(View { role, part: 0 }, "replicas", span) {
            Value::Range(min, max) => Some((min, max)),
            _ => None,
        }
    }

    /// A skew bound that no schedule of whole instances can keep.
    fn check_skew(&mut self, body: &'p MapBody, frame: FrameIx, roles: &[RoleIx]) {
        let given = body.entries.iter().find_map(|e| match e {
            MapEntry::Set { key: Key::Name(key), value } if key.name == "max-skew" => Some(value),
            _ => None,
        });
        let Some(expr) = given else { return };
        let value = self.eval(expr, Context::new(frame));
        let Value::Percent(wanted) = self.convert(value, &Type::Percent, expr.span) else { return };
        for (i, first) in roles.iter().enumerate() {
            for second in &roles[i + 1..] {
                let (Some((a, most_a)), Some((b, most_b))) = (self.bounds(*first), self.bounds(*second)) else { continue };
                if a != most_a || b != most_b || a < 1 || b < 1 || a.saturating_mul(b) > 4_000_000 {
                    continue;
                }
                let best = super::skew::optimum(a as usize, b as usize, true);
                if wanted / 100.0 + 1e-9 < best {
                    let (one, two) = (&self.role(*first).name.name, &self.role(*second).name.name);
                    let alone = super::skew::optimum(a as usize, b as usize, false) * 100.0;
                    let message = format!(
                        "no order of updates keeps `{one}` and `{two}` within {wanted}%: the best is {:.1}%",
                        best * 100.0
                    );
                    let help = format!("{a} and {b} instances: {:.1}% when one of each may share a step, {alone:.1}% one at a time", best * 100.0);
                    self.report(Diagnostic::new(Code::SkewUnreachable, expr.span, message).help(help));
                }
            }
        }
    }

    /// A role is coordinated once.
    fn check_once(&mut self, found: &Coordination, others: &[Coordination]) {
        for other in others {
            if found.roles.iter().any(|(r, _)| other.roles.iter().any(|(o, _)| r == o)) {
                let problem = Diagnostic::new(Code::BadCoordination, found.span, "a role is coordinated twice");
                self.report(problem.label(other.span, "first coordinated here").help("name all its partners in one `coordinate`"));
            }
        }
    }
}

fn named(level: &Ident) -> Level {
    Level { name: level.name.clone(), span: level.span }
}
