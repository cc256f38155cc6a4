//! Tests are data; see each module.
