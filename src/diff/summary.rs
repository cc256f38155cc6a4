//! The difference in one line.

use super::{Changes, Effect};
use crate::diag::plural;

/// `2 to create, 1 rolling restart, 24 unchanged; 1 pod restarts, 8 come`.
pub fn summary(changes: &Changes) -> String {
    let objects = Effect::ALL.iter().rev().filter_map(|effect| part(changes.count(*effect), *effect));
    let unchanged = (changes.unchanged > 0).then(|| format!("{} unchanged", changes.unchanged));
    let objects: Vec<String> = objects.chain(unchanged).collect();
    let total = |of: fn(&super::Role) -> u64| changes.roles.iter().map(of).fold(0, u64::saturating_add);
    let pods = pods([total(|r| r.restart), total(|r| r.create), total(|r| r.delete)]);
    let moves = match changes.moves.len() {
        0 => None,
        1 => Some("1 instance moves".to_owned()),
        many => Some(format!("{many} instances move")),
    };
    let pods: Vec<String> = pods.into_iter().chain(moves).collect();
    match (objects.is_empty(), pods.is_empty()) {
        (true, true) => "nothing is there".into(),
        (_, true) if changes.is_empty() => format!("no change: {}", objects.join(", ")),
        (_, true) => format!("{}; no pod restarts", objects.join(", ")),
        (_, false) => format!("{}; {}", objects.join(", "), pods.join(", ")),
    }
}

fn part(count: usize, effect: Effect) -> Option<String> {
    let words = match effect {
        Effect::NoOp => "without effect",
        Effect::Metadata => "of metadata only",
        Effect::InPlace => "in place",
        Effect::Create => "to create",
        Effect::RollingRestart => return (count > 0).then(|| plural(count, "rolling restart")),
        Effect::Recreate => "to recreate",
        Effect::Delete => "to delete",
    };
    (count > 0).then(|| format!("{count} {words}"))
}

/// How many pods restart, come and go, in words: `2 pods restart`, `1 comes`.
pub(super) fn pods(counts: [u64; 3]) -> Vec<String> {
    let words = [("restarts", "restart"), ("comes", "come"), ("goes", "go")];
    let mut parts: Vec<String> = Vec::new();
    for (count, (one, many)) in counts.into_iter().zip(words).filter(|(count, _)| *count > 0) {
        let noun = match (parts.is_empty(), count) {
            (false, _) => "",
            (true, 1) => " pod",
            (true, _) => " pods",
        };
        parts.push(format!("{count}{noun} {}", if count == 1 { one } else { many }));
    }
    parts
}
