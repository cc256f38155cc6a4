//! Fields of roles: the contributions of all layers merged, key by key.

use super::state::{Checker, Context, FrameIx, Goal, Inherited, View};
use super::table::{Contribution, FieldValue};
use super::value::{Value, ValueMap};
use crate::diag::{Code, Diagnostic};
use crate::resolve::Type;
use crate::resolve::vocabulary::{self, FieldKind};
use crate::source::Span;
use crate::syntax::{Expr, Key, MapBody, MapEntry};

impl<'p> Checker<'_, '_, 'p> {
    /// A field of a role as a part sees it: a value, or a handle to look keys up in.
    pub fn field(&mut self, view: View, name: &'static str, span: Span) -> Value {
        if self.setting_up {
            let message = format!("`{name}` is not known yet: a condition of `role`, `connect` or `x N` cannot use it");
            self.report(Diagnostic::new(Code::ValueCycle, span, message));
            return Value::Error;
        }
        let Some(field) = vocabulary::role_field(name) else { return Value::Error };
        match field.kind {
            FieldKind::Ports => Value::Ports(view),
            kind if is_map(kind) => Value::Fields(view, name),
            kind => self.scalar(view, name, kind, span),
        }
    }

    fn scalar(&mut self, view: View, name: &'static str, kind: FieldKind, span: Span) -> Value {
        let memo = self.role(view.role).fields.get(&(view.part, name)).cloned();
        self.remember(Goal::Field(view, name), span, memo, |checker| {
            let table = checker.table(view);
            checker.scalar_below(view, name, kind, table.field(name), span)
        })
    }

