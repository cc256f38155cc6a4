//! Kueue's `Topology`: which labels are levels, widest first.

use super::{Found, problems};
use crate::naming::is_qualified_name;
use crate::tree::{At, Reader, Tree, shown};

/// Reads the levels of a Topology. They are declared for the cluster; the nodes tell the values.
pub fn topology(object: &Tree, reader: &mut Reader<'_>, found: &mut Found) {
    let mut chain: Vec<At<String>> = Vec::new();
    let levels = object.at(&["spec", "levels"]).map_or(&[][..], Tree::items);
    if levels.is_empty() {
        reader.report(|_| problems::malformed(object.span, "a Topology without `spec.levels`"));
    }
    for level in levels {
        match level.get("nodeLabel").and_then(Tree::text).filter(|label| is_qualified_name(&label.value)) {
            Some(label) if chain.iter().any(|other| other.value == label.value) => {
                reader.report(|_| problems::malformed(label.span, format!("{} is a level twice", shown(&label.value))));
            }
            Some(label) => chain.push(label),
            None => reader.report(|_| problems::malformed(level.span, "a level without a `nodeLabel`")),
        }
    }
    found.chains.push((chain, true));
}
