//! Kinds of built-in functions.

use super::super::mistakes;
use super::Inference;
use super::call::{Arranged, Call};
use super::fit::{Texts, literal, misfit};
use super::kind::Kind;
use super::operators::ordered;
use crate::resolve::Type;
use crate::source::Span;
use crate::syntax::Expr;

impl<'p> Inference<'p> {
    /// The kind of what a built-in function gives.
    pub fn builtin(&mut self, name: &'static str, call: Call<'p>) -> Kind {
        let span = call.span;
        if name == "template" {
            self.text_template(&call);
            return Kind::STR;
        }
        if matches!(name, "min" | "max") && call.positional.len() > 1 {
            let kinds: Vec<Kind> = call.positional.into_iter().map(|(kind, _)| kind).collect();
            return self.extreme(&kinds, span);
        }
        match self.arranged(name, call) {
            Some(arguments) => self.apply(name, &arguments, span),
            None => returned(name),
        }
    }

    fn text_template(&mut self, call: &Call<'p>) {
        if !matches!(call.positional.as_slice(), [(Kind::Str(_) | Kind::Text | Kind::Any, _)]) {
            self.report(mistakes::needs_a_path(call.span));
        }
        for (_, kind, value) in &call.named {
            self.in_document(kind, value.span);
        }
    }

    /// Checks the arguments of a function and tells what it gives.
    fn apply(&mut self, name: &'static str, arguments: &Arranged<'p>, span: Span) -> Kind {
        let Some((first, value)) = arguments.first().and_then(Option::as_ref) else { return Kind::Any };
        let at = value.span;
        match name {
            "len" => {
                let sized = matches!(
                    first,
                    Kind::Any
                        | Kind::List(_)
                        | Kind::Map(_)
                        | Kind::Record(_)
                        | Kind::Str(_)
                        | Kind::Text
                        | Kind::Group(_)
                );
                self.wanted(sized, "List, Map or String", first, at);
            }
            "sum" => return self.sum(first, at),
            "min" | "max" => {
                let element = self.element(first, at);
                return self.extreme(&[element.clone(), element], span);
            }
            "sort" => {
                let element = self.element(first, at);
                self.order(&element, &element, at);
                return Kind::list(element);
            }
            "unique" => return Kind::list(self.element(first, at)),
            "flatten" => {
                let inner = self.element(first, at);
                return Kind::list(self.element(&inner, at));
            }
            "zip" => return self.zip(arguments),
            "range" => self.numbers(first, arguments),
            "keys" | "values" => return self.entries_of(name, first, at),
            "merge" => arguments.iter().flatten().for_each(|(kind, value)| self.map_wanted(kind, value.span)),
            "join" => return self.join(arguments),
            "ceil" | "floor" | "round" => {
                let number = matches!(first, Kind::Any | Kind::Int | Kind::Float);
                self.wanted(number, "Float", first, at);
            }
            "int" | "float" | "quantity" => self.number_from(name, first, at),
            "string" => return self.string_of(first, at),
            "json" | "yaml" => self.in_document(first, at),
            "model" => arguments.iter().flatten().for_each(|(kind, value)| self.fit(kind, &Type::String, value)),
            "claim" | "secret" | "config" | "metric" | "external" | "prometheus" => self.reference(name, arguments),
            _ => self.texts(name, arguments),
        }
        returned(name)
    }

    fn wanted(&mut self, good: bool, wanted: &str, found: &Kind, span: Span) {
        if !good {
            self.report(mistakes::type_mismatch(wanted, found.name(), span));
        }
    }

    fn map_wanted(&mut self, kind: &Kind, span: Span) {
        self.wanted(matches!(kind, Kind::Any | Kind::Map(_) | Kind::Record(_)), "Map", kind, span);
    }

    fn fit(&mut self, kind: &Kind, ty: &Type, value: &'p Expr) {
        if let Some(problem) = misfit(kind, ty, literal(value).as_ref(), value.span) {
            self.report(problem);
        }
    }

    /// The elements of something that must be a list.
    fn element(&mut self, kind: &Kind, span: Span) -> Kind {
        match kind {
            Kind::Any => Kind::Any,
            Kind::List(element) => (**element).clone(),
            other => {
                self.wanted(false, "List", other, span);
                Kind::Any
            }
        }
    }

    fn order(&mut self, a: &Kind, b: &Kind, span: Span) -> bool {
        let good = ordered(a, b);
        if !good {
            self.report(mistakes::no_order(a.name(), b.name(), span));
        }
        good
    }

    fn extreme(&mut self, kinds: &[Kind], span: Span) -> Kind {
        if !kinds.windows(2).all(|pair| self.order(&pair[0], &pair[1], span)) {
            return Kind::Any;
        }
        kinds.iter().cloned().reduce(Kind::join).unwrap_or(Kind::Any)
    }

    fn sum(&mut self, list: &Kind, span: Span) -> Kind {
        let element = self.element(list, span);
        let number = matches!(element, Kind::Any | Kind::Int | Kind::Float | Kind::Quantity | Kind::Duration);
        self.wanted(number, "numbers, quantities or durations", &element, span);
        // Of nothing the sum is the Int 0.
        if element == Kind::Int { Kind::Int } else { Kind::Any }
    }

