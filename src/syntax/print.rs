//! Tree to text: the formatter.
