//! When something happens while a commit is delivered.

use std::collections::{BTreeMap, BTreeSet};

/// When objects are brought or removed. What comes first in time is told by [`before`], not by the
/// order of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// Independent of everything else but what has the same number.
    Alone(usize),
    /// A wave of an application of Argo CD: after all its lower ones.
    Wave {
        /// The application.
        application: usize,
        /// The wave; the highest one is for what is removed after everything else.
        wave: i64,
    },
    /// A batch that Flux brings: after those that it depends on.
    Batch(usize),
    /// After everything else.
    End,
}

/// For each of these moments those among them that must be over before it, without those that
/// follow from others. They are sorted; `depends` tells what batches depend on.
pub fn before<'d>(moments: &[Moment], depends: impl Fn(usize) -> &'d [usize]) -> Vec<Vec<usize>> {
    let known: BTreeMap<Moment, usize> = moments.iter().enumerate().map(|(index, moment)| (*moment, index)).collect();
    let of = |(index, moment): (usize, &Moment)| match *moment {
        Moment::Alone(_) => Vec::new(),
        Moment::Wave { application: own, .. } => match index.checked_sub(1).map(|before| moments[before]) {
            Some(Moment::Wave { application, .. }) if application == own => vec![index - 1],
            _ => Vec::new(),
        },
        Moment::Batch(batch) => {
            let (mut seen, mut found) = (BTreeSet::new(), Vec::new());
            let mut open = depends(batch).to_vec();
            while let Some(batch) = open.pop() {
                if seen.insert(batch) {
                    match known.get(&Moment::Batch(batch)) {
                        Some(index) => found.push(*index),
                        None => open.extend(depends(batch)),
                    }
                }
            }
            found
        }
        Moment::End => (0..index).collect(),
    };
    moments.iter().enumerate().map(of).collect()
}