    /// The value of a field when only these contributions count.
    pub fn scalar_below(
        &mut self,
        view: View,
        name: &'static str,
        kind: FieldKind,
        contributions: &[Contribution<'p>],
        span: Span,
    ) -> Value {
        let Some((last, rest)) = contributions.split_last() else { return self.default(view, name, span) };
        let value = match last.field() {
            Some(FieldValue::Replace(expr)) => {
                let inherited = Inherited { view, field: name, key: None, below: rest.len() };
                self.evaluated(last, expr, view, inherited)
            }
            // A block for a field that is no map was reported with the shape of the body.
            Some(FieldValue::Merge(_)) | None => return Value::Error,
        };
        self.check_ties(contributions, view, name, None, &value);
        let value = self.fit_field(value, kind, last.span());
        if value == Value::Unset { self.default(view, name, span) } else { value }
    }

    fn evaluated(
        &mut self,
        contribution: &Contribution<'p>,
        expr: &'p Expr,
        view: View,
        inherited: Inherited<'_>,
    ) -> Value {
        let cx = Context { frame: contribution.frame, view: Some(view), loops: None, inherited: Some(inherited) };
        self.eval(expr, cx)
    }

    /// Two layers that must agree but set different values, and nothing above settles it.
    fn check_ties(
        &mut self,
        contributions: &[Contribution<'p>],
        view: View,
        name: &'static str,
        key: Option<&str>,
        value: &Value,
    ) {
        let Some((last, rest)) = contributions.split_last() else { return };
        if last.tie.is_none() || value.is_error() {
            return;
        }
        for (below, other) in rest.iter().enumerate().rev() {
            if other.tie != last.tie || other.layer == last.layer {
                continue;
            }
            let found = match (other.field(), key) {
                (Some(FieldValue::Replace(expr)), None) => {
                    let inherited = Inherited { view, field: name, key: None, below };
                    Some((self.evaluated(other, expr, view, inherited), expr.span))
                }
                (Some(_), Some(key)) => {
                    let inherited = Some(Inherited { view, field: name, key: Some(key), below });
                    self.contributed_entry(other, key, Context { inherited, ..Context::of(other.frame, view) })
                }
                _ => None,
            };
            if let Some((theirs, span)) = found {
                if theirs != *value && !theirs.is_error() {
                    let what = key.map_or(name.to_owned(), |k| format!("{name}.{k}"));
                    let at = key.map_or(last.span(), |k| super::container::entry_span(&[*last], k));
                    self.report(conflict(&what, at, value, span, &theirs));
                }
                return;
            }
        }
    }

    /// One key of a map field.
    pub fn entry(&mut self, view: View, field: &'static str, key: &str, span: Span) -> Value {
        let memo = self.role(view.role).entries.get(&(view.part, field)).and_then(|e| e.get(key)).cloned();
        let goal = Goal::Entry(view, field, key.to_owned());
        self.remember(goal, span, memo, |checker| {
            let table = checker.table(view);
            checker.entry_below(view, field, key, table.field(field), true)
        })
    }

    /// One key of a map field when only these contributions count. With `ties`, layers that must
    /// agree are held against each other.
    pub fn entry_below(
        &mut self,
        view: View,
        field: &'static str,
        key: &str,
        contributions: &[Contribution<'p>],
        ties: bool,
    ) -> Value {
        let cx = |frame, below| {
            let inherited = Some(Inherited { view, field, key: Some(key), below });
            Context { inherited, ..Context::of(frame, view) }
        };
        let Some((value, span, index)) = self.topmost_entry(contributions, key, cx) else { return Value::Unset };
        if ties {
            self.check_ties(&contributions[..=index], view, field, Some(key), &value);
        }
        self.fit_entry(value, field, key, span)
    }

    /// What the topmost contribution that knows a key says of it, where, and which one that is.
    pub fn topmost_entry<'k>(
        &mut self,
        contributions: &[Contribution<'p>],
        key: &str,
        cx: impl Fn(FrameIx, usize) -> Context<'k>,
    ) -> Option<(Value, Span, usize)> {
        for (index, contribution) in contributions.iter().enumerate().rev() {
            if let Some((value, span)) = self.contributed_entry(contribution, key, cx(contribution.frame, index)) {
                return Some((value, span, index));
            }
            if matches!(contribution.field(), Some(FieldValue::Replace(_))) {
                break;
            }
        }
        None
    }

    /// What one contribution says of a key; `None` when nothing.
    fn contributed_entry(
        &mut self,
        contribution: &Contribution<'p>,
        key: &str,
        cx: Context<'_>,
    ) -> Option<(Value, Span)> {
        match contribution.field()? {
            FieldValue::Merge(body) => self.body_entry(body, key, cx),
            FieldValue::Replace(expr) => {
                let value = self.eval(expr, Context { inherited: None, ..cx });
                match self.forced(value) {
                    Value::Map(map) => map.get(key).map(|v| (v.clone(), expr.span)),
                    Value::Unset => None,
                    Value::Error => Some((Value::Error, expr.span)),
                    other => {
                        self.report(super::convert::mismatch("Map", &other, expr.span));
                        Some((Value::Error, expr.span))
                    }
                }
            }
        }
    }

    fn body_entry(&mut self, body: &'p MapBody, key: &str, cx: Context<'_>) -> Option<(Value, Span)> {
        let mut found = None;
        for entry in &body.entries {
            match entry {
                MapEntry::Set { key: Key::Name(name), value } if name.name == key => {
                    found = Some((self.eval(value, cx), value.span));
                }
                MapEntry::Set { key: Key::Name(_), .. } => {}
                MapEntry::Set { key: Key::Computed(_), value } => {
                    let MapEntry::Set { key: computed, .. } = entry else { continue };
                    if self.key(computed, cx).as_deref() == Some(key) {
                        found = Some((self.eval(value, cx), value.span));
                    }
                }
                MapEntry::Merge { key: Key::Name(name), name: None, body } if name.name == key => {
                    let span = body.span;
                    found = Some((self.map(body, cx), span));
                }
                MapEntry::Merge { name: Some(name), .. } => {
                    self.report(super::expr::named_block(name));
                    return Some((Value::Error, name.span));
                }
                MapEntry::Merge { .. } => {}
                MapEntry::For { variables, iterable, condition, key: computed, value } => {
                    let mut hit = None;
                    self.each(variables, iterable, condition.as_ref(), cx, &mut |checker, cx| {
                        if checker.key(computed, cx).as_deref() == Some(key) {
                            hit = Some((checker.eval(value, cx), value.span));
                        }
                    });
                    found = hit.or(found);
                }
            }
        }
        found
    }

    /// The keys of a map field that any layer sets, in order of first appearance.
    pub fn keys(&mut self, view: View, field: &'static str) -> Vec<String> {
        let table = self.table(view);
        self.keys_below(Some(view), table.field(field))
    }

    /// The keys that these contributions set, in order of first appearance.
    pub fn keys_below(&mut self, view: Option<View>, contributions: &[Contribution<'p>]) -> Vec<String> {
        let mut keys: indexmap::IndexSet<String> = indexmap::IndexSet::new();
        for contribution in contributions {
            let cx = Context { view, ..Context::new(contribution.frame) };
            match contribution.field() {
                Some(FieldValue::Merge(body)) => self.body_keys(body, cx, &mut keys),
                Some(FieldValue::Replace(expr)) => {
                    let value = self.eval(expr, cx);
                    keys.clear();
                    match self.forced(value) {
                        Value::Map(map) => keys.extend(map.keys().cloned()),
                        Value::Unset | Value::Error => {}
                        other => self.report(super::convert::mismatch("Map", &other, expr.span)),
                    }
                }
                None => {}
            }
        }
        keys.into_iter().collect()
    }

    fn body_keys(&mut self, body: &'p MapBody, cx: Context<'_>, keys: &mut indexmap::IndexSet<String>) {
        for entry in &body.entries {
            match entry {
                MapEntry::Set { key, .. } | MapEntry::Merge { key, .. } => {
                    keys.extend(self.key(key, cx));
                }
                MapEntry::For { variables, iterable, condition, key, .. } => {
                    self.each(variables, iterable, condition.as_ref(), cx, &mut |checker, cx| {
                        keys.extend(checker.key(key, cx));
                    });
                }
            }
        }
    }

    /// A map field with all its keys; those that are unset are left out.
    pub fn whole_field(&mut self, view: View, field: &'static str) -> Value {
        let mut map = ValueMap::new();
        for key in self.keys(view, field) {
            let span = self.field_span(view, field);
            match self.entry(view, field, &key, span) {
                Value::Unset => {}
                Value::Error => return Value::Error,
                value => {
                    map.insert(key, value);
                }
            }
        }
        Value::map(map)
    }

    /// A map in a map field, of all layers: merged key by key as the field itself is.
    pub fn nested(&mut self, view: View, field: &'static str, key: &str) -> ValueMap {
        let table = self.table(view);
        let mut merged = ValueMap::new();
        for contribution in table.field(field) {
            let cx = Context::of(contribution.frame, view);
            if let Some(inner) = contribution.block(key) {
                let mut keys = indexmap::IndexSet::new();
                self.body_keys(inner, cx, &mut keys);
                for key in keys {
                    match self.body_entry(inner, &key, cx) {
                        Some((Value::Unset, _)) | None => drop(merged.shift_remove(&key)),
                        Some((value, _)) => drop(merged.insert(key, value)),
                    }
                }
                continue;
            }
            let found = self.contributed_entry(contribution, key, cx);
            if found.is_some() || matches!(contribution.field(), Some(FieldValue::Replace(_))) {
                merged.clear();
            }
            let Some((value, span)) = found else { continue };
            if let Value::Map(map) = self.convert(value, &Type::Map(Box::new(Type::Any)), span) {
                merged.extend(map.iter().map(|(key, value)| (key.clone(), value.clone())));
            }
        }
        merged
    }

    /// The value below the layer in which `inherited` stands.
    pub fn inherited(&mut self, span: Span, cx: Context<'_>) -> Value {
        let Some(Inherited { view, field, key, below }) = cx.inherited else {
            let message = "`inherited` stands only in the value of a field or of a key of one";
            self.report(Diagnostic::new(Code::MisplacedStatement, span, message));
            return Value::Error;
        };
        let Some(kind) = vocabulary::role_field(field).map(|f| f.kind) else { return Value::Error };
        let table = self.table(view);
        let all = table.field(field);
        let contributions = all.get(..below).unwrap_or(all);
        match key {
            Some(key) => self.entry_below(view, field, key, contributions, false),
            None => self.scalar_below(view, field, kind, contributions, span),
        }
    }

    /// Where a field gets its value: the topmost contribution, or the name of the role.
    pub fn field_span(&mut self, view: View, field: &str) -> Span {
        let table = self.table(view);
        table.field(field).last().map_or(self.role(view.role).name.span, Contribution::span)
    }

    fn default(&mut self, view: View, name: &'static str, span: Span) -> Value {
        match name {
            "replicas" => Value::Range(1, 1),
            "pods" => Value::Int(1),
            "gpus" | "rdma" => Value::Int(0),
            "discovers" => Value::Bool(false),
            "flag-style" => Value::str("space"),
            // Ranks and pairings matter to processes that share accelerators; others scale freely.
            "identity" => {
                let first = View { part: 0, ..view };
                let plain = self.field(first, "gpus", span) == Value::Int(0)
                    && self.field(first, "pods", span) == Value::Int(1);
                Value::str(if plain { "none" } else { "stable" })
            }
            _ => Value::Unset,
        }
    }

    /// The value of a scalar field in its type and range.
    fn fit_field(&mut self, value: Value, kind: FieldKind, span: Span) -> Value {
        match kind {
            FieldKind::Int(least) => {
                let value = self.convert(value, &Type::Int, span);
                self.at_least(value, least, span)
            }
            FieldKind::Range => self.replicas(value, span),
            FieldKind::Bool => self.convert(value, &Type::Bool, span),
            FieldKind::Text => self.convert(value, &Type::String, span),
            FieldKind::Image => self.convert(value, &Type::Image, span),
            FieldKind::Quantity => match self.convert(value, &Type::Quantity, span) {
                Value::Quantity(q) if q.milli < 0 => self.negative(span),
                value => value,
            },
            FieldKind::Duration => match self.convert(value, &Type::Duration, span) {
                Value::Duration(ms) if ms < 0 => self.negative(span),
                value => value,
            },
            FieldKind::Word(words) => {
                let words = words.iter().map(|w| (*w).to_owned()).collect();
                self.convert(value, &Type::Union(words), span)
            }
            FieldKind::Texts => self.convert(value, &Type::List(Box::new(Type::String)), span),
            FieldKind::Maps => self.convert(value, &Type::List(Box::new(Type::Map(Box::new(Type::Any)))), span),
            FieldKind::RuntimeTexts => match value {
                Value::List(_) | Value::Unset | Value::Error => value,
                other => self.convert(other, &Type::List(Box::new(Type::Runtime)), span),
            },
            FieldKind::RuntimeMap
            | FieldKind::Options(_)
            | FieldKind::TextMap
            | FieldKind::QuantityMap
            | FieldKind::PodSpec
            | FieldKind::Ports
            | FieldKind::Later => value,
        }
    }

    fn at_least(&mut self, value: Value, least: i64, span: Span) -> Value {
        match value {
            Value::Int(i) if i < least => {
                self.report(Diagnostic::new(Code::OutOfRange, span, format!("{i} is less than {least}")));
                Value::Error
            }
            Value::Int(i) if i > super::MAX_PODS => {
                let message = format!("{i} is more than {}", super::MAX_PODS);
                self.report(Diagnostic::new(Code::LimitExceeded, span, message));
                Value::Error
            }
            value => value,
        }
    }

    fn replicas(&mut self, value: Value, span: Span) -> Value {
        match self.convert(value, &Type::Range, span) {
            Value::Range(min, _) if min < 0 => {
                let message = format!("`replicas` cannot begin at {min}");
                self.report(Diagnostic::new(Code::OutOfRange, span, message));
                Value::Error
            }
            Value::Range(_, max) if max > super::MAX_INSTANCES => {
                let message = format!("{max} instances are more than {}", super::MAX_INSTANCES);
                self.report(Diagnostic::new(Code::LimitExceeded, span, message));
                Value::Error
            }
            value => value,
        }
    }

    pub fn negative(&mut self, span: Span) -> Value {
        self.report(Diagnostic::new(Code::OutOfRange, span, "the value is negative"));
        Value::Error
    }

    /// The value of a key in the type of its field.
    fn fit_entry(&mut self, value: Value, field: &'static str, key: &str, span: Span) -> Value {
        match vocabulary::role_field(field).map(|f| f.kind) {
            Some(FieldKind::TextMap) => self.convert(value, &Type::String, span),
            Some(FieldKind::QuantityMap) => match self.convert(value, &Type::Quantity, span) {
                Value::Quantity(q) if q.milli < 0 => self.negative(span),
                value => value,
            },
            Some(FieldKind::Options(known)) if !known.contains(&key) => {
                let mut problem =
                    Diagnostic::new(Code::UnknownField, span, format!("unknown option `{key}` of `{field}`"));
                problem.help = crate::diag::suggestion(key, known);
                self.report(problem);
                Value::Error
            }
            _ => value,
        }
    }
}

/// Whether a field is merged key by key.
pub(super) fn is_map(kind: FieldKind) -> bool {
    matches!(
        kind,
        FieldKind::RuntimeMap
            | FieldKind::Options(_)
            | FieldKind::TextMap
            | FieldKind::QuantityMap
            | FieldKind::PodSpec
    )
}

fn conflict(what: &str, span: Span, value: &Value, other: Span, theirs: &Value) -> Diagnostic {
    Diagnostic::new(Code::MixinConflict, span, format!("`{what}` is set to two values"))
        .here(format!("here to {}", value.brief()))
        .label(other, format!("here to {}", theirs.brief()))
        .help(format!("set `{what}` in the body of the role, which settles it"))
}
