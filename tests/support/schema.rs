//! Whether a value is as a JSON Schema describes it: the keywords that the compiler's schemas use.
//! An object may have no property that its schema does not name, and a keyword that is not known
//! here is a mistake.

use serde_json::{Map, Value};

/// Everything in which a value differs from its schema, each with its place.
pub fn differences(schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    Check { root: schema, found: &mut found }.value(schema, value, "$");
    found
}

struct Check<'s, 'f> {
    root: &'s Value,
    found: &'f mut Vec<String>,
}

impl<'s> Check<'s, '_> {
    fn value(&mut self, schema: &'s Value, value: &Value, place: &str) {
        let Some(schema) = schema.as_object() else {
            assert_eq!(schema, &Value::Bool(true), "{place}: a schema that nothing is like");
            return;
        };
        for (keyword, rule) in schema {
            let holds = match keyword.as_str() {
                "$schema" | "$defs" | "title" | "description" | "default" | "format" | "additionalProperties" => true,
                "$ref" => {
                    let pointer = rule.as_str().unwrap().strip_prefix('#').unwrap();
                    self.value(self.root.pointer(pointer).expect(pointer), value, place);
                    true
                }
                "type" => match rule {
                    Value::Array(kinds) => kinds.iter().any(|kind| is_kind(kind, value)),
                    kind => is_kind(kind, value),
                },
                "const" => rule == value,
                "enum" => rule.as_array().unwrap().contains(value),
                "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
                "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().unwrap()),
                "anyOf" | "oneOf" => rule.as_array().unwrap().iter().any(|schema| self.fits(schema, value)),
                "required" => {
                    let named = rule.as_array().unwrap().iter().map(|name| name.as_str().unwrap());
                    value.as_object().is_none_or(|object| named.into_iter().all(|name| object.contains_key(name)))
                }
                "items" => {
                    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.value(rule, item, &format!("{place}[{index}]"));
                    }
                    true
                }
                "properties" => true,
                other => panic!("{place}: the keyword `{other}` is not known"),
            };
            if !holds {
                self.found.push(format!("{place}: {value} is not as `{keyword}` says: {rule}"));
            }
        }
        if let Some(object) = value.as_object() {
            self.properties(schema, object, place);
        }
    }

    fn properties(&mut self, schema: &'s Map<String, Value>, object: &Map<String, Value>, place: &str) {
        if ["$ref", "anyOf", "oneOf"].iter().any(|elsewhere| schema.contains_key(*elsewhere)) {
            return;
        }
        for (name, value) in object {
            let place = format!("{place}.{name}");
            let named = schema.get("properties").and_then(|properties| properties.get(name));
            match named.or_else(|| schema.get("additionalProperties").filter(|rule| **rule != false)) {
                Some(schema) => self.value(schema, value, &place),
                None => self.found.push(format!("{place} is not described")),
            }
        }
    }

    fn fits(&self, schema: &'s Value, value: &Value) -> bool {
        let mut found = Vec::new();
        Check { root: self.root, found: &mut found }.value(schema, value, "$");
        found.is_empty()
    }
}

fn is_kind(kind: &Value, value: &Value) -> bool {
    match kind.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no type `{other}`"),
    }
}
