//! The table of what targets can give, in `docs/targets.md`, against what the compiler refuses.

use rbgc::fit::target::{Feature, gives};
use rbgc::kinds::Target;

use crate::support::compile::compile_program;
use crate::support::{none, program, read, root};

/// The rows of the table: a feature, and for each target whether it gives it. Columns are those
/// that are there.
fn rows() -> Vec<(String, Vec<(Target, bool)>)> {
    let text = read(&root().join("docs/targets.md"));
    let (_, section) = text.split_once("## What the targets can give").expect("the section");
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split(" | ").map(|cell| cell.trim().replace("| ", "")).collect()
    };
    let mut lines = section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let targets: Vec<Target> = cells(lines.next().expect("a head"))
        .iter()
        .filter_map(|name| Target::parse(name.trim_matches('`')).ok())
        .collect();
    let row = |line: &str| {
        let cells = cells(line);
        assert_eq!(cells.len(), targets.len() + 1, "{line}");
        let given = cells[1..].iter().map(|cell| match cell.as_str() {
            "yes" => true,
            "refused" => false,
            other => panic!("`{other}` in {line}"),
        });
        (cells[0].clone(), targets.iter().copied().zip(given).collect())
    };
    lines.skip(1).map(row).collect()
}

/// A program that asks for a feature and nothing else that is refused.
fn program_of(feature: Feature) -> &'static str {
    match feature {
        Feature::Claims => "role a { IMAGE  identity = \"stable\"  claim c { size = 1Gi }  mount \"/c\" = \"c\" }",
        Feature::ScaledInstances => "role a { IMAGE  pods = 2  replicas = 1..2  cpu = 1  autoscale { cpu = 70% } }",
        Feature::Cells => {
            "role a { IMAGE }  role b { IMAGE }  coordinate a, b { ratio = 1:1 }  place { cells within rack }"
        }
        Feature::InstanceRecovery => "role a { IMAGE  pods = 2  recover = \"instance\" }",
        Feature::WideRecovery => "role a { IMAGE  recover = \"role\" }",
        Feature::CoordinatedRollout => {
            "role a { IMAGE }  role b { IMAGE }  coordinate a, b { rollout { max-skew = 100% } }"
        }
        Feature::CoordinatedScaling => {
            "role a { IMAGE }  role b { IMAGE }  coordinate a, b { scale { max-skew = 50% } }"
        }
        Feature::Routing => {
            "role a { IMAGE  port http = 8000  expose { host = \"a.example.com\" }  metrics {}  network { namespaces = [\"b\"] } }"
        }
    }
}

#[test]
fn the_table_is_what_is_refused() {
    let rows = rows();
    let mut problems = Vec::new();
    let names: Vec<&str> = rows.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, Feature::ALL.map(Feature::name));
    for ((name, columns), feature) in rows.iter().zip(Feature::ALL) {
        for (target, given) in columns {
            let text = program_of(feature).replace("IMAGE", "image = \"example.com/server:1.4.0\"");
            let text = format!("//@ target {}\ngroup g {{ {text} }}\n", target.name());
            let outcome = compile_program(&program::program(name, &text, 1));
            let codes = outcome.codes();
            let refused = codes.iter().any(|code| ["E0901", "E0911"].contains(code));
            if refused == *given || gives(*target, feature) != *given || (!refused && !codes.is_empty()) {
                problems.push(format!("{name}, `{}`: the table says {given}, reported is {codes:?}", target.name()));
            }
        }
    }
    none(&problems);
}
