//! The plug-in of Argo CD in `docs/argocd.md`: it has the fields that Argo CD reads, and what it runs
//! prints the objects of an Application.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use crate::docs::blocks;
use crate::support::tree::{Tree, objects};
use crate::support::{read, root};

/// `ConfigManagementPlugin` (argo-cd, `cmpserver/plugin/config.go`).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Plugin {
    api_version: String,
    kind: String,
    metadata: Metadata,
    spec: Spec,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Spec {
    version: String,
    generate: Step,
    discover: Discover,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    command: Vec<String>,
    args: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Discover {
    file_name: String,
}

fn plugin() -> Plugin {
    let blocks = blocks(&root().join("docs/argocd.md"));
    let block = blocks.iter().find(|block| block.is("yaml", Some("plugin"))).expect("a block `yaml plugin`");
    serde_yaml::from_str(&block.text).expect("a plug-in of Argo CD")
}

#[test]
fn the_plugin_is_one() {
    let plugin = plugin();
    assert_eq!((plugin.api_version.as_str(), plugin.kind.as_str()), ("argoproj.io/v1alpha1", "ConfigManagementPlugin"));
    let page = read(&root().join("docs/argocd.md"));
    let name = format!("name: {}-{}", plugin.metadata.name, plugin.spec.version);
    assert!(page.contains(&name), "the Application on the page names `{name}`");
}

#[cfg(unix)]
#[test]
fn the_plugin_prints_the_objects_of_an_application() {
    let Spec { generate, discover, .. } = plugin().spec;
    let directory = tempfile::tempdir().unwrap();
    let project = "edition = \"2026\"\n[cluster.prod]\ninventory = \"inventory.yaml\"\nout = \"deploy\"\n";
    fs::write(directory.path().join(discover.file_name), project).unwrap();
    for file in ["quickstart.rbg", "inventory.yaml"] {
        fs::copy(root().join("examples/quickstart").join(file), directory.path().join(file)).unwrap();
    }
    let program = Path::new(env!("CARGO_BIN_EXE_rbgc")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new(&generate.command[0]);
    command.args(&generate.command[1..]).args(&generate.args).current_dir(directory.path());
    let output = command.env("PATH", path).env("ARGOCD_ENV_CLUSTER", "prod").output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && error.is_empty(), "{error}");
    let stream = Tree::from([("stream.yaml".to_owned(), String::from_utf8(output.stdout).unwrap())]);
    let objects = objects(&stream);
    assert!(objects.iter().any(|o| o.kind() == "Deployment"));
    for object in &objects {
        assert!(!object.text(&["metadata", "annotations", "argocd.argoproj.io/sync-wave"]).is_empty());
        assert!(!object.text(&["apiVersion"]).starts_with("argoproj.io/"), "this is one Application");
    }
    assert!(!directory.path().join("deploy").exists());
}
