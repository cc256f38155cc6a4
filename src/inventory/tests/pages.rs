//! The YAML in the documentation loads, or fails as it says.

use super::{check, loaded, whole};

/// The fenced YAML blocks of a page: what stands behind `yaml`, and the text.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(word) = line.strip_prefix("```yaml") {
            let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push((word.trim().to_owned(), text.join("\n")));
        }
    }
    blocks
}

#[test]
fn the_reference_loads() {
    let page = include_str!("../../../docs/inventory.md");
    let blocks = blocks(page);
    assert!(blocks.len() > 3);
    for (word, text) in blocks {
        assert_eq!(word, "");
        if text.starts_with("apiVersion") {
            assert_eq!(loaded(text.as_bytes()).1, "", "{text}");
        } else {
            check(&text, "");
        }
    }
}

/// The first block of a page fails with its code and nothing else, the second one loads.
#[track_caller]
fn check_page(code: &str, page: &str) {
    let blocks = blocks(page);
    assert_eq!(blocks.len(), 2, "{code}");
    assert_eq!(blocks[0].0, code);
    let problems = loaded(whole(&blocks[0].1).as_bytes()).1;
    assert!(!problems.is_empty() && problems.lines().all(|line| line.starts_with(code)), "{code}: {problems}");
    check(&blocks[1].1, "");
}

#[test]
fn the_pages_of_the_codes_hold() {
    check_page("E0501", include_str!("../../../docs/diagnostics/E0501.md"));
    check_page("E0502", include_str!("../../../docs/diagnostics/E0502.md"));
    check_page("E0503", include_str!("../../../docs/diagnostics/E0503.md"));
    check_page("E0504", include_str!("../../../docs/diagnostics/E0504.md"));
    check_page("E0505", include_str!("../../../docs/diagnostics/E0505.md"));
    check_page("E0506", include_str!("../../../docs/diagnostics/E0506.md"));
}
