//! Names in declarations and statements.

use super::*;

impl<'a> Binder<'a> {
    pub(super) fn item(&mut self, item: &'a Item) {
        match &item.kind {
            ItemKind::Use(_) | ItemKind::Reserved { .. } => {}
            ItemKind::Param(param) => self.param(param),
            ItemKind::Let(binding) => self.binding_value(binding),
            ItemKind::Template(template) => self.template(template),
            ItemKind::Edge(edge) => self.edge(edge),
            ItemKind::Group(group) => self.group(group),
            ItemKind::Refine(refine) => self.refine(refine),
            ItemKind::Assert(assert) => self.assert(assert),
        }
    }

    fn param(&mut self, param: &'a Param) {
        self.ty(&param.ty);
        if let Some(default) = &param.default {
            self.expr(default);
        }
    }

    fn binding_value(&mut self, binding: &'a Let) {
        if let Some(ty) = &binding.ty {
            self.ty(ty);
        }
        self.expr(&binding.value);
    }

    fn assert(&mut self, assert: &'a Assert) {
        self.expr(&assert.condition);
        if let Some(message) = &assert.message {
            self.expr(message);
        }
    }

    fn params(&mut self, params: &'a [Param]) {
        for param in params {
            self.declare(&param.name, Binding::Local, true);
        }
        params.iter().for_each(|p| self.param(p));
    }

    fn template(&mut self, template: &'a Template) {
        let outer = self.context;
        self.scopes.push(false);
        self.context.group = true;
        self.params(&template.params);
        self.calls(&template.bases);
        if template.target == TemplateTarget::Group {
            self.declare_roles(&template.bases, &template.body);
        } else {
            self.context.role = true;
        }
        self.body(&template.body);
        self.scopes.pop();
        self.context = outer;
    }

    fn edge(&mut self, edge: &'a Edge) {
        let outer = self.context;
        self.scopes.push(false);
        self.params(&edge.params);
        self.context.group = true;
        self.body(&edge.body);
        self.scopes.pop();
        self.context = outer;
    }

    fn group(&mut self, group: &'a Group) {
        let outer = self.context;
        if let Some(count) = &group.count {
            self.expr(count);
        }
        self.context = Context { role: false, group: true, indexed: group.count.is_some(), component: false };
        self.scopes.push(true);
        self.calls(&group.bases);
        self.declare_roles(&group.bases, &group.body);
        self.body(&group.body);
        self.close();
        self.context = outer;
    }

    fn refine(&mut self, refine: &'a Refine) {
        let Some(def) = self.path(&refine.group, "group") else { return };
        let ItemKind::Group(group) = &self.item_of(def).kind else { return };
        let outer = self.context;
        self.context = Context { role: false, group: true, indexed: group.count.is_some(), component: false };
        self.scopes.push(true);
        self.declare_roles(&group.bases, &group.body);
        self.body(&refine.body);
        self.close();
        self.context = outer;
    }

    fn calls(&mut self, calls: &'a [TemplateCall]) {
        for call in calls {
            self.path(&call.path, "template");
            for argument in &call.arguments {
                self.expr(&argument.value);
            }
        }
    }

    /// Makes the roles of a group visible: its own and those of the group templates it is made from.
    fn declare_roles(&mut self, bases: &'a [TemplateCall], body: &'a Body) {
        let mut roles = BTreeMap::new();
        self.collect_roles(bases, body, &mut roles, &mut Vec::new());
        for (name, span) in roles {
            if let Some(earlier) = self.scopes.declare(name, Binding::Local, span, true) {
                let ident = Ident { name: name.to_owned(), span };
                self.problems.push(declared_twice(&ident, earlier));
            }
        }
    }

    fn collect_roles(
        &self,
        bases: &'a [TemplateCall],
        body: &'a Body,
        roles: &mut BTreeMap<&'a str, Span>,
        seen: &mut Vec<Span>,
    ) {
        for statement in &body.statements {
            if let StatementKind::Role(role) = &statement.kind {
                roles.entry(&role.name.name).or_insert(role.name.span);
            }
        }
        for call in bases {
            let Some(template) = self.template_of(call) else { continue };
            // A template that is built on itself is reported by `check`; here it only must end.
            if !seen.contains(&template.name.span) {
                seen.push(template.name.span);
                self.collect_roles(&template.bases, &template.body, roles, seen);
            }
        }
    }

