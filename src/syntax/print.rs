//! Tree to text: the formatter, and the tree itself for people who look into the compiler.

mod dump;

pub use dump::dump;
