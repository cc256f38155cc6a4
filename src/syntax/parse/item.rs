//! Items, types and parameters.

use pest::iterators::Pairs;

use super::Rule;
use super::convert::{Convert, Cursor, Node};
use super::errors::{self, Style};
use crate::syntax::{
    Argument, Assert, Body, Edge, Expr, ExprKind, Group, Ident, Item, ItemKind, Let, Param, Refine, StrPart, Template,
    TemplateCall, TemplateTarget, Type, TypeKind, Use, UsePath,
};

impl Convert<'_> {
    /// The one item of a chunk.
    pub(super) fn item(&mut self, mut pairs: Pairs<'_, Rule>) -> Option<Item> {
        let mut inner = Cursor::new(pairs.next()?);
        let private = inner.take(Rule::private);
        let declaration = inner.next()?;
        let end = self.span(&declaration);
        let first = private.as_ref().unwrap_or(&declaration);
        let doc = self.docs(first);
        self.begins(first);
        let span = private.as_ref().map_or(end, |p| self.span(p).to(end));
        let kind = self.declaration(declaration)?;
        Some(Item { doc, private: private.is_some(), span, kind })
    }

    fn declaration(&mut self, node: Node) -> Option<ItemKind> {
        Some(match node.as_rule() {
            Rule::use_item => ItemKind::Use(self.use_item(node)?),
            Rule::param_item => ItemKind::Param(self.parameter(Cursor::new(node).take(Rule::parameter)?)?),
            Rule::let_decl => ItemKind::Let(self.let_decl(node)?),
            Rule::assertion => ItemKind::Assert(self.assertion(node)?),
            Rule::template => ItemKind::Template(self.template(node)?),
            Rule::edge => ItemKind::Edge(self.edge(node)?),
            Rule::group => ItemKind::Group(self.group(node)?),
            Rule::refine => {
                let mut inner = Cursor::new(node);
                let group = self.value_path(inner.take(Rule::path)?);
                ItemKind::Refine(Refine { group, body: self.body(inner.take(Rule::body)?)? })
            }
            Rule::reserved => {
                let mut inner = Cursor::new(node);
                let keyword = self.word(&inner.take(Rule::reserved_word)?);
                let name = self.name(&inner.take(Rule::name)?);
                let raw = self.range(&inner.take(Rule::raw_block)?);
                self.shape.raw.push(raw);
                ItemKind::Reserved { keyword, name }
            }
            _ => return None,
        })
    }

    fn use_item(&mut self, node: Node) -> Option<Use> {
        let mut inner = Cursor::new(node);
        let path = match inner.take(Rule::module_path) {
            Some(path) => UsePath::Module(self.value_path(path)),
            None => UsePath::File(self.plain_string(inner.take(Rule::string)?, "the path of a file")?),
        };
        let names = inner.take(Rule::use_names).map(|list| self.words(list));
        Some(Use { path, names })
    }

    /// All names within a pair, written in any way.
    fn words(&self, node: Node) -> Vec<Ident> {
        node.into_inner().filter(|p| p.as_rule() == Rule::name).map(|p| self.word(&p)).collect()
    }

    /// All names within a pair.
    pub(super) fn names(&mut self, node: Node, rule: Rule) -> Vec<Ident> {
        node.into_inner().filter(|p| p.as_rule() == rule).map(|p| self.name(&p)).collect()
    }

    /// A path of values: `std.sglang`, `store.master`.
    pub(super) fn value_path(&mut self, node: Node) -> Vec<Ident> {
        self.names(node, Rule::name)
    }

    /// A path to a template, edge or type: `Prefill`, `sglang.Prefill`.
    pub(super) fn type_path(&mut self, node: Node) -> Vec<Ident> {
        let mut names = node.into_inner().filter(|p| p.as_rule() == Rule::name).peekable();
        let mut path = Vec::new();
        while let Some(name) = names.next() {
            let style = if names.peek().is_some() { Style::Name } else { Style::Type };
            path.push(self.styled(&name, style));
        }
        path
    }

    /// A string without `${…}`: its text, and its place with the quotes. `what` says what it is.
    pub(super) fn plain_string(&mut self, node: Node, what: &str) -> Option<Ident> {
        let Expr { span, kind } = self.string(node)?.expr;
        let ExprKind::Str(parts) = kind else { return None };
        let mut name = String::new();
        for part in parts {
            match part {
                StrPart::Text(text) => name.push_str(&text),
                StrPart::Expr(expr) => self.problems.push(errors::not_plain(expr.span, what)),
            }
        }
        Some(Ident { name, span })
    }

    /// `name: Type [= default]`.
    pub(super) fn parameter(&mut self, node: Node) -> Option<Param> {
        let doc = self.docs(&node);
        let mut inner = Cursor::new(node);
        let name = self.name(&inner.take(Rule::name)?);
        let ty = self.type_(inner.take(Rule::type_)?)?;
        let default = self.optional_expr(&mut inner)?;
        Some(Param { doc, name, ty, default })
    }

    /// The expression that comes next, if one does.
    #[allow(clippy::option_option, reason = "the outer option is the converter's, the inner one the tree's")]
    pub(super) fn optional_expr(&mut self, inner: &mut Cursor) -> Option<Option<Expr>> {
        match inner.take(Rule::expr) {
            Some(expr) => Some(Some(self.expr(expr)?)),
            None => Some(None),
        }
    }

    /// `let NAME[: Type] = expr`.
    pub(super) fn let_decl(&mut self, node: Node) -> Option<Let> {
        let mut inner = Cursor::new(node);
        let name = self.name(&inner.take(Rule::name)?);
        let ty = match inner.take(Rule::type_) {
            Some(ty) => Some(self.type_(ty)?),
            None => None,
        };
        Some(Let { name, ty, value: self.expr(inner.take(Rule::expr)?)? })
    }

    /// `assert cond, "message"`.
    pub(super) fn assertion(&mut self, node: Node) -> Option<Assert> {
        let span = self.span(&node);
        let mut inner = Cursor::new(node);
        let condition = self.expr(inner.take(Rule::expr)?)?;
        Some(Assert { condition, message: self.optional_expr(&mut inner)?, span })
    }

    fn template(&mut self, node: Node) -> Option<Template> {
        let mut inner = Cursor::new(node);
        let name = self.styled(&inner.take(Rule::name)?, Style::Type);
        let params = match inner.take(Rule::parameters) {
            Some(list) => self.parameters(list, Rule::parameter)?,
            None => Vec::new(),
        };
        let bases = self.bases(&mut inner)?;
        let target = match inner.take(Rule::target) {
            Some(target) if target.as_str() == "group" => TemplateTarget::Group,
            _ => TemplateTarget::Role,
        };
        Some(Template { name, params, bases, target, body: self.body(inner.take(Rule::body)?)? })
    }

    fn parameters(&mut self, node: Node, rule: Rule) -> Option<Vec<Param>> {
        node.into_inner().filter(|p| p.as_rule() == rule).map(|p| self.parameter(p)).collect()
    }

    fn edge(&mut self, node: Node) -> Option<Edge> {
        let mut inner = Cursor::new(node);
        let name = self.styled(&inner.take(Rule::name)?, Style::Type);
        let params = self.parameters(inner.take(Rule::ends)?, Rule::end)?;
        Some(Edge { name, params, body: self.body(inner.take(Rule::edge_body)?)? })
    }

    fn group(&mut self, node: Node) -> Option<Group> {
        let end = self.span(&node);
        let mut inner = Cursor::new(node);
        let name = self.name(&inner.take(Rule::name)?);
        let count = match inner.take(Rule::count) {
            Some(count) => Some(self.count(count)?),
            None => None,
        };
        let bases = self.bases(&mut inner)?;
        let tenant = match inner.take(Rule::tenant) {
            Some(tenant) => Some(self.name(&Cursor::new(tenant).take(Rule::name)?)),
            None => None,
        };
        let body = self.optional_body(&mut inner, end)?;
        Some(Group { name, count, tenant, bases, body })
    }

    /// The body that comes next; an empty one at the end of the statement when none does.
    pub(super) fn optional_body(&mut self, inner: &mut Cursor, statement: crate::source::Span) -> Option<Body> {
        match inner.take(Rule::body) {
            Some(body) => self.body(body),
            None => {
                let span = crate::source::Span::new(statement.hi, statement.hi);
                Some(Body { statements: Vec::new(), span })
            }
        }
    }

    /// `is Base(a) + Mixin`, if it comes next.
    pub(super) fn bases(&mut self, inner: &mut Cursor) -> Option<Vec<TemplateCall>> {
        let Some(bases) = inner.take(Rule::bases) else { return Some(Vec::new()) };
        let calls = bases.into_inner().filter(|p| p.as_rule() == Rule::template_call);
        calls.map(|call| self.template_call(call)).collect()
    }

    fn template_call(&mut self, node: Node) -> Option<TemplateCall> {
        let span = self.span(&node);
        let mut inner = Cursor::new(node);
        let path = self.type_path(inner.take(Rule::path)?);
        let arguments = match inner.take(Rule::arguments) {
            Some(list) => self.arguments(list)?.0,
            None => Vec::<Argument>::new(),
        };
        Some(TemplateCall { path, arguments, span })
    }

    fn type_(&mut self, node: Node) -> Option<Type> {
        let range = self.range(&node);
        self.shape.types.push(range);
        let span = self.span(&node);
        let mut inner = Cursor::new(node);
        let mut types = Vec::new();
        while let Some(atom) = inner.next() {
            types.push(self.type_atom(atom)?);
        }
        if types.len() > 1 {
            return Some(Type { span, kind: TypeKind::Union(types) });
        }
        types.pop()
    }

    fn type_atom(&mut self, node: Node) -> Option<Type> {
        let span = self.span(&node);
        let kind = match node.as_rule() {
            Rule::string => TypeKind::Literal(self.plain_string(node, "a type")?.name),
            Rule::record => {
                let fields = node.into_inner().filter(|p| p.as_rule() == Rule::parameter);
                let fields = fields.map(|field| {
                    self.begins(&field);
                    self.parameter(field)
                });
                TypeKind::Record(fields.collect::<Option<_>>()?)
            }
            Rule::type_name => {
                let mut inner = Cursor::new(node);
                let path = self.type_path(inner.take(Rule::path)?);
                let mut arguments = Vec::new();
                while let Some(argument) = inner.take(Rule::type_) {
                    arguments.push(self.type_(argument)?);
                }
                TypeKind::Named { path, arguments }
            }
            _ => return None,
        };
        Some(Type { span, kind })
    }
}
