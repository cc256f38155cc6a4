//! The tree as indented text, one node on each line, without places.
//!
//! It is complete: two texts with the same dump have the same tree.

use std::fmt::Write;

use crate::syntax::*;

/// The whole tree, comments included.
pub fn dump(ast: &Ast) -> String {
    let mut out = Dump { text: String::new(), depth: 0 };
    for item in &ast.items {
        out.item(item);
    }
    for comment in &ast.comments {
        out.line(format_args!("comment {:?}", comment.text));
    }
    for name in &ast.broken {
        out.line(format_args!("broken {}", name.name));
    }
    out.text
}

struct Dump {
    text: String,
    depth: usize,
}

impl Dump {
    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        self.text.extend(std::iter::repeat_n("  ", self.depth));
        // Writing to a string cannot fail.
        let _ = self.text.write_fmt(line);
        self.text.push('\n');
    }

    fn within(&mut self, line: std::fmt::Arguments<'_>, inner: impl FnOnce(&mut Self)) {
        self.line(line);
        self.depth += 1;
        inner(self);
        self.depth -= 1;
    }

    fn docs(&mut self, docs: &[String]) {
        for doc in docs {
            self.line(format_args!("doc {doc:?}"));
        }
    }

    fn item(&mut self, item: &Item) {
        let private = if item.private { "private " } else { "" };
        match &item.kind {
            ItemKind::Use(u) => {
                let path = match &u.path {
                    UsePath::Module(parts) => path(parts),
                    UsePath::File(file) => format!("{:?}", file.name),
                };
                let names = u.names.as_ref().map_or_else(String::new, |n| format!(" {{ {} }}", list(n)));
                self.within(format_args!("{private}use {path}{names}"), |d| d.docs(&item.doc));
            }
            ItemKind::Param(p) => self.within(format_args!("{private}param"), |d| {
                d.docs(&item.doc);
                d.param(p);
            }),
            ItemKind::Let(l) => self.within(format_args!("{private}let {}", l.name.name), |d| {
                d.docs(&item.doc);
                d.let_(l);
            }),
            ItemKind::Template(t) => {
                let target = match t.target {
                    TemplateTarget::Role => "role",
                    TemplateTarget::Group => "group",
                };
                self.within(format_args!("{private}template {} for {target}", t.name.name), |d| {
                    d.docs(&item.doc);
                    d.params(&t.params);
                    d.bases(&t.bases);
                    d.body(&t.body);
                });
            }
            ItemKind::Edge(e) => self.within(format_args!("{private}edge {}", e.name.name), |d| {
                d.docs(&item.doc);
                d.params(&e.params);
                d.body(&e.body);
            }),
            ItemKind::Group(g) => self.within(format_args!("{private}group {}", g.name.name), |d| {
                d.docs(&item.doc);
                d.optional("count", g.count.as_ref());
                d.bases(&g.bases);
                if let Some(tenant) = &g.tenant {
                    d.line(format_args!("for {}", tenant.name));
                }
                d.body(&g.body);
            }),
            ItemKind::Refine(r) => self.within(format_args!("{private}refine {}", path(&r.group)), |d| {
                d.docs(&item.doc);
                d.body(&r.body);
            }),
            ItemKind::Assert(a) => self.within(format_args!("{private}assert"), |d| {
                d.docs(&item.doc);
                d.assert(a);
            }),
            ItemKind::Reserved { keyword, name } => {
                self.within(format_args!("{private}{} {}", keyword.name, name.name), |d| d.docs(&item.doc));
            }
        }
    }

    fn let_(&mut self, l: &Let) {
        if let Some(ty) = &l.ty {
            self.line(format_args!("type {}", type_text(ty)));
        }
        self.expr(&l.value);
    }

    fn assert(&mut self, a: &Assert) {
        self.expr(&a.condition);
        self.optional("message", a.message.as_ref());
    }

    fn optional(&mut self, what: &str, value: Option<&Expr>) {
        if let Some(value) = value {
            self.within(format_args!("{what}"), |d| d.expr(value));
        }
    }

    fn params(&mut self, params: &[Param]) {
        for param in params {
            self.param(param);
        }
    }

    fn param(&mut self, param: &Param) {
        self.within(format_args!("param {}: {}", param.name.name, type_text(&param.ty)), |d| {
            d.docs(&param.doc);
            d.optional("default", param.default.as_ref());
        });
    }

    fn bases(&mut self, bases: &[TemplateCall]) {
        for base in bases {
            self.within(format_args!("is {}", path(&base.path)), |d| d.arguments(&base.arguments));
        }
    }

    fn arguments(&mut self, arguments: &[Argument]) {
        for argument in arguments {
            match &argument.name {
                Some(name) => self.within(format_args!("argument {}", name.name), |d| d.expr(&argument.value)),
                None => self.expr(&argument.value),
            }
        }
    }

    fn body(&mut self, body: &Body) {
        for statement in &body.statements {
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &Statement) {
        use StatementKind as K;
        let rest = |d: &mut Self| {
            d.docs(&statement.doc);
            d.optional("when", statement.when.as_ref());
        };
        match &statement.kind {
            K::Field { name, value } => self.within(format_args!("field {}", name.name), |d| {
                rest(d);
                d.expr(value);
            }),
            K::Map { name, body } => self.within(format_args!("map-field {}", name.name), |d| {
                rest(d);
                d.map(body);
            }),
            K::Let(l) => self.within(format_args!("let {}", l.name.name), |d| {
                rest(d);
                d.let_(l);
            }),
            K::Assert(a) => self.within(format_args!("assert"), |d| {
                rest(d);
                d.assert(a);
            }),
            K::Role(r) => self.within(format_args!("role {}", r.name.name), |d| {
                rest(d);
                d.bases(&r.bases);
                d.body(&r.body);
            }),
            K::Part { name, body } => self.within(format_args!("part {}", name.name), |d| {
                rest(d);
                d.body(body);
            }),
            K::Child { keyword, name, body } => self.within(format_args!("{} {}", keyword.name, name.name), |d| {
                rest(d);
                d.body(body);
            }),
            K::Port { name, value, options } => self.within(format_args!("port {}", name.name), |d| {
                rest(d);
                d.assigned(value.as_ref(), options.as_ref());
            }),
            K::File { path, value, options } => self.within(format_args!("file {:?}", path.name), |d| {
                rest(d);
                d.assigned(value.as_ref(), options.as_ref());
            }),
            K::Mount { path, value, options } => self.within(format_args!("mount {:?}", path.name), |d| {
                rest(d);
                d.assigned(value.as_ref(), options.as_ref());
            }),
            K::Volume { keyword, name, body } => self.within(format_args!("{} {}", keyword.name, name.name), |d| {
                rest(d);
                d.map(body);
            }),
            K::Probe(p) => self.within(format_args!("{}", p.kind.name), |d| {
                rest(d);
                d.probe(p);
            }),
            K::After { targets, options } => self.within(format_args!("after"), |d| {
                rest(d);
                for target in targets {
                    let group = if target.group { "group " } else { "" };
                    let (before, after) = target.path.split_at(target.index.as_ref().map_or(0, |(at, _)| *at));
                    match &target.index {
                        Some((_, index)) => d.within(format_args!("{group}{}", path(before)), |d| {
                            d.within(format_args!("index"), |d| d.expr(index));
                            if !after.is_empty() {
                                d.line(format_args!("member {}", path(after)));
                            }
                        }),
                        None => d.line(format_args!("{group}{}", path(after))),
                    }
                }
                d.assigned(None, options.as_ref());
            }),
            K::Connect(c) => self.within(format_args!("connect {} -> {}", c.from.name, c.to.name), |d| {
                rest(d);
                if let Some(edge) = &c.edge {
                    d.line(format_args!("as {}", path(edge)));
                }
                if let Some(over) = &c.over {
                    d.line(format_args!("over {}", over.name));
                }
                d.optional("weight", c.weight.as_ref());
            }),
            K::Place(clauses) => self.within(format_args!("place"), |d| {
                rest(d);
                for clause in clauses {
                    d.clause(clause);
                }
            }),
            K::Coordinate { roles, body } => self.within(format_args!("coordinate {}", list(roles)), |d| {
                rest(d);
                d.map(body);
            }),
        }
    }

    fn assigned(&mut self, value: Option<&Expr>, options: Option<&MapBody>) {
        if let Some(value) = value {
            self.expr(value);
        }
        if let Some(options) = options {
            self.within(format_args!("options"), |d| d.map(options));
        }
    }

    fn probe(&mut self, probe: &Probe) {
        match &probe.check {
            Some(ProbeCheck::Http { path, port }) => {
                self.within(format_args!("http on {}", port.name), |d| d.expr(path));
            }
            Some(ProbeCheck::Tcp { port }) => self.line(format_args!("tcp on {}", port.name)),
            Some(ProbeCheck::Grpc { service, port }) => self.within(format_args!("grpc on {}", port.name), |d| {
                d.optional("service", service.as_ref());
            }),
            Some(ProbeCheck::Exec { command }) => self.within(format_args!("exec"), |d| d.expr(command)),
            None => {}
        }
        self.assigned(None, probe.options.as_ref());
    }

    fn clause(&mut self, clause: &Clause) {
        use ClauseKind as K;
        let mut values = vec![("weight", clause.weight.as_ref())];
        let text = match &clause.kind {
            K::Instances { roles, level } => format!("instances of [{}] within {}", list(roles), level.name),
            K::Roles { roles, level } => format!("[{}] within {}", list(roles), level.name),
            K::Group { level } => format!("group within {}", level.name),
            K::Cells { level } => format!("cells within {}", level.name),
            K::Near { role, to, level } => {
                format!("[{}] near {} at {}", role.as_ref().map_or("", |r| &r.name), to.name, level.name)
            }
            K::Spread { roles, level, max_skew, at_least } => {
                values.push(("max-skew", max_skew.as_ref()));
                values.push(("at-least", at_least.as_ref()));
                format!("spread [{}] over {}", list(roles), level.name)
            }
            K::Apart { roles, from, level } => {
                let from = from.as_ref().map_or_else(String::new, |f| format!(" from {}", f.name));
                format!("[{}] apart{from} at {}", list(roles), level.name)
            }
            K::Exclusive { level } => format!("exclusive {}", level.name),
            K::Survive { count, level } => {
                values.push(("count", Some(count)));
                format!("survive {}", level.name)
            }
            K::Pool { roles, not, pools } => {
                values.extend(pools.iter().map(|p| ("pool", Some(p))));
                format!("[{}]{} on pool", list(roles), if *not { " not" } else { "" })
            }
            K::Label { roles, not, key, value } => {
                values.push(("value", Some(value)));
                format!("[{}]{} on label {:?}", list(roles), if *not { " not" } else { "" }, key.name)
            }
        };
        let prefer = if clause.prefer { "prefer " } else { "" };
        self.within(format_args!("{prefer}{text}"), |d| {
            for (what, value) in values {
                d.optional(what, value);
            }
        });
    }

    fn map(&mut self, map: &MapBody) {
        for entry in &map.entries {
            match entry {
                MapEntry::Set { key, value } => self.within(format_args!("set"), |d| {
                    d.key(key);
                    d.expr(value);
                }),
                MapEntry::Merge { key, name, body } => self.within(format_args!("merge"), |d| {
                    d.key(key);
                    if let Some(name) = name {
                        d.line(format_args!("element {}", name.name));
                    }
                    d.map(body);
                }),
                MapEntry::For { variables, iterable, condition, key, value } => {
                    self.within(format_args!("for {}", list(variables)), |d| {
                        d.expr(iterable);
                        d.optional("if", condition.as_ref());
                        d.key(key);
                        d.expr(value);
                    });
                }
            }
        }
    }

    fn key(&mut self, key: &Key) {
        match key {
            Key::Name(name) => self.line(format_args!("key {:?}", name.name)),
            Key::Computed(expr) => self.within(format_args!("key"), |d| d.expr(expr)),
        }
    }

    fn expr(&mut self, expr: &Expr) {
        use ExprKind as K;
        match &expr.kind {
            K::Int(value) => self.line(format_args!("{value}")),
            K::Float(value) => self.line(format_args!("float {value}")),
            K::Bool(value) => self.line(format_args!("{value}")),
            K::Str(parts) => match parts.as_slice() {
                [] => self.line(format_args!("\"\"")),
                [StrPart::Text(text)] => self.line(format_args!("{text:?}")),
                parts => self.within(format_args!("string"), |d| {
                    for part in parts {
                        match part {
                            StrPart::Text(text) => d.line(format_args!("{text:?}")),
                            StrPart::Expr(expr) => d.expr(expr),
                        }
                    }
                }),
            },
            K::Quantity(text) => self.line(format_args!("quantity {text}")),
            K::Duration(milliseconds) => self.line(format_args!("duration {milliseconds}ms")),
            K::Percent(value) => self.line(format_args!("percent {value}")),
            K::Ratio(left, right) => self.line(format_args!("ratio {left}:{right}")),
            K::List(elements) => self.within(format_args!("list"), |d| {
                for element in elements {
                    d.expr(element);
                }
            }),
            K::Map(map) => self.within(format_args!("map"), |d| d.map(map)),
            K::Name(name) => self.line(format_args!("name {name}")),
            K::Field(value, field) => self.within(format_args!(".{}", field.name), |d| d.expr(value)),
            K::Index(value, index) => self.within(format_args!("index"), |d| {
                d.expr(value);
                d.expr(index);
            }),
            K::Call(callee, arguments) => self.within(format_args!("call"), |d| {
                d.expr(callee);
                d.arguments(arguments);
            }),
            K::Unary(op, value) => self.within(format_args!("{}", unary_text(*op)), |d| d.expr(value)),
            K::Binary(op, left, right) => self.within(format_args!("{}", op.symbol()), |d| {
                d.expr(left);
                d.expr(right);
            }),
            K::Is(value, template) => self.within(format_args!("is {}", path(template)), |d| d.expr(value)),
            K::If(condition, yes, no) => self.within(format_args!("if"), |d| {
                d.expr(condition);
                d.expr(yes);
                d.expr(no);
            }),
            K::For { variables, iterable, condition, element } => {
                self.within(format_args!("for {}", list(variables)), |d| {
                    d.expr(iterable);
                    d.optional("if", condition.as_deref());
                    d.expr(element);
                });
            }
            K::Unset => self.line(format_args!("unset")),
            K::Inherited => self.line(format_args!("inherited")),
        }
    }
}

fn path(parts: &[Ident]) -> String {
    joined(parts, ".")
}

fn list(names: &[Ident]) -> String {
    joined(names, ", ")
}

fn joined(names: &[Ident], separator: &str) -> String {
    names.iter().map(|n| n.name.as_str()).collect::<Vec<_>>().join(separator)
}

fn type_text(ty: &Type) -> String {
    let all = |types: &[Type], separator: &str| types.iter().map(type_text).collect::<Vec<_>>().join(separator);
    match &ty.kind {
        TypeKind::Named { path: parts, arguments } if arguments.is_empty() => path(parts),
        TypeKind::Named { path: parts, arguments } => format!("{}<{}>", path(parts), all(arguments, ", ")),
        TypeKind::Literal(text) => format!("{text:?}"),
        TypeKind::Union(types) => all(types, " | "),
        TypeKind::Record(fields) => {
            let mut inner = Dump { text: String::new(), depth: 0 };
            inner.params(fields);
            format!("{{ {} }}", inner.text.lines().collect::<Vec<_>>().join("; "))
        }
    }
}

fn unary_text(op: UnaryOp) -> &'static str {
    match op {
        UnaryOp::Negate => "negate",
        UnaryOp::Not => "not",
    }
}
