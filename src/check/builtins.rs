//! Built-in functions: few, pure, documented in `docs/language.md`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::mistakes;
use super::state::{Checker, Context};
use super::value::{ModelValue, Value, ValueMap};
use super::{EnvValue, Metric};
use crate::diag::{Code, Diagnostic};
use crate::quantity::Quantity;
use crate::resolve::{Binding, Type};
use crate::source::Span;
use crate::syntax::{Argument, Expr, ExprKind};

/// Arguments after evaluation: values with their places, and what the call is.
pub(super) struct Call<'a> {
    pub name: &'a str,
    pub span: Span,
    pub positional: Vec<(Value, Span)>,
    pub named: Vec<(String, Value, Span)>,
}

/// Names of the parameters of a function; those after the number are optional.
pub(super) fn signature(name: &str) -> (&'static [&'static str], usize) {
    match name {
        "join" | "split" => (&["text", "separator"], 2),
        "replace" => (&["text", "from", "to"], 3),
        "starts-with" | "ends-with" => (&["text", "part"], 2),
        "matches" => (&["text", "pattern"], 2),
        "indent" => (&["text", "n"], 2),
        "range" => (&["from", "to"], 1),
        "zip" | "merge" => (&["a", "b"], 2),
        "model" => (&["name", "claim", "path"], 1),
        "claim" => (&["name", "read-only"], 1),
        "secret" | "config" => (&["name", "key", "optional"], 2),
        "metric" => (&["name", "average"], 2),
        "external" => (&["name", "average", "labels"], 2),
        "prometheus" => (&["server", "query", "average"], 3),
        _ => (&["x"], 1),
    }
}

impl<'p> Checker<'_, '_, 'p> {
    /// A call of a function or of a method of a role.
    pub fn call(&mut self, callee: &'p Expr, arguments: &'p [Argument], span: Span, cx: Context<'_>) -> Value {
        let mut call = Call { name: "", span, positional: Vec::new(), named: Vec::new() };
        for argument in arguments {
            let value = self.eval(&argument.value, cx);
            let value = self.forced(value);
            match &argument.name {
                Some(name) => call.named.push((name.name.clone(), value, argument.value.span)),
                None => call.positional.push((value, argument.value.span)),
            }
        }
        match &callee.kind {
            ExprKind::Field(base, method) => {
                let base = self.eval(base, cx);
                self.method(base, method, call, cx)
            }
            ExprKind::Name(_) => match self.program.binding(callee.span.lo) {
                Some(Binding::Builtin(name)) => self.builtin(Call { name, ..call }, cx),
                _ => Value::Error,
            },
            // Reported by the parser.
            _ => Value::Error,
        }
    }

    fn method(&mut self, base: Value, method: &crate::syntax::Ident, call: Call<'_>, cx: Context<'_>) -> Value {
        match (&base, method.name.as_str(), call.positional.as_slice()) {
            (Value::Error, ..) => Value::Error,
            (Value::Role(view), "url" | "urls", [(Value::Str(port), at)]) => self.url(*view, method, port, *at, cx),
            (Value::Role(_), "url" | "urls", _) => {
                self.report(mistakes::needs_a_port(&method.name, call.span));
                Value::Error
            }
            _ => {
                self.report(mistakes::no_method(base.kind(), method));
                Value::Error
            }
        }
    }

    fn builtin(&mut self, call: Call<'_>, cx: Context<'_>) -> Value {
        if call.positional.iter().map(|(v, _)| v).chain(call.named.iter().map(|(_, v, _)| v)).any(Value::is_error) {
            return Value::Error;
        }
        if call.name == "template" {
            return self.text_template(call, cx);
        }
        if matches!(call.name, "min" | "max") && call.positional.len() > 1 {
            let items = call.positional.iter().map(|(v, _)| v.clone()).collect();
            return self.extreme(items, call.name == "max", call.span);
        }
        let name = call.name;
        let span = call.span;
        let Some(args) = self.arranged(call) else { return Value::Error };
        self.apply(name, &args, span)
    }

    /// The arguments in the order of the parameters; `unset` for those left out.
    fn arranged(&mut self, call: Call<'_>) -> Option<Vec<(Value, Span)>> {
        let (params, required) = signature(call.name);
        if call.positional.len() > params.len() {
            let (_, at) = call.positional[params.len()];
            self.report(mistakes::too_many_arguments(call.name, params.len(), at));
            return None;
        }
        let given = call.positional.len();
        let mut args = call.positional;
        args.resize(params.len(), (Value::Unset, call.span));
        for (name, value, at) in call.named {
            match params.iter().position(|p| *p == name) {
                Some(i) if i >= given => args[i] = (value, at),
                Some(_) => {
                    self.report(mistakes::given_twice(&name, at));
                    return None;
                }
                None => {
                    self.report(mistakes::no_argument(call.name, &name, params, at));
                    return None;
                }
            }
        }
        if let Some(missing) = (0..required).find(|i| args[*i].0 == Value::Unset) {
            self.report(mistakes::missing_argument(call.name, params[missing], &params[..required], call.span));
            return None;
        }
        Some(args)
    }

