//! A small map from words that many machines share, such as labels and resources: an import holds
//! a million machines, and each has several.

use std::collections::BTreeSet;
use std::ops::Index;
use std::sync::Arc;

/// Words, each kept once.
#[derive(Debug, Default)]
pub struct Words(BTreeSet<Arc<str>>);

impl Words {
    /// The one copy of a word.
    pub fn shared(&mut self, word: &str) -> Arc<str> {
        match self.0.get(word) {
            Some(known) => Arc::clone(known),
            None => {
                let new: Arc<str> = word.into();
                self.0.insert(Arc::clone(&new));
                new
            }
        }
    }
}

/// Values by words, sorted; made for a dozen of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Facts<V>(Vec<(Arc<str>, V)>);

impl<V> Default for Facts<V> {
    fn default() -> Self {
        Facts(Vec::new())
    }
}

impl<V> Facts<V> {
    fn place(&self, key: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| (**known).cmp(key))
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&V> {
        self.place(key).ok().map(|index| &self.0[index].1)
    }

    /// Whether there is a value.
    pub fn contains_key(&self, key: &str) -> bool {
        self.place(key).is_ok()
    }

    /// Sets a value; the earlier one is lost.
    pub fn insert(&mut self, key: Arc<str>, value: V) {
        match self.place(&key) {
            Ok(index) => self.0[index].1 = value,
            Err(index) => self.0.insert(index, (key, value)),
        }
    }

    /// All keys and values, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// All keys.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| &**key)
    }

    /// Keeps what passes.
    pub fn retain(&mut self, mut keeps: impl FnMut(&str, &V) -> bool) {
        self.0.retain(|(key, value)| keeps(key, value));
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<V> Index<&str> for Facts<V> {
    type Output = V;

    fn index(&self, key: &str) -> &V {
        match self.get(key) {
            Some(value) => value,
            None => unreachable!("the key `{key}` was found before"),
        }
    }
}

impl<V> IntoIterator for Facts<V> {
    type Item = (Arc<str>, V);
    type IntoIter = std::vec::IntoIter<(Arc<str>, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<V> Extend<(Arc<str>, V)> for Facts<V> {
    fn extend<I: IntoIterator<Item = (Arc<str>, V)>>(&mut self, items: I) {
        items.into_iter().for_each(|(key, value)| self.insert(key, value));
    }
}

impl<V> FromIterator<(Arc<str>, V)> for Facts<V> {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, V)>>(items: I) -> Self {
        let mut facts = Facts::default();
        facts.extend(items);
        facts
    }
}