    fn zip(&mut self, arguments: &Arranged<'p>) -> Kind {
        let mut pair: Option<Kind> = None;
        for (kind, value) in arguments.iter().flatten() {
            let element = self.element(kind, value.span);
            pair = Some(pair.map_or(element.clone(), |before| before.join(element)));
        }
        Kind::list(Kind::list(pair.unwrap_or(Kind::Any)))
    }

    fn numbers(&mut self, first: &Kind, arguments: &Arranged<'p>) {
        for (index, (kind, value)) in arguments.iter().flatten().enumerate() {
            let range = index == 0 && *kind == Kind::Range && arguments.iter().flatten().count() == 1;
            // The second one is looked at only when the first is a number.
            if index == 0 || matches!(first, Kind::Int | Kind::Any) {
                self.wanted(range || matches!(kind, Kind::Any | Kind::Int), "Int", kind, value.span);
            }
        }
    }

    fn entries_of(&mut self, name: &str, map: &Kind, span: Span) -> Kind {
        self.map_wanted(map, span);
        match map {
            _ if name == "keys" => Kind::list(Kind::STR),
            Kind::Map(value) => Kind::list((**value).clone()),
            Kind::Record(fields) => Kind::list(fields.values().cloned().reduce(Kind::join).unwrap_or(Kind::Any)),
            _ => Kind::list(Kind::Any),
        }
    }

    fn join(&mut self, arguments: &Arranged<'p>) -> Kind {
        let [Some((list, value)), Some((separator, by))] = arguments.as_slice() else { return Kind::Text };
        let element = self.element(list, value.span);
        self.in_text(&element, Texts::Runtime, value.span);
        self.wanted(matches!(separator, Kind::Any | Kind::Str(_) | Kind::Text), "String", separator, by.span);
        match element {
            Kind::Any | Kind::Text | Kind::Runtime => Kind::Text,
            _ => Kind::STR,
        }
    }

    fn number_from(&mut self, name: &str, kind: &Kind, span: Span) {
        let good = match kind {
            Kind::Any | Kind::Int | Kind::Float | Kind::Quantity | Kind::Str(_) | Kind::Text => true,
            Kind::Duration => name != "quantity",
            _ => false,
        };
        if !good {
            self.report(mistakes::not_a_number(kind.name(), name, span));
        }
    }

    fn string_of(&mut self, kind: &Kind, span: Span) -> Kind {
        self.in_text(kind, Texts::Runtime, span);
        match kind {
            Kind::Runtime => Kind::Runtime,
            Kind::Any | Kind::Text => Kind::Text,
            _ => Kind::STR,
        }
    }

    /// Checks what becomes a part of a document: every scalar, and lists and maps of them.
    fn in_document(&mut self, kind: &Kind, span: Span) {
        match kind {
            Kind::List(inside) | Kind::Map(inside) => self.in_document(inside, span),
            Kind::Record(fields) => fields.values().for_each(|inside| self.in_document(inside, span)),
            Kind::Fields(field) => self.in_document(&Kind::of_entry(field), span),
            other => self.in_text(other, Texts::Known, span),
        }
    }

    fn reference(&mut self, name: &str, arguments: &Arranged<'p>) {
        let texts = if matches!(name, "secret" | "config" | "prometheus") { 2 } else { 1 };
        for (kind, value) in arguments.iter().take(texts).flatten() {
            self.wanted(matches!(kind, Kind::Any | Kind::Str(_) | Kind::Text), "String", kind, value.span);
        }
        let average = match name {
            "metric" | "external" => arguments.get(1),
            "prometheus" => arguments.get(2),
            _ => None,
        };
        if let Some(Some((kind, value))) = average {
            self.fit(kind, &Type::Quantity, value);
        }
        if let ("external", Some(Some((kind, value)))) = (name, arguments.get(2)) {
            self.map_wanted(kind, value.span);
        }
    }

    fn texts(&mut self, name: &str, arguments: &Arranged<'p>) {
        for (kind, value) in arguments.iter().flatten() {
            let number = name == "indent" && *kind == Kind::Int;
            self.wanted(number || matches!(kind, Kind::Any | Kind::Str(_) | Kind::Text), "String", kind, value.span);
        }
    }
}

/// What a function gives whatever its arguments are.
fn returned(name: &str) -> Kind {
    match name {
        "len" | "ceil" | "floor" | "round" | "int" => Kind::Int,
        "float" => Kind::Float,
        "quantity" => Kind::Quantity,
        "string" | "join" => Kind::Text,
        "json" | "yaml" | "lower" | "upper" | "replace" | "indent" | "template" => Kind::STR,
        "split" | "keys" => Kind::list(Kind::STR),
        "starts-with" | "ends-with" | "matches" => Kind::Bool,
        "range" => Kind::list(Kind::Int),
        "sort" | "unique" | "flatten" | "zip" | "values" => Kind::list(Kind::Any),
        "merge" => Kind::map(Kind::Any),
        "model" => Kind::Model,
        "claim" => Kind::Claim,
        "secret" | "config" => Kind::Env,
        "metric" | "external" | "prometheus" => Kind::Metric,
        _ => Kind::Any,
    }
}
