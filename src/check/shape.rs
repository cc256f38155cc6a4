//! Which statement may stand where, and what may stand there only once: checked on the tree, so
//! that templates that nobody uses are checked as well, each once.

use std::collections::BTreeMap;

use super::table::options_of;
use crate::diag::{Code, Diagnostic, Session, suggestion};
use crate::resolve::Program;
use crate::resolve::vocabulary::{self, EDGE_FIELDS, FieldKind, GROUP_FIELDS};
use crate::source::Span;
use crate::syntax::*;
