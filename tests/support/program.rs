//! Programs of several files written as one text, and the many programs of one test file.
//!
//! ```text
//! --- the name of a case ---
//! group g { … }                  ← `main.rbg`
//! +++ lib.rbg +++
//! template T() for role { … }    ← another file, its path relative to `main.rbg`
//! ```

/// A file of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Path relative to the directory of `main.rbg`.
    pub path: String,
    /// Its text.
    pub text: String,
    /// The line of the test file, from 1, on which the text begins.
    pub line: usize,
}

/// A program with a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// What stands between the dashes.
    pub name: String,
    /// The files; the first is `main.rbg`.
    pub files: Vec<File>,
}

/// The programs of a test file, and what is wrong with its form.
pub fn programs(text: &str) -> Result<Vec<Program>, String> {
    let mut programs: Vec<Program> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if let Some(name) = between(line, "--- ", " ---") {
            if programs.iter().any(|p| p.name == name) {
                return Err(format!("line {}: a second case `{name}`", index + 1));
            }
            let main = File { path: "main.rbg".into(), text: String::new(), line: index + 2 };
            programs.push(Program { name: name.into(), files: vec![main] });
        } else if let Some(program) = programs.last_mut() {
            append(program, line, index);
        } else if !line.trim().is_empty() && !line.starts_with("//") {
            return Err(format!("line {}: text before the first `--- name ---`", index + 1));
        }
    }
    if programs.is_empty() { Err("no case: `--- name ---` begins one".into()) } else { Ok(programs) }
}

/// One program from a text without a name.
pub fn program(name: &str, text: &str, line: usize) -> Program {
    let main = File { path: "main.rbg".into(), text: String::new(), line };
    let mut program = Program { name: name.into(), files: vec![main] };
    for (index, text) in text.lines().enumerate() {
        append(&mut program, text, line + index - 1);
    }
    program
}

fn append(program: &mut Program, line: &str, index: usize) {
    match (between(line, "+++ ", " +++"), program.files.last_mut()) {
        (Some(path), _) => program.files.push(File { path: path.into(), text: String::new(), line: index + 2 }),
        (None, Some(file)) => {
            file.text.push_str(line);
            file.text.push('\n');
        }
        (None, None) => {}
    }
}

fn between<'t>(line: &'t str, start: &str, end: &str) -> Option<&'t str> {
    line.strip_prefix(start)?.strip_suffix(end)
}

#[test]
fn programs_are_split() {
    let found = programs("// head\n--- a ---\nx\n+++ y.rbg +++\ny\n--- b c ---\nz\n").unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].files[1], File { path: "y.rbg".into(), text: "y\n".into(), line: 5 });
    assert_eq!((found[1].name.as_str(), found[1].files[0].line), ("b c", 7));
    assert!(programs("x\n--- a ---\n").is_err() && programs("").is_err());
    assert!(programs("--- a ---\n--- a ---\n").is_err());
}
