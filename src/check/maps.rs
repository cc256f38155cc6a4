//! Maps, and walking over lists and maps.

use super::expr::{MAX_ELEMENTS, named_block};
use super::mistakes;
use super::state::{Checker, Context, Loops};
use super::value::{Value, ValueMap};
use crate::source::Span;
use crate::syntax::{Expr, Ident, Key, MapBody, MapEntry};

impl<'p> Checker<'_, '_, 'p> {
    /// A map body as a value.
    pub fn map(&mut self, body: &'p MapBody, cx: Context<'_>) -> Value {
        let mut map = ValueMap::new();
        for entry in &body.entries {
            if !self.map_entry(entry, cx, &mut map) {
                return Value::Error;
            }
        }
        map.retain(|_, value| *value != Value::Unset);
        Value::map(map)
    }

    fn map_entry(&mut self, entry: &'p MapEntry, cx: Context<'_>, map: &mut ValueMap) -> bool {
        match entry {
            MapEntry::Set { key, value } => {
                let Some(key) = self.key(key, cx) else { return false };
                let value = self.eval(value, cx);
                map.insert(key, value);
                true
            }
            MapEntry::Merge { key, name, body } => {
                let Some(key) = self.key(key, cx) else { return false };
                if let Some(name) = name {
                    self.report(named_block(name));
                    return false;
                }
                let value = self.map(body, cx);
                map.insert(key, value);
                true
            }
            MapEntry::For { variables, iterable, condition, key, value } => {
                let mut whole = true;
                self.each(variables, iterable, condition.as_ref(), cx, &mut |checker, cx| match checker.key(key, cx) {
                    Some(key) => {
                        let value = checker.eval(value, cx);
                        map.insert(key, value);
                    }
                    None => whole = false,
                }) && whole
            }
        }
    }

    /// The text of a key.
    pub fn key(&mut self, key: &'p Key, cx: Context<'_>) -> Option<String> {
        match key {
            Key::Name(name) => Some(name.name.clone()),
            Key::Computed(expr) => match self.eval(expr, cx) {
                Value::Str(text) => Some(text.to_string()),
                Value::Error => None,
                other => {
                    self.report(mistakes::not_a_key(other.kind(), expr.span));
                    None
                }
            },
        }
    }

    /// Walks a list or map; false when something is not whole, which was reported.
    pub fn each(
        &mut self,
        variables: &'p [Ident],
        iterable: &'p Expr,
        condition: Option<&'p Expr>,
        cx: Context<'_>,
        visit: &mut dyn FnMut(&mut Self, Context<'_>),
    ) -> bool {
        let value = self.eval(iterable, cx);
        let Some(rows) = self.rows(value, variables.len(), iterable.span) else { return false };
        let mut whole = true;
        for (first, second) in rows {
            let outer = Loops { name: variables.first().map_or("", |v| &v.name), value: first, outer: cx.loops };
            let inner = second.map(|value| Loops { name: &variables[1].name, value, outer: Some(&outer) });
            let cx = Context { loops: Some(inner.as_ref().unwrap_or(&outer)), ..cx };
            match condition.map_or(Some(true), |c| self.condition(c, cx)) {
                Some(true) => visit(self, cx),
                Some(false) => {}
                None => whole = false,
            }
            if self.fuel == 0 {
                return false;
            }
        }
        whole
    }

    /// The rounds of a `for`: one value, or a key (or number) and a value.
    fn rows(&mut self, value: Value, variables: usize, span: Span) -> Option<Vec<(Value, Option<Value>)>> {
        let pair = variables > 1;
        match self.forced(value) {
            Value::List(items) if pair => {
                Some(items.iter().enumerate().map(|(i, v)| (Value::Int(i as i64), Some(v.clone()))).collect())
            }
            Value::List(items) => Some(items.iter().map(|v| (v.clone(), None)).collect()),
            Value::Map(map) if pair => Some(map.iter().map(|(k, v)| (Value::str(k), Some(v.clone()))).collect()),
            Value::Map(map) => Some(map.keys().map(|k| (Value::str(k), None)).collect()),
            Value::Range(from, to) if to.saturating_sub(from) < MAX_ELEMENTS as i64 => {
                let row = |(i, n): (usize, i64)| match pair {
                    true => (Value::Int(i as i64), Some(Value::Int(n))),
                    false => (Value::Int(n), None),
                };
                Some((from..=to).enumerate().map(row).collect())
            }
            Value::Range(..) => {
                self.too_many(span);
                None
            }
            Value::Error => None,
            other => {
                self.report(mistakes::not_a_collection(other.kind(), span));
                None
            }
        }
    }

    /// A map field of a role as an ordinary map.
    pub fn forced(&mut self, value: Value) -> Value {
        match value {
            Value::Fields(view, field) => self.whole_field(view, field),
            other => other,
        }
    }
}
