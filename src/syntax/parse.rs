//! Text to tree. pest stays inside this module.
