//! Values in placement clauses.

use super::Inference;
use super::fit::Texts;
use crate::resolve::Type;
use crate::syntax::{Clause, ClauseKind};

impl<'p> Inference<'p> {
    pub fn clause(&mut self, clause: &'p Clause) {
        clause.weight.iter().for_each(|weight| self.expect(weight, &Type::Int, weight.span));
        match &clause.kind {
            ClauseKind::Spread { max_skew, at_least, .. } => {
                max_skew.iter().chain(at_least).for_each(|count| self.expect(count, &Type::Int, count.span));
            }
            ClauseKind::Survive { count, .. } => self.expect(count, &Type::Int, count.span),
            ClauseKind::Pool { pools, .. } => {
                pools.iter().for_each(|pool| self.expect(pool, &Type::String, pool.span));
            }
            ClauseKind::Label { value, .. } => self.expect_text_or_texts(value, Texts::Known, value.span),
            ClauseKind::Instances { .. }
            | ClauseKind::Roles { .. }
            | ClauseKind::Group { .. }
            | ClauseKind::Cells { .. }
            | ClauseKind::Near { .. }
            | ClauseKind::Apart { .. }
            | ClauseKind::Exclusive { .. } => {}
        }
    }
}
