//! Placement clauses with their roles spelt out, and coordinations.

use super::state::{Checker, Context, FrameIx, GroupIx, RoleIx, View};
use super::value::Value;
use super::{Clause, ClauseKind, Coordination, Level};
use crate::diag::{Code, Diagnostic};
use crate::resolve::Type;
use crate::source::Span;
use crate::syntax::{self, Expr, Ident, StatementKind};

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
        let own = roles
            .iter()
            .filter(|r| self.role(**r).absent.is_none())
            .flat_map(|r| self.role(*r).layers.iter().map(|l| (l.body, l.frame, Some(*r))).collect::<Vec<_>>());
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
                    let problem =
                        Diagnostic::new(Code::MisplacedStatement, expr.span, "a required clause has no weight");
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
                self.report(Diagnostic::new(
                    Code::OutOfRange,
                    expr.span,
                    format!("{n} is not a number from 1 to 100000"),
                ));
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
}

fn named(level: &Ident) -> Level {
    Level { name: level.name.clone(), span: level.span }
}
