//! Bytes, then disk: the only part of the compiler that knows how YAML looks and that writes files.

pub mod yaml;