    fn apply(&mut self, name: &str, args: &[(Value, Span)], span: Span) -> Value {
        let at = args.first().map_or(span, |(_, s)| *s);
        let arg = |i: usize| args.get(i).map_or(Value::Unset, |(v, _)| v.clone());
        match name {
            "len" => self.length(arg(0), at),
            "sum" => self.sum(arg(0), at),
            "min" | "max" => match self.items(arg(0), at) {
                Some(items) => self.extreme(items.to_vec(), name == "max", span),
                None => Value::Error,
            },
            "sort" => self.sorted(arg(0), at),
            "unique" => self.items(arg(0), at).map_or(Value::Error, |items| {
                let mut out: Vec<Value> = Vec::new();
                for item in items.iter() {
                    if !self.burn(out.len() as u64 / 16 + 1, span) {
                        return Value::Error;
                    }
                    if !out.contains(item) {
                        out.push(item.clone());
                    }
                }
                Value::list(out)
            }),
            "flatten" => self.flatten(arg(0), at),
            "zip" => self.zip(args, span),
            "range" => self.numbers(args, span),
            "keys" | "values" => self.entries_of(arg(0), name == "keys", at),
            "merge" => match (arg(0), arg(1)) {
                (Value::Map(a), Value::Map(b)) => Value::map(merged(&a, &b)),
                (Value::Map(_), b) => self.wrong("Map", &b, args[1].1),
                (a, _) => self.wrong("Map", &a, at),
            },
            "join" => self.join(args),
            "ceil" | "floor" | "round" => self.rounded(name, arg(0), at),
            "int" | "float" | "quantity" | "string" => self.number_from(name, arg(0), at),
            "json" => self.document(arg(0), at, true),
            "yaml" => self.document(arg(0), at, false),
            "model" => self.model(args),
            "claim" | "secret" | "config" => self.reference(name, args),
            "metric" | "external" | "prometheus" => self.metric(name, args),
            _ => self.text_function(name, args, span),
        }
    }

    pub fn wrong(&mut self, wanted: &str, found: &Value, span: Span) -> Value {
        self.report(super::convert::mismatch(wanted, found, span));
        Value::Error
    }

    fn rounded(&mut self, name: &str, value: Value, span: Span) -> Value {
        let number = match value {
            Value::Int(i) => return Value::Int(i),
            Value::Float(f) => f,
            other => return self.wrong("Float", &other, span),
        };
        let rounded = match name {
            "ceil" => number.ceil(),
            "floor" => number.floor(),
            _ => number.round(),
        };
        self.whole(rounded, span)
    }

    /// A float without a fraction as an Int.
    pub fn whole(&mut self, number: f64, span: Span) -> Value {
        if number.abs() < 9.0e18 && number.fract() == 0.0 {
            return Value::Int(number as i64);
        }
        let message = format!("{number} is not a whole number of 64 bits");
        self.report(Diagnostic::new(Code::BadArguments, span, message).help("round it: `ceil`, `floor` or `round`"));
        Value::Error
    }

    fn model(&mut self, args: &[(Value, Span)]) -> Value {
        let mut texts = Vec::new();
        for (value, span) in args {
            match self.convert(value.clone(), &Type::String, *span) {
                Value::Str(text) => texts.push(Some(text.to_string())),
                Value::Unset => texts.push(None),
                _ => return Value::Error,
            }
        }
        let [Some(name), claim, path] = texts.as_slice() else { return Value::Error };
        Value::Model(Arc::new(model_value(name, claim.as_deref(), path.as_deref())))
    }

