//! Kinds of members: of roles, groups, models, records and ranges.

use super::super::mistakes;
use super::super::role_value::role_words;
use super::Inference;
use super::kind::Kind;
use crate::resolve::vocabulary::role_field;
use crate::syntax::{Expr, ExprKind, Ident};

impl<'p> Inference<'p> {
    /// The kind of `base.member`, where `base` is of the kind given.
    pub fn member(&mut self, kind: &Kind, member: &'p Ident, base: &'p Expr) -> Kind {
        let name = member.name.as_str();
        let (found, known): (Option<Kind>, Vec<&str>) = match kind {
            Kind::Any => return Kind::Any,
            Kind::Role(_) => return self.role_member(kind, member, base),
            Kind::Group(_) => return self.group_member(kind, member),
            Kind::Instance => {
                let found = instance_member(name);
                if found.is_none() {
                    self.report(mistakes::no_member("an instance", member, &["address", "index", "name"]));
                }
                return found.unwrap_or(Kind::Any);
            }
            Kind::Fields(field) => return Kind::of_entry(field),
            Kind::Map(value) => return (**value).clone(),
            Kind::Ports => return Kind::Int,
            Kind::Record(fields) => (fields.get(name).cloned(), fields.keys().map(String::as_str).collect()),
            Kind::Range | Kind::Int => (matches!(name, "min" | "max").then_some(Kind::Int), vec!["min", "max"]),
            Kind::Model => {
                let found = matches!(name, "name" | "path" | "claim").then_some(Kind::STR);
                (found, vec!["name", "path", "claim"])
            }
            _ => (None, vec![]),
        };
        found.unwrap_or_else(|| {
            self.report(mistakes::no_field(member, &known, base.span, kind.name()));
            Kind::Any
        })
    }

    fn role_member(&mut self, kind: &Kind, member: &'p Ident, base: &'p Expr) -> Kind {
        let role = match (kind, &base.kind) {
            (Kind::Role(Some(known)), _) => Some(known.name.name.as_str()),
            (_, ExprKind::Name(name)) => Some(name.as_str()),
            _ => None,
        };
        match member.name.as_str() {
            "name" | "group" | "namespace" | "service" | "headless" => Kind::STR,
            "autoscaled" => Kind::Bool,
            "addresses" | "selector" => Kind::list(Kind::STR),
            "url" | "urls" => {
                self.report(mistakes::not_called(member, role.unwrap_or("role")));
                Kind::Any
            }
            name => match role_field(name) {
                Some(field) => Kind::of_field(field.name),
                None => {
                    let of = role.map_or("a role".to_owned(), |role| format!("`{role}`"));
                    self.report(mistakes::no_member(&of, member, &role_words()));
                    Kind::Any
                }
            },
        }
    }

    fn group_member(&mut self, kind: &Kind, member: &'p Ident) -> Kind {
        match member.name.as_str() {
            "name" | "namespace" => Kind::STR,
            "roles" => Kind::list(Kind::Role(None)),
            name => {
                let Kind::Group(Some(def)) = kind else { return Kind::Role(None) };
                let Some(roles) = self.roles_of(*def) else { return Kind::Role(None) };
                if let Some(role) = roles.get(name) {
                    return role.clone();
                }
                let known: Vec<&str> = roles.keys().copied().chain(["name", "namespace", "roles"]).collect();
                let of = format!("`{}`", self.program.name(*def));
                self.report(mistakes::no_member(&of, member, &known));
                Kind::Any
            }
        }
    }
}

fn instance_member(name: &str) -> Option<Kind> {
    match name {
        "index" => Some(Kind::Int),
        "name" | "address" => Some(Kind::STR),
        _ => None,
    }
}
