//! Flow style: a list or map in one line, for documents in which a line is an item.

use super::scalar;
use crate::data::Data;

/// Appends a value in one line: `{ name: a, nodes: "n[1-2]" }`, keys in the order of building. What
/// is [`Data::Null`] is left out.
pub fn write(out: &mut String, data: &Data) {
    match data {
        Data::Map(map) => {
            let entries: Vec<_> = map.iter().filter(|(_, value)| **value != Data::Null).collect();
            if entries.is_empty() {
                return out.push_str("{}");
            }
            for (index, (key, value)) in entries.into_iter().enumerate() {
                out.push_str(if index == 0 { "{ " } else { ", " });
                text(out, key);
                out.push_str(": ");
                write(out, value);
            }
            out.push_str(" }");
        }
        Data::List(list) => {
            out.push('[');
            for (index, item) in list.iter().filter(|item| **item != Data::Null).enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write(out, item);
            }
            out.push(']');
        }
        Data::Str(value) => text(out, value),
        other => super::append_scalar(out, other),
    }
}

/// A comma ends an item here, so that a text with one is quoted.
fn text(out: &mut String, text: &str) {
    if text.contains(',') {
        scalar::write_in_quotes(out, text);
    } else {
        scalar::write_inline(out, text);
    }
}
