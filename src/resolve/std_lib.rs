//! The standard library, embedded.

/// A module of the standard library: its name in `use`, and its text.
pub struct StdModule {
    /// `std.sglang`.
    pub name: &'static str,
    /// Its source.
    pub text: &'static str,
}

/// All modules, sorted by name.
pub const MODULES: &[StdModule] = &[
    StdModule { name: "std.demo", text: include_str!("../../stdlib/std/demo.rbg") },
    StdModule { name: "std.mooncake", text: include_str!("../../stdlib/std/mooncake.rbg") },
    StdModule { name: "std.sglang", text: include_str!("../../stdlib/std/sglang.rbg") },
    StdModule { name: "std.vllm", text: include_str!("../../stdlib/std/vllm.rbg") },
];

/// The module of this name.
pub fn find(name: &str) -> Option<&'static StdModule> {
    MODULES.iter().find(|m| m.name == name)
}
