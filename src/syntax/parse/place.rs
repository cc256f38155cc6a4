//! `place { … }`.

use super::Rule;
use super::convert::{Convert, Cursor, Node};
use super::errors;
use crate::syntax::{Clause, ClauseKind, Expr, Ident, Key};

impl Convert<'_> {
    /// The clauses between the braces.
    pub(super) fn place(&mut self, node: Node) -> Option<Vec<Clause>> {
        let clauses = node.into_inner().filter(|p| p.as_rule() == Rule::clause);
        clauses.map(|clause| self.clause(clause)).collect()
    }

    fn clause(&mut self, node: Node) -> Option<Clause> {
        self.begins(&node);
        let span = self.span(&node);
        let mut inner = Cursor::new(node);
        let prefer = inner.take(Rule::prefer).is_some();
        let kind = self.clause_kind(inner.next()?)?;
        let weight = self.clause_value(&mut inner, Rule::weight)?;
        Some(Clause { prefer, weight, span, kind })
    }

    /// The value of an option such as `weight 10`, if it comes next.
    #[allow(clippy::option_option, reason = "the outer option is the converter's, the inner one the tree's")]
    pub(super) fn clause_value(&mut self, inner: &mut Cursor, option: Rule) -> Option<Option<Expr>> {
        match inner.take(option) {
            Some(option) => self.optional_expr(&mut Cursor::new(option)),
            None => Some(None),
        }
    }

    fn roles(&mut self, inner: &mut Cursor) -> Vec<Ident> {
        inner.take(Rule::roles).map(|roles| self.names(roles, Rule::role_name)).unwrap_or_default()
    }

    fn level(&mut self, inner: &mut Cursor) -> Option<Ident> {
        Some(self.name(&inner.take(Rule::name)?))
    }

    fn within(&mut self, inner: &mut Cursor) -> Option<Ident> {
        self.level(&mut Cursor::new(inner.take(Rule::within)?))
    }

    fn clause_kind(&mut self, node: Node) -> Option<ClauseKind> {
        let rule = node.as_rule();
        let mut inner = Cursor::new(node);
        Some(match rule {
            Rule::instances => {
                let roles = self.roles(&mut inner);
                ClauseKind::Instances { roles, level: self.within(&mut inner)? }
            }
            Rule::whole_group => ClauseKind::Group { level: self.within(&mut inner)? },
            Rule::cells => ClauseKind::Cells { level: self.within(&mut inner)? },
            Rule::exclusive => ClauseKind::Exclusive { level: self.level(&mut inner)? },
            Rule::survive => {
                let count = self.expr(inner.take(Rule::expr)?)?;
                ClauseKind::Survive { count, level: self.level(&mut inner)? }
            }
            Rule::spread => {
                let roles = self.roles(&mut inner);
                let level = self.level(&mut inner)?;
                let max_skew = self.clause_value(&mut inner, Rule::max_skew)?;
                let at_least = self.clause_value(&mut inner, Rule::at_least)?;
                ClauseKind::Spread { roles, level, max_skew, at_least }
            }
            Rule::role_clause => {
                let roles = self.roles(&mut inner);
                self.role_clause(roles, inner.next()?)?
            }
            _ => return None,
        })
    }

    /// A clause that begins with roles.
    fn role_clause(&mut self, mut roles: Vec<Ident>, node: Node) -> Option<ClauseKind> {
        let rule = node.as_rule();
        let mut inner = Cursor::new(node);
        Some(match rule {
            Rule::within => ClauseKind::Roles { roles, level: self.level(&mut inner)? },
            Rule::near => {
                if let Some(second) = roles.get(1) {
                    self.problems.push(errors::one_role_near(second));
                    roles.truncate(1);
                }
                let to = self.level(&mut inner)?;
                ClauseKind::Near { role: roles.pop(), to, level: self.level(&mut inner)? }
            }
            Rule::apart => {
                let from = match inner.take(Rule::from) {
                    Some(from) => Some(self.level(&mut Cursor::new(from))?),
                    None => None,
                };
                ClauseKind::Apart { roles, from, level: self.level(&mut inner)? }
            }
            Rule::eligible => {
                let not = inner.take(Rule::not).is_some();
                self.eligible(roles, not, inner.next()?)?
            }
            _ => return None,
        })
    }

    fn eligible(&mut self, roles: Vec<Ident>, not: bool, node: Node) -> Option<ClauseKind> {
        let rule = node.as_rule();
        let mut inner = Cursor::new(node);
        if rule == Rule::pool {
            let mut pools = Vec::new();
            while let Some(pool) = inner.take(Rule::expr) {
                pools.push(self.expr(pool)?);
            }
            return Some(ClauseKind::Pool { roles, not, pools });
        }
        let (key, _) = self.key(inner.next()?)?;
        let key = match key {
            Key::Name(name) => name,
            Key::Computed(expr) => {
                self.problems.push(errors::not_plain(expr.span, "the key of a label"));
                Ident { name: String::new(), span: expr.span }
            }
        };
        Some(ClauseKind::Label { roles, not, key, value: self.expr(inner.take(Rule::expr)?)? })
    }
}