    /// The template that a call names. Works before the template's own file scope is open, since
    /// imported modules are bound before.
    fn template_of(&self, call: &TemplateCall) -> Option<&'a Template> {
        let last = call.path.last()?;
        let def = match self.paths.get(&last.span.lo) {
            Some(def) => *def,
            None => self.own_item(&last.name)?,
        };
        match &self.item_of(def).kind {
            ItemKind::Template(template) => Some(template),
            _ => None,
        }
    }

    fn own_item(&self, name: &str) -> Option<DefId> {
        let items = &self.modules[self.module.0 as usize].ast.items;
        let item = items.iter().position(|i| item_name(i).is_some_and(|n| n.name == name))?;
        Some(DefId { module: self.module, item: item as u32 })
    }

    /// Binds the statements of a body whose scope is open.
    fn body(&mut self, body: &'a Body) {
        for statement in &body.statements {
            if let StatementKind::Let(binding) = &statement.kind {
                self.declare(&binding.name, Binding::Local, false);
            }
        }
        for statement in &body.statements {
            if let Some(when) = &statement.when {
                self.expr(when);
            }
            self.statement(&statement.kind);
        }
    }

    /// Binds a body with a scope of its own in which the fields of a role are visible.
    fn role_body(&mut self, body: &'a Body) {
        let outer = self.context;
        self.context.role = true;
        self.scopes.push(true);
        self.body(body);
        self.close();
        self.context = outer;
    }

    fn statement(&mut self, kind: &'a StatementKind) {
        match kind {
            StatementKind::Field { value, .. } => self.expr(value),
            StatementKind::Map { body, .. } | StatementKind::Volume { body, .. } => self.map(body),
            StatementKind::Let(binding) => self.binding_value(binding),
            StatementKind::Assert(assert) => self.assert(assert),
            StatementKind::Role(role) => {
                self.calls(&role.bases);
                self.role_body(&role.body);
            }
            StatementKind::Child { keyword, body, .. } => {
                let outer = std::mem::replace(&mut self.context.component, keyword.name == "component");
                self.role_body(body);
                self.context.component = outer;
            }
            StatementKind::Part { body, .. } => self.role_body(body),
            StatementKind::Port { value, options, .. }
            | StatementKind::File { value, options, .. }
            | StatementKind::Mount { value, options, .. } => {
                value.iter().for_each(|v| self.expr(v));
                options.iter().for_each(|o| self.map(o));
            }
            StatementKind::Probe(probe) => self.probe(probe),
            StatementKind::After { targets, options } => {
                if !self.context.component {
                    targets.iter().for_each(|t| self.after(t));
                }
                options.iter().for_each(|o| self.map(o));
            }
            StatementKind::Connect(connect) => {
                if let Some(edge) = &connect.edge {
                    self.path(edge, "edge");
                }
                connect.weight.iter().for_each(|w| self.expr(w));
            }
            StatementKind::Place(clauses) => clauses.iter().for_each(|c| self.clause(c)),
            StatementKind::Coordinate { body, .. } => self.map(body),
        }
    }

    fn probe(&mut self, probe: &'a Probe) {
        match &probe.check {
            Some(ProbeCheck::Http { path, .. }) => self.expr(path),
            Some(ProbeCheck::Exec { command }) => self.expr(command),
            Some(ProbeCheck::Grpc { service, .. }) => service.iter().for_each(|s| self.expr(s)),
            Some(ProbeCheck::Tcp { .. }) | None => {}
        }
        probe.options.iter().for_each(|o| self.map(o));
    }

    fn after(&mut self, target: &'a AfterTarget) {
        let Some(first) = target.path.first() else { return };
        target.index.iter().for_each(|(_, index)| self.expr(index));
        if target.group {
            self.path(&target.path, "group");
            return;
        }
        match self.scopes.find(&first.name).map(|(b, _)| b) {
            Some(Binding::Namespace(_)) if target.path.len() > 1 => {
                self.path(&target.path[..2], "group");
            }
            Some(binding) => self.record(first.span, binding),
            None => {
                let known: Vec<&str> = self.scopes.names().collect();
                self.problems.push(unknown("role", first, &known));
            }
        }
    }

    fn clause(&mut self, clause: &'a Clause) {
        clause.weight.iter().for_each(|w| self.expr(w));
        match &clause.kind {
            ClauseKind::Spread { max_skew, at_least, .. } => {
                max_skew.iter().chain(at_least).for_each(|e| self.expr(e));
            }
            ClauseKind::Survive { count, .. } => self.expr(count),
            ClauseKind::Pool { pools, .. } => pools.iter().for_each(|p| self.expr(p)),
            ClauseKind::Label { value, .. } => self.expr(value),
            ClauseKind::Instances { .. }
            | ClauseKind::Roles { .. }
            | ClauseKind::Group { .. }
            | ClauseKind::Cells { .. }
            | ClauseKind::Near { .. }
            | ClauseKind::Apart { .. }
            | ClauseKind::Exclusive { .. } => {}
        }
    }
}
