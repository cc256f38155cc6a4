//! Scopes while names are bound: what is visible where.

use std::collections::BTreeMap;

use super::Binding;
use crate::source::Span;

/// Names that are visible in a part of a file, innermost last.
#[derive(Default)]
pub(super) struct Scopes<'a> {
    stack: Vec<Scope<'a>>,
}

/// One layer of visible names.
pub(super) struct Scope<'a> {
    pub names: BTreeMap<&'a str, Name>,
    /// What is said of these names when one of them is unused; loop variables and parameters are not.
    pub lets: bool,
}

/// A visible name.
pub(super) struct Name {
    pub binding: Binding,
    pub span: Span,
    pub used: bool,
}

impl<'a> Scopes<'a> {
    pub fn push(&mut self, lets: bool) {
        self.stack.push(Scope { names: BTreeMap::new(), lets });
    }

    /// Ends a layer; the unused `let`s of it, in order of their place.
    pub fn pop(&mut self) -> Vec<(&'a str, Span)> {
        let Some(scope) = self.stack.pop() else { return Vec::new() };
        if !scope.lets {
            return Vec::new();
        }
        let mut unused: Vec<_> = scope.names.into_iter().filter(|(_, n)| !n.used).map(|(k, n)| (k, n.span)).collect();
        unused.sort_by_key(|(_, span)| *span);
        unused
    }

    /// Declares a name in the innermost layer; the place of an earlier declaration if there is one.
    pub fn declare(&mut self, name: &'a str, binding: Binding, span: Span, used: bool) -> Option<Span> {
        let scope = self.stack.last_mut()?;
        let earlier = scope.names.get(name).map(|n| n.span);
        if earlier.is_none() {
            scope.names.insert(name, Name { binding, span, used });
        }
        earlier
    }

    /// What a name means, innermost first; marks it as used.
    pub fn find(&mut self, name: &str) -> Option<(Binding, Span)> {
        let found = self.stack.iter_mut().rev().find_map(|s| s.names.get_mut(name))?;
        found.used = true;
        Some((found.binding, found.span))
    }

    /// All visible names.
    pub fn names(&self) -> impl Iterator<Item = &'a str> {
        self.stack.iter().flat_map(|s| s.names.keys().copied())
    }
}
