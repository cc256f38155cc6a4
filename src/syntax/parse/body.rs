//! Bodies, statements and maps.

use super::Rule;
use super::convert::{Convert, Cursor, Node};
use crate::syntax::{
    AfterTarget, Body, Connect, Expr, Ident, Key, MapBody, MapEntry, Probe, ProbeCheck, Role, Statement, StatementKind,
};

impl Convert<'_> {
    /// `{ … }` of a role, group, template, edge, component or container.
    pub(super) fn body(&mut self, node: Node) -> Option<Body> {
        let span = self.span(&node);
        let mut inner = Cursor::new(node);
        let mut statements = Vec::new();
        while let Some(statement) = inner.next() {
            statements.push(self.statement(statement)?);
        }
        Some(Body { statements, span })
    }

    fn statement(&mut self, node: Node) -> Option<Statement> {
        let doc = self.docs(&node);
        self.begins(&node);
        let span = self.span(&node);
        let rule = node.as_rule();
        let mut when = None;
        let kind = match rule {
            Rule::let_decl => StatementKind::Let(self.let_decl(node)?),
            Rule::assertion => StatementKind::Assert(self.assertion(node)?),
            Rule::place => StatementKind::Place(self.place(node)?),
            Rule::port | Rule::file | Rule::mount => self.assigned(node, &mut when)?,
            Rule::role => self.role(node, &mut when)?,
            Rule::probe => self.probe(node, &mut when)?,
            Rule::after => self.after(node, &mut when)?,
            Rule::connect => self.connect(node, &mut when)?,
            _ => self.simple(node, &mut when)?,
        };
        Some(Statement { doc, span, when, kind })
    }

    fn simple(&mut self, node: Node, when: &mut Option<Expr>) -> Option<StatementKind> {
        let rule = node.as_rule();
        let mut inner = Cursor::new(node);
        let first = inner.next()?;
        Some(match rule {
            Rule::field => {
                let name = self.name(&first);
                StatementKind::Field { name, value: self.expr(inner.take(Rule::expr)?)? }
            }
            Rule::map_field => {
                let name = self.name(&first);
                StatementKind::Map { name, body: self.map(inner.take(Rule::map)?)? }
            }
            Rule::part | Rule::edge_part => {
                StatementKind::Part { name: self.word(&first), body: self.body(inner.take(Rule::body)?)? }
            }
            Rule::child => {
                let name = self.name(&inner.take(Rule::name)?);
                *when = self.when(&mut inner)?;
                StatementKind::Child { keyword: self.word(&first), name, body: self.body(inner.take(Rule::body)?)? }
            }
            Rule::volume => {
                let name = self.name(&inner.take(Rule::name)?);
                *when = self.when(&mut inner)?;
                StatementKind::Volume { keyword: self.word(&first), name, body: self.map(inner.take(Rule::map)?)? }
            }
            Rule::coordinate => {
                let mut roles = vec![self.name(&first)];
                while let Some(role) = inner.take(Rule::name) {
                    roles.push(self.name(&role));
                }
                StatementKind::Coordinate { roles, body: self.map(inner.take(Rule::map)?)? }
            }
            _ => return None,
        })
    }

    /// `when cond`, if it comes next.
    #[allow(clippy::option_option, reason = "the outer option is the converter's, the inner one the tree's")]
    fn when(&mut self, inner: &mut Cursor) -> Option<Option<Expr>> {
        match inner.take(Rule::when) {
            Some(when) => Some(Some(self.expr(Cursor::new(when).take(Rule::expr)?)?)),
            None => Some(None),
        }
    }

    #[allow(clippy::option_option, reason = "the outer option is the converter's, the inner one the tree's")]
    fn options(&mut self, inner: &mut Cursor) -> Option<Option<MapBody>> {
        match inner.take(Rule::map) {
            Some(map) => Some(Some(self.map(map)?)),
            None => Some(None),
        }
    }

    fn role(&mut self, node: Node, when: &mut Option<Expr>) -> Option<StatementKind> {
        let span = self.span(&node);
        let mut inner = Cursor::new(node);
        let name = self.name(&inner.take(Rule::name)?);
        let bases = self.bases(&mut inner)?;
        *when = self.when(&mut inner)?;
        let body = self.optional_body(&mut inner, span)?;
        Some(StatementKind::Role(Role { name, bases, body }))
    }

    /// `port`, `file` and `mount`: something, a value and options.
    fn assigned(&mut self, node: Node, when: &mut Option<Expr>) -> Option<StatementKind> {
        let rule = node.as_rule();
        let mut inner = Cursor::new(node);
        let first = inner.next()?;
        let subject: Ident = match rule {
            Rule::port => self.name(&first),
            _ => self.plain_string(first, "the path of a mount")?,
        };
        let value = self.optional_expr(&mut inner)?;
        *when = self.when(&mut inner)?;
        let options = self.options(&mut inner)?;
        Some(match rule {
            Rule::port => StatementKind::Port { name: subject, value, options },
            Rule::file => StatementKind::File { path: subject, value, options },
            _ => StatementKind::Mount { path: subject, value, options },
        })
    }

    fn probe(&mut self, node: Node, when: &mut Option<Expr>) -> Option<StatementKind> {
        let mut inner = Cursor::new(node);
        let kind = self.word(&inner.take(Rule::probe_word)?);
        let mut check = None;
        for rule in [Rule::check_http, Rule::check_tcp, Rule::check_grpc, Rule::check_exec] {
            if let Some(found) = inner.take(rule) {
                check = Some(self.check(found)?);
            }
        }
        *when = self.when(&mut inner)?;
        let options = self.options(&mut inner)?;
        Some(StatementKind::Probe(Probe { kind, check, options }))
    }

    fn check(&mut self, node: Node) -> Option<ProbeCheck> {
        let rule = node.as_rule();
        let mut inner = Cursor::new(node);
        let value = self.optional_expr(&mut inner)?;
        if rule == Rule::check_exec {
            return Some(ProbeCheck::Exec { command: value? });
        }
        let port = self.name(&inner.take(Rule::name)?);
        Some(match rule {
            Rule::check_http => ProbeCheck::Http { path: value?, port },
            Rule::check_grpc => ProbeCheck::Grpc { service: value, port },
            _ => ProbeCheck::Tcp { port },
        })
    }

    fn after(&mut self, node: Node, when: &mut Option<Expr>) -> Option<StatementKind> {
        let mut inner = Cursor::new(node);
        let mut targets = Vec::new();
        while let Some(target) = inner.take(Rule::after_target) {
            let span = self.span(&target);
            let mut words = Cursor::new(target);
            let group = words.take(Rule::after_group).is_some();
            let mut path = self.value_path(words.take(Rule::path)?);
            let index = match words.take(Rule::after_index) {
                Some(index) => Some((path.len(), self.expr(Cursor::new(index).take(Rule::expr)?)?)),
                None => None,
            };
            path.extend(words.take(Rule::path).map(|rest| self.value_path(rest)).unwrap_or_default());
            targets.push(AfterTarget { group, path, index, span });
        }
        *when = self.when(&mut inner)?;
        let options = self.options(&mut inner)?;
        Some(StatementKind::After { targets, options })
    }

    fn connect(&mut self, node: Node, when: &mut Option<Expr>) -> Option<StatementKind> {
        let mut inner = Cursor::new(node);
        let from = self.name(&inner.take(Rule::name)?);
        let to = self.name(&inner.take(Rule::name)?);
        let edge = match inner.take(Rule::edge_ref) {
            Some(edge) => Some(self.type_path(Cursor::new(edge).take(Rule::path)?)),
            None => None,
        };
        let over = match inner.take(Rule::over) {
            Some(over) => Some(self.name(&Cursor::new(over).take(Rule::name)?)),
            None => None,
        };
        let weight = self.clause_value(&mut inner, Rule::weight)?;
        *when = self.when(&mut inner)?;
        Some(StatementKind::Connect(Connect { from, to, edge, over, weight }))
    }

    /// `{ … }` of a map.
    pub(super) fn map(&mut self, node: Node) -> Option<MapBody> {
        Some(self.tall_map(node)?.0)
    }

    /// `{ … }` of a map, with the height of the highest expression within.
    pub(super) fn tall_map(&mut self, node: Node) -> Option<(MapBody, u32)> {
        let span = self.span(&node);
        let mut inner = Cursor::new(node);
        let mut entries = Vec::new();
        let mut height = 0;
        while let Some(entry) = inner.next() {
            let (entry, high) = self.entry(entry)?;
            entries.push(entry);
            height = height.max(high);
        }
        Some((MapBody { entries, span }, height))
    }

    fn entry(&mut self, node: Node) -> Option<(MapEntry, u32)> {
        self.begins(&node);
        let mut inner = Cursor::new(node);
        if let Some(head) = inner.take(Rule::for_head) {
            let head = self.for_head(head)?;
            let (key, high) = self.key(inner.next()?)?;
            let value = self.tall(inner.take(Rule::expr)?)?;
            let height = head.height.max(high).max(value.height);
            let (variables, iterable, condition) = (head.variables, head.iterable, head.condition);
            return Some((MapEntry::For { variables, iterable, condition, key, value: value.expr }, height));
        }
        let (key, high) = self.key(inner.next()?)?;
        if let Some(value) = inner.take(Rule::expr) {
            let value = self.tall(value)?;
            return Some((MapEntry::Set { key, value: value.expr }, high.max(value.height)));
        }
        let name = inner.take(Rule::element_name).map(|name| self.word(&name));
        let (body, height) = self.tall_map(inner.take(Rule::map)?)?;
        Some((MapEntry::Merge { key, name, body }, high.max(height + 1)))
    }
}

impl Convert<'_> {
    /// The key of an entry, with the height of its expression. A string with `${…}` is computed.
    pub(super) fn key(&mut self, node: Node) -> Option<(Key, u32)> {
        match node.as_rule() {
            Rule::key_word => Some((Key::Name(self.word(&node)), 0)),
            Rule::string => {
                let string = self.string(node)?;
                Some(match string.plain() {
                    Some(text) => (Key::Name(Ident { name: text, span: string.expr.span }), 0),
                    None => (Key::Computed(string.expr), string.height),
                })
            }
            Rule::computed_key => {
                let span = self.span(&node);
                let mut key = self.tall(Cursor::new(node).take(Rule::expr)?)?;
                key.expr.span = span;
                Some((Key::Computed(key.expr), key.height))
            }
            _ => None,
        }
    }
}
