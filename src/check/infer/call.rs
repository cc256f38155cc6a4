//! Calls: their arguments, and the methods of roles.

use super::super::builtins::signature;
use super::super::mistakes;
use super::Inference;
use super::kind::Kind;
use crate::resolve::Binding;
use crate::source::Span;
use crate::syntax::{Argument, Expr, ExprKind, Ident};

/// Arguments in the order of the parameters: their kinds and expressions. `None` is left out.
pub(super) type Arranged<'p> = Vec<Option<(Kind, &'p Expr)>>;

/// A call whose arguments are inferred.
pub(super) struct Call<'p> {
    pub span: Span,
    pub positional: Vec<(Kind, &'p Expr)>,
    pub named: Vec<(&'p Ident, Kind, &'p Expr)>,
}

impl<'p> Inference<'p> {
    pub fn call(&mut self, callee: &'p Expr, arguments: &'p [Argument], span: Span) -> Kind {
        let mut call = Call { span, positional: Vec::new(), named: Vec::new() };
        for argument in arguments {
            let kind = self.infer(&argument.value).forced();
            match &argument.name {
                Some(name) => call.named.push((name, kind, &argument.value)),
                None => call.positional.push((kind, &argument.value)),
            }
        }
        match &callee.kind {
            ExprKind::Field(base, method) => {
                let base = self.infer(base);
                self.method(&base, method, &call)
            }
            ExprKind::Name(_) => match self.binding_at(callee.span) {
                Some(Binding::Builtin(name)) => self.builtin(name, call),
                _ => Kind::Any,
            },
            // Reported by the parser.
            _ => {
                self.infer(callee);
                Kind::Any
            }
        }
    }

    fn method(&mut self, base: &Kind, method: &'p Ident, call: &Call<'p>) -> Kind {
        let name = method.name.as_str();
        match (base, name) {
            (Kind::Any | Kind::Role(_), "url" | "urls") => {
                if !matches!(call.positional.as_slice(), [(Kind::Str(_) | Kind::Text | Kind::Any, _)]) {
                    self.report(mistakes::needs_a_port(name, call.span));
                }
                if name == "url" { Kind::STR } else { Kind::list(Kind::STR) }
            }
            _ => {
                self.report(mistakes::no_method(base.name(), method));
                Kind::Any
            }
        }
    }

    /// The arguments of a function in the order of its parameters; `None` when they are not what it
    /// takes, which is reported.
    pub fn arranged(&mut self, name: &str, call: Call<'p>) -> Option<Arranged<'p>> {
        let (params, required) = signature(name);
        let given = call.positional.len();
        if let Some((_, extra)) = call.positional.get(params.len()) {
            self.report(mistakes::too_many_arguments(name, params.len(), extra.span));
            return None;
        }
        let mut arguments: Arranged<'p> = call.positional.into_iter().map(Some).collect();
        arguments.resize_with(params.len(), || None);
        for (argument, kind, value) in call.named {
            match params.iter().position(|p| *p == argument.name) {
                Some(i) if i >= given => arguments[i] = Some((kind, value)),
                Some(_) => {
                    self.report(mistakes::given_twice(&argument.name, value.span));
                    return None;
                }
                None => {
                    self.report(mistakes::no_argument(name, &argument.name, params, value.span));
                    return None;
                }
            }
        }
        if let Some(missing) = (0..required).find(|i| arguments[*i].is_none()) {
            self.report(mistakes::missing_argument(name, params[missing], &params[..required], call.span));
            return None;
        }
        Some(arguments)
    }
}
