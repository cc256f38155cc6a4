//! The table of what targets can give, in `docs/targets.md`, against what the compiler refuses.

use rbgc::fit::target::{Feature, gives};
use rbgc::kinds::Target;
use rbgc::order::{Delivery, argo, flux};
use serde_yaml::Value;

use crate::support::compile::{compile_for, compile_program};
use crate::support::tree::{Object, Tree, at, objects};
use crate::support::{Memory, none, program, read, root};

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
        Feature::InstanceRecovery => {
            "role a { IMAGE  pods = 2  command = [\"serve\"]  interpreter = \"python3\"  recover = \"instance\" }"
        }
        Feature::WideRecovery => "role a { IMAGE  recover = \"role\" }",
        Feature::CoordinatedRollout => {
            "role a { IMAGE }  role b { IMAGE }  coordinate a, b { rollout { max-skew = 100% } }"
        }
        Feature::ScheduledOrder => {
            "role a { IMAGE }  role b { IMAGE }  coordinate a, b { scale { order = \"scheduled\" } }"
        }
        Feature::CoordinatedScaling => {
            "role a { IMAGE }  role b { IMAGE }  coordinate a, b { scale { max-skew = 100% } }"
        }
        Feature::EngineRuntimes => "role a { IMAGE  engine-runtimes = [{ profile = \"agent\" }] }",
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

/// A role with a fixed number and one that an autoscaler scales, `BY` what it measures.
const OWNED: &str = "\
group g {
  namespace = \"n\"
  role fixed { image = \"example.com/server:1.4.0\"  replicas = 3 }
  role free { image = \"example.com/server:1.4.0\"  replicas = RANGE  cpu = 1  identity = \"IDENTITY\"  pods = PODS  autoscale { BY } }
}
";

/// The number of replicas that objects state for a role, and the autoscalers of it.
fn stated<'o>(all: &'o [Object], role: &str) -> (Vec<&'o Value>, Vec<&'o Object>) {
    let mut found = Vec::new();
    let name = format!("g-{role}");
    // Of what is written, not of what controllers make of it.
    for object in all.iter().filter(|o| o.path.ends_with(&format!("{}-{}.yaml", o.kind().to_lowercase(), o.name()))) {
        if object.template().is_some() && [name.clone(), format!("s-{name}")].contains(&object.name().to_owned()) {
            found.extend(at(&object.value, &["spec", "replicas"]));
        }
        let roles = at(&object.value, &["spec", "roles"]).and_then(Value::as_sequence).into_iter().flatten();
        let own = roles.filter(|one| one["name"].as_str() == Some(role));
        found.extend(own.filter_map(|one| one.get("replicas")));
    }
    let scalers = all.iter().filter(|o| o.text(&["spec", "scaleTargetRef", "name"]).ends_with(&name));
    (found, scalers.collect())
}

#[test]
fn every_number_has_one_owner() {
    let deliveries =
        [Delivery::Plain, Delivery::Argocd(argo::Options::default()), Delivery::Flux(flux::Options::default())];
    let metrics = [
        ("cpu = 70%", "1..4"),
        ("metric = metric(\"queue\", 8)", "1..4"),
        ("metric = external(\"queue\", 8, labels = { model = \"m\" })  stabilization = 5min", "1..4"),
        ("metric = prometheus(\"http://p:9090\", \"sum(queue)\", 8)  activation = 1  cooldown = 5min", "0..4"),
    ];
    let forms = [("none", 1), ("stable", 1), ("stable", 2)];
    for (target, delivery) in
        [Target::Native, Target::Lws, Target::Rbg].into_iter().flat_map(|t| deliveries.iter().map(move |d| (t, d)))
    {
        for ((by, range), (identity, pods)) in metrics.into_iter().flat_map(|m| forms.map(|f| (m, f))) {
            if pods > 1 && target == Target::Native {
                continue; // refused
            }
            let source = OWNED.replace("BY", by).replace("RANGE", range).replace("IDENTITY", identity);
            let source = source.replace("PODS", &pods.to_string());
            let mut world = Memory::default();
            world.add("/project/inventory.yaml", read(&root().join("tests/inventory.yaml")));
            world.add("/project/main.rbg", source.as_str());
            let outcome = compile_for(target, &world, &["main.rbg"], &[], delivery);
            let groups = outcome.groups.unwrap_or_else(|| panic!("{source}\n{:?}", outcome.problems));
            let tree: Tree = groups.into_iter().flat_map(|group| group.files).collect();
            let all = objects(&tree);
            let (numbers, scalers) = stated(&all, "fixed");
            assert_eq!((numbers, scalers.len()), (vec![&Value::from(3)], 0), "{target:?} {source}");
            let (numbers, scalers) = stated(&all, "free");
            assert_eq!((numbers.len(), scalers.len()), (0, 1), "{target:?} {source}");
            let kind = if by.contains("prometheus") { "ScaledObject" } else { "HorizontalPodAutoscaler" };
            assert_eq!(scalers[0].kind(), kind);
            let Some(application) = all.iter().find(|o| o.kind() == "Application") else { continue };
            // Argo CD neither compares nor writes what the autoscaler chooses.
            let ignored = at(&application.value, &["spec", "ignoreDifferences"]).unwrap();
            assert_eq!(ignored.as_sequence().unwrap().len(), 1);
            let (kind, name) = match target {
                Target::Rbg => ("RoleBasedGroup", "g"),
                Target::Native | Target::Lws => (
                    scalers[0].text(&["spec", "scaleTargetRef", "kind"]),
                    scalers[0].text(&["spec", "scaleTargetRef", "name"]),
                ),
            };
            assert_eq!((ignored[0]["kind"].as_str(), ignored[0]["name"].as_str()), (Some(kind), Some(name)));
            let options = at(&application.value, &["spec", "syncPolicy", "syncOptions"]).unwrap();
            assert!(options.as_sequence().unwrap().contains(&Value::from("RespectIgnoreDifferences=true")));
        }
    }
}
