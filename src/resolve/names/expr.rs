//! Names in expressions.

use super::*;

impl<'a> Binder<'a> {
    pub(super) fn expr(&mut self, expr: &'a Expr) {
        match &expr.kind {
            ExprKind::Int(_)
            | ExprKind::Float(_)
            | ExprKind::Bool(_)
            | ExprKind::Quantity(_)
            | ExprKind::Duration(_)
            | ExprKind::Percent(_)
            | ExprKind::Ratio(..)
            | ExprKind::Unset
            | ExprKind::Inherited => {}
            ExprKind::Str(parts) => {
                for part in parts {
                    if let StrPart::Expr(inner) = part {
                        self.expr(inner);
                    }
                }
            }
            ExprKind::List(items) => items.iter().for_each(|i| self.expr(i)),
            ExprKind::Map(body) => self.map(body),
            ExprKind::Name(name) => self.name(expr.span, name),
            ExprKind::Field(base, member) => self.member(base, member),
            ExprKind::Index(base, index) => {
                self.expr(base);
                self.expr(index);
            }
            ExprKind::Call(callee, arguments) => self.call(callee, arguments),
            ExprKind::Unary(_, operand) => self.expr(operand),
            ExprKind::Binary(_, left, right) => {
                self.expr(left);
                self.expr(right);
            }
            ExprKind::Is(value, path) => {
                self.expr(value);
                self.path(path, "template");
            }
            ExprKind::If(condition, then, otherwise) => {
                self.expr(condition);
                self.expr(then);
                self.expr(otherwise);
            }
            ExprKind::For { variables, iterable, condition, element } => {
                self.expr(iterable);
                self.variables(variables);
                if let Some(condition) = condition {
                    self.expr(condition);
                }
                self.expr(element);
                self.scopes.pop();
            }
        }
    }

    fn variables(&mut self, variables: &'a [Ident]) {
        self.scopes.push(false);
        for variable in variables {
            self.declare(variable, Binding::Loop, true);
        }
    }

    pub(super) fn map(&mut self, body: &'a MapBody) {
        for entry in &body.entries {
            match entry {
                MapEntry::Set { key, value } => {
                    self.key(key);
                    self.expr(value);
                }
                MapEntry::Merge { key, body, .. } => {
                    self.key(key);
                    self.map(body);
                }
                MapEntry::For { variables, iterable, condition, key, value } => {
                    self.expr(iterable);
                    self.variables(variables);
                    if let Some(condition) = condition {
                        self.expr(condition);
                    }
                    self.key(key);
                    self.expr(value);
                    self.scopes.pop();
                }
            }
        }
    }

    fn key(&mut self, key: &'a Key) {
        if let Key::Computed(expr) = key {
            self.expr(expr);
        }
    }

    fn name(&mut self, span: Span, name: &'a str) {
        let found = self.scopes.find(name);
        if let Some((Binding::Loop, _)) = found {
            return self.record(span, Binding::Loop);
        }
        // `pod` is a block of a role as well, but only the value of the running pod can be read.
        let runtime = RUNTIME.iter().any(|(word, _)| *word == name);
        let field = if self.context.role && !runtime { vocabulary::role_field(name) } else { None };
        match (field, found) {
            (Some(_), Some((_, declared))) => self.problems.push(ambiguous(name, span, declared)),
            (Some(field), None) => self.record(span, Binding::Field(field.name)),
            (None, Some((binding, _))) => self.record(span, binding),
            (None, None) => self.special_name(span, name),
        }
    }

    /// Names that no one declares.
    fn special_name(&mut self, span: Span, name: &'a str) {
        match name {
            "group" if self.context.group => self.record(span, Binding::Group),
            "index" if self.context.indexed => self.record(span, Binding::Index),
            _ => {
                if let (true, Some((word, _))) = (self.context.role, RUNTIME.iter().find(|(w, _)| *w == name)) {
                    return self.record(span, Binding::Runtime(word));
                }
                let problem = self.unknown_name(span, name);
                self.problems.push(problem);
            }
        }
    }

    fn unknown_name(&self, span: Span, name: &str) -> Diagnostic {
        let mut problem = Diagnostic::new(Code::UnknownName, span, format!("unknown name `{name}`"));
        if vocabulary::builtin(name).is_some() {
            return problem.help(format!("`{name}` is a function: `{name}(…)`"));
        }
        let mut known: Vec<&str> = self.scopes.names().collect();
        if self.context.role {
            known.extend(vocabulary::ROLE_FIELDS.iter().map(|f| f.name));
        }
        let near = crate::diag::did_you_mean(name, known);
        problem.help = near.map(|n| format!("did you mean `{n}`?")).or_else(|| {
            Some(match name {
                "True" | "False" => format!("did you mean `{}`?", name.to_lowercase()),
                "null" | "none" | "nil" => "no value is written `unset`".into(),
                _ => format!("a text is quoted: `\"{name}\"`"),
            })
        });
        problem
    }

    fn member(&mut self, base: &'a Expr, member: &'a Ident) {
        self.expr(base);
        let ExprKind::Name(name) = &base.kind else { return };
        match self.scopes.find(name).map(|(b, _)| b) {
            Some(Binding::Namespace(module)) if module != self.module => {
                if let Some(def) = self.exported(module, member) {
                    self.record(member.span, Binding::Item(def));
                }
            }
            _ => self.runtime_member(name, member),
        }
    }

    fn runtime_member(&mut self, name: &str, member: &Ident) {
        let Some((word, offers)) = RUNTIME.iter().find(|(w, _)| *w == name) else { return };
        let is_runtime = self.context.role && self.scopes.find(name).is_none();
        if is_runtime && !offers.contains(&member.name.as_str()) {
            let message = format!("`{word}` has no `{}`", member.name);
            let mut problem = Diagnostic::new(Code::UnknownField, member.span, message);
            problem.help = suggestion(&member.name, offers);
            self.problems.push(problem);
        }
    }

    fn call(&mut self, callee: &'a Expr, arguments: &'a [Argument]) {
        match &callee.kind {
            ExprKind::Name(name) => match vocabulary::builtin(name) {
                Some(builtin) => self.record(callee.span, Binding::Builtin(builtin)),
                None => {
                    let message = format!("unknown function `{name}`");
                    let mut problem = Diagnostic::new(Code::UnknownName, callee.span, message);
                    let near = crate::diag::did_you_mean(name, BUILTINS.iter().copied());
                    problem.help = near.map(|n| format!("did you mean `{n}`?"));
                    self.problems.push(problem);
                }
            },
            ExprKind::Field(base, _) => self.expr(base),
            _ => self.expr(callee),
        }
        for argument in arguments {
            self.expr(&argument.value);
        }
    }
}

fn ambiguous(name: &str, span: Span, declared: Span) -> Diagnostic {
    let message = format!("`{name}` is a field of the role and also declared");
    Diagnostic::new(Code::AmbiguousName, span, message)
        .here("which one is meant?")
        .label(declared, "declared here")
        .help("rename the declaration; the field cannot be renamed")
}
