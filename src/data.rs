//! Structured data: the document tree that `pod { … }` adds to and that manifests are made of.
//!
//! Maps keep the order in which they were built; the emitter decides the order of keys on paper.

use std::borrow::Cow;

/// A key or a text: most are known when the compiler is built.
pub type Text = Cow<'static, str>;

/// A JSON-like tree.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// Nothing. Never written: a map entry or list element that is null is left out. An empty list
    /// or map is written, because `podSelector: {}` means something; see [`Map::set_full`].
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction; always finite.
    Float(f64),
    /// A text.
    Str(Text),
    /// A list.
    List(Vec<Data>),
    /// A map; no key occurs twice.
    Map(Map),
}

/// A map in the order of building.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Map(Vec<(Text, Data)>);

impl Map {
    /// An empty map.
    pub fn new() -> Self {
        Map::default()
    }

    /// Sets a key, replacing an earlier value in its place.
    pub fn set(&mut self, key: impl Into<Text>, value: impl Into<Data>) -> &mut Self {
        let (key, value) = (key.into(), value.into());
        match self.get_mut(&key) {
            Some(old) => *old = value,
            None => self.0.push((key, value)),
        }
        self
    }

    /// Sets a key if there is a value.
    pub fn set_some(&mut self, key: impl Into<Text>, value: Option<impl Into<Data>>) -> &mut Self {
        if let Some(value) = value {
            self.set(key, value);
        }
        self
    }

    /// Sets a key unless the list or map is empty.
    pub fn set_full(&mut self, key: impl Into<Text>, value: impl Into<Data>) -> &mut Self {
        let value = value.into();
        if !value.is_empty() {
            self.set(key, value);
        }
        self
    }

    /// The same map with a key set: for building in one expression.
    #[must_use]
    pub fn with(mut self, key: impl Into<Text>, value: impl Into<Data>) -> Self {
        self.set(key, value);
        self
    }

    /// The same map with a key set unless the list or map is empty.
    #[must_use]
    pub fn full(mut self, key: impl Into<Text>, value: impl Into<Data>) -> Self {
        self.set_full(key, value);
        self
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Data> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    /// The value of a key, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Data> {
        self.0.iter_mut().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    /// Removes a key.
    pub fn remove(&mut self, key: &str) -> Option<Data> {
        let at = self.0.iter().position(|(k, _)| k == key)?;
        Some(self.0.remove(at).1)
    }

    /// All entries in the order of building.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Data)> {
        self.0.iter().map(|(k, v)| (k.as_ref(), v))
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Data {
    /// Whether this is nothing, an empty list or an empty map.
    pub fn is_empty(&self) -> bool {
        match self {
            Data::Null => true,
            Data::List(list) => list.is_empty(),
            Data::Map(map) => map.is_empty(),
            Data::Bool(_) | Data::Int(_) | Data::Float(_) | Data::Str(_) => false,
        }
    }

    /// The text, when this is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Data::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The map, when this is one.
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Data::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The map, when this is one, to change it.
    pub fn as_map_mut(&mut self) -> Option<&mut Map> {
        match self {
            Data::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The list, when this is one.
    pub fn as_list(&self) -> Option<&[Data]> {
        match self {
            Data::List(list) => Some(list),
            _ => None,
        }
    }

    /// The value at a path of map keys.
    pub fn at(&self, path: &[&str]) -> Option<&Data> {
        path.iter().try_fold(self, |data, key| data.as_map()?.get(key))
    }
}

impl FromIterator<(Text, Data)> for Map {
    fn from_iter<I: IntoIterator<Item = (Text, Data)>>(entries: I) -> Self {
        let mut map = Map::new();
        for (key, value) in entries {
            map.set(key, value);
        }
        map
    }
}

impl IntoIterator for Map {
    type Item = (Text, Data);
    type IntoIter = std::vec::IntoIter<(Text, Data)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl From<Map> for Data {
    fn from(map: Map) -> Self {
        Data::Map(map)
    }
}
impl From<bool> for Data {
    fn from(value: bool) -> Self {
        Data::Bool(value)
    }
}
impl From<i64> for Data {
    fn from(value: i64) -> Self {
        Data::Int(value)
    }
}
impl From<u32> for Data {
    fn from(value: u32) -> Self {
        Data::Int(i64::from(value))
    }
}
impl From<i32> for Data {
    fn from(value: i32) -> Self {
        Data::Int(i64::from(value))
    }
}
impl From<&'static str> for Data {
    fn from(text: &'static str) -> Self {
        Data::Str(Cow::Borrowed(text))
    }
}
impl From<String> for Data {
    fn from(text: String) -> Self {
        Data::Str(Cow::Owned(text))
    }
}
impl From<Text> for Data {
    fn from(text: Text) -> Self {
        Data::Str(text)
    }
}
impl<T: Into<Data>> From<Vec<T>> for Data {
    fn from(list: Vec<T>) -> Self {
        Data::List(list.into_iter().map(Into::into).collect())
    }
}