    /// What an autoscaler measures, and what it shall be for each instance.
    fn metric(&mut self, name: &str, args: &[(Value, Span)]) -> Value {
        let texts = if name == "prometheus" { 2 } else { 1 };
        let mut words = Vec::new();
        for (value, span) in &args[..texts] {
            let Value::Str(word) = value else { return self.wrong("String", value, *span) };
            if word.trim().is_empty() {
                let problem =
                    Diagnostic::new(Code::BadArguments, *span, format!("`{name}` needs a text that is not empty"));
                self.report(problem);
                return Value::Error;
            }
            words.push(word.to_string());
        }
        let has_scheme = |server: &&String| ["http://", "https://"].iter().any(|scheme| server.starts_with(scheme));
        if let Some(server) = words.first().filter(|server| name == "prometheus" && !has_scheme(server)) {
            let problem =
                Diagnostic::new(Code::BadArguments, args[0].1, format!("`{server}` is no address of a server"));
            self.report(problem.help("for example `http://prometheus.monitoring:9090`"));
            return Value::Error;
        }
        // The API server takes the name of a metric for a segment of a path.
        let is_segment = |word: &&String| !word.contains(['/', '%']) && ![".", ".."].contains(&word.as_str());
        if let Some(word) = words.first().filter(|word| name != "prometheus" && !is_segment(word)) {
            let message = format!("the API server refuses `{word}` as the name of a metric");
            let problem = Diagnostic::new(Code::BadArguments, args[0].1, message);
            self.report(problem.help("a name without `/` and `%`"));
            return Value::Error;
        }
        let (wanted, at) = &args[texts];
        let Value::Quantity(average) = self.convert(wanted.clone(), &Type::Quantity, *at) else { return Value::Error };
        if average.milli <= 0 {
            let message = format!("an average of {average} for each instance is never reached");
            self.report(Diagnostic::new(Code::OutOfRange, *at, message).help("more than 0"));
            return Value::Error;
        }
        Value::Metric(Arc::new(match (name, words.as_slice()) {
            ("prometheus", [server, query]) => {
                Metric::Prometheus { server: server.clone(), query: query.clone(), average }
            }
            ("external", [name]) => {
                let Some(labels) = self.labels(&args[2]) else { return Value::Error };
                Metric::External { name: name.clone(), labels, average }
            }
            (_, words) => Metric::Pods { name: words.concat(), average },
        }))
    }

    /// A map of texts, or none.
    fn labels(&mut self, (value, span): &(Value, Span)) -> Option<BTreeMap<String, String>> {
        if *value == Value::Unset {
            return Some(BTreeMap::new());
        }
        let Value::Map(map) = self.convert(value.clone(), &Type::Map(Box::new(Type::String)), *span) else {
            return None;
        };
        let text = |(key, value): (&String, &Value)| match value {
            Value::Str(text) => Some((key.clone(), text.to_string())),
            _ => None,
        };
        map.iter().map(text).collect()
    }

    fn reference(&mut self, name: &str, args: &[(Value, Span)]) -> Value {
        let Value::Str(object) = &args[0].0 else { return self.wrong("String", &args[0].0, args[0].1) };
        let flag = |value: &Value| matches!(value, Value::Bool(true));
        if name == "claim" {
            return Value::Claim(Arc::clone(object), flag(&args[1].0));
        }
        let Value::Str(key) = &args[1].0 else { return self.wrong("String", &args[1].0, args[1].1) };
        let (name_, key, optional) = (object.to_string(), key.to_string(), flag(&args[2].0));
        Value::Env(Arc::new(if name == "secret" {
            EnvValue::Secret { name: name_, key, optional }
        } else {
            EnvValue::Config { name: name_, key, optional }
        }))
    }
}

/// A model: its path is where the claim is mounted, or its name when it is fetched.
pub(super) fn model_value(name: &str, claim: Option<&str>, path: Option<&str>) -> ModelValue {
    let path = match (path, claim) {
        (Some(path), _) => path.to_owned(),
        (None, Some(_)) => format!("/models/{name}"),
        (None, None) => name.to_owned(),
    };
    ModelValue { name: name.to_owned(), claim: claim.map(str::to_owned), path }
}

fn merged(below: &ValueMap, above: &ValueMap) -> ValueMap {
    let mut out = below.clone();
    for (key, value) in above {
        let value = match (out.get(key), value) {
            (Some(Value::Map(a)), Value::Map(b)) => Value::map(merged(a, b)),
            (_, value) => value.clone(),
        };
        out.insert(key.clone(), value);
    }
    out.retain(|_, value| *value != Value::Unset);
    out
}

/// Whether a text matches a pattern of `*` (any characters) and `?` (one). Linear in the product
/// of the lengths.
pub(super) fn glob(text: &str, pattern: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let pattern: Vec<char> = pattern.chars().collect();
    let (mut t, mut p) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// The quantity that a number or text means.
pub(super) fn quantity_of(value: &Value) -> Option<Quantity> {
    match value {
        Value::Quantity(q) => Some(*q),
        Value::Int(i) => Some(Quantity::units(*i)),
        Value::Float(f) if (f * 1000.0).fract() == 0.0 && f.abs() < 9.0e15 => {
            Some(Quantity { milli: (f * 1000.0) as i128, binary: false })
        }
        Value::Str(text) => Quantity::parse(text),
        _ => None,
    }
}
