//! Argo CD: stages become sync waves, and groups that depend on each other one Application.
//!
//! A wave is waited for until its objects are healthy, and waves do not reach across Applications.
//! Sources: gitops-engine `pkg/sync/sync_tasks.go` and `sync_context.go`, and the user guide.

use std::collections::{BTreeMap, BTreeSet};

use crate::data::{Data, Map};
use crate::fit::compute;
use crate::graph::Application;
use crate::plan::{Plan, Role};
use crate::target::{self, Manifest, Stage};

/// Where Argo CD finds the output, and where it brings it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The repository that the output is committed to.
    pub repo: String,
    /// The revision that Argo CD follows.
    pub revision: String,
    /// The output directory in the repository; `.` is its root.
    pub path: String,
    /// An AppProject that exists already. `None` makes one for each Application, which allows
    /// only this repository, the namespaces of its groups and the kinds that are emitted.
    pub project: Option<String>,
    /// The namespace of Argo CD itself.
    pub namespace: String,
    /// The API server of the cluster, as Argo CD knows it.
    pub server: String,
}

impl Default for Options {
    /// The cluster and namespace of a standard installation. The repository is a place that does
    /// not exist, and is to be set.
    fn default() -> Self {
        Options {
            repo: "https://git.example.com/org/rendered.git".into(),
            revision: "HEAD".into(),
            path: ".".into(),
            project: None,
            namespace: "argocd".into(),
            server: "https://kubernetes.default.svc".into(),
        }
    }
}

const WAVE: &str = "argocd.argoproj.io/sync-wave";
const ACCESS_WAVE: i64 = -20;
const BASE_WAVE: i64 = -10;
const FIRST_WAVE: i64 = 10;
/// Room between stages, for objects of the user's own.
const GAP: i64 = 10;
/// The last wave of all but very long chains, so that it seldom changes.
const LAST_WAVE: i64 = 90;

/// What Argo CD is told about a plan.
#[derive(Debug)]
pub struct Argo<'p> {
    options: &'p Options,
    /// The waves of each application of the plan.
    waves: Vec<Waves>,
    /// For each group its application.
    application: BTreeMap<usize, usize>,
}

/// An object that belongs to Argo CD itself.
#[derive(Debug)]
pub struct Extra {
    /// Its kind.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// The group whose lock names its file.
    pub owner: usize,
    /// The object.
    pub body: Data,
}

impl<'p> Argo<'p> {
    /// Looks at the stages of all applications.
    pub fn new(plan: &Plan<'_>, options: &'p Options) -> Self {
        let applications = plan.applications.iter().enumerate();
        Argo {
            options,
            waves: plan.applications.iter().map(|a| Waves::of(a, plan)).collect(),
            application: applications.flat_map(|(i, a)| a.groups.iter().map(move |g| (*g, i))).collect(),
        }
    }

    /// Gives an object its wave.
    pub fn annotate(&self, manifest: &mut Manifest, plan: &Plan<'_>) {
        let Some(waves) = self.application.get(&manifest.group).and_then(|a| self.waves.get(*a)) else { return };
        annotate(manifest, waves, plan);
    }

    /// The application of a group, and its wave of a stage.
    pub fn wave(&self, group: usize, stage: Stage) -> Option<(usize, i64)> {
        let application = *self.application.get(&group)?;
        Some((application, self.waves.get(application)?.wave(stage)))
    }

    /// The Applications and AppProjects.
    pub fn objects(&self, plan: &Plan<'_>) -> Vec<Extra> {
        plan.applications.iter().flat_map(|a| application_objects(a, plan, self.options)).collect()
    }
}

/// The wave of each stage of an Application.
#[derive(Debug)]
struct Waves {
    stages: Vec<i64>,
    last: i64,
}

impl Waves {
    /// A stage takes as many gaps as its steps need: every wave of a stage is before the next.
    fn of(application: &Application, plan: &Plan<'_>) -> Waves {
        let mut steps: BTreeMap<u32, u32> = BTreeMap::new();
        let groups = application.groups.iter().filter_map(|g| plan.groups.get(*g));
        for role in groups.flat_map(|g| &g.roles) {
            let most = role.parts.iter().map(|p| p.step).max().unwrap_or(0);
            let known = steps.entry(role.stage).or_default();
            *known = most.max(*known);
        }
        let mut next = FIRST_WAVE;
        let mut stages = Vec::new();
        for stage in 0..=steps.keys().next_back().copied().unwrap_or(0) {
            stages.push(next);
            let most = i64::from(steps.get(&stage).copied().unwrap_or(0));
            next += GAP * (most / GAP + 1);
        }
        Waves { stages, last: next.max(LAST_WAVE) }
    }

    fn wave(&self, stage: Stage) -> i64 {
        match stage {
            Stage::Access => ACCESS_WAVE,
            Stage::Base => BASE_WAVE,
            Stage::Run(stage, step) => {
                let first = self.stages.get(stage as usize).copied().unwrap_or(FIRST_WAVE);
                first + i64::from(step)
            }
            Stage::Last => self.last,
        }
    }
}

fn annotate(manifest: &mut Manifest, waves: &Waves, plan: &Plan<'_>) {
    let wave = waves.wave(manifest.stage).to_string();
    let role = manifest.role.map(|role| &plan.groups[manifest.group].roles[role]);
    let leaves = matches!(manifest.stage, Stage::Run(..)) && role.is_some_and(by_instance);
    let Some(metadata) = manifest.body.as_map_mut().and_then(|b| b.get_mut("metadata")?.as_map_mut()) else { return };
    if metadata.get("annotations").is_none() {
        metadata.set("annotations", Map::new());
    }
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Data::as_map_mut) {
        annotations.set(WAVE, wave);
        if leaves {
            // An instance that is scaled in goes when its routers have dropped it.
            annotations.set("argocd.argoproj.io/sync-options", "PruneLast=true");
        }
    }
}

fn by_instance(role: &Role<'_>) -> bool {
    role.units.iter().any(|unit| unit.instance.is_some())
}

fn application_objects(application: &Application, plan: &Plan<'_>, options: &Options) -> Vec<Extra> {
    let Some(owner) = application.groups.first().copied() else { return Vec::new() };
    let object = |kind: &'static str, annotations: Map, spec: Map| {
        let metadata = Map::new()
            .with("name", application.name.clone())
            .with("namespace", options.namespace.clone())
            .with("labels", Map::new().with("app.kubernetes.io/managed-by", "rbgc"))
            .with("annotations", annotations);
        let body = Map::new()
            .with("apiVersion", "argoproj.io/v1alpha1")
            .with("kind", kind)
            .with("metadata", metadata)
            .with("spec", spec);
        Extra { kind, name: application.name.clone(), owner, body: body.into() }
    };
    let annotations = Map::new()
        .with("argocd.argoproj.io/manifest-generate-paths", watched(application, plan))
        .with("argocd.argoproj.io/compare-options", "ServerSideDiff=true,IncludeMutationWebhook=true");
    let mut objects = vec![object("Application", annotations, application_spec(application, plan, options))];
    if options.project.is_none() {
        // Whoever delivers the Applications brings their projects first.
        let annotations = Map::new().with(WAVE, "-1");
        objects.push(object("AppProject", annotations, project_spec(application, plan, options)));
    }
    objects
}

fn application_spec(application: &Application, plan: &Plan<'_>, options: &Options) -> Map {
    let namespace = namespaces(application, plan).into_iter().next().unwrap_or_default().to_string();
    let destination = Map::new().with("server", options.server.clone()).with("namespace", namespace);
    let backoff = Map::new().with("duration", "30s").with("factor", 2).with("maxDuration", "10m");
    let retry = Map::new().with("limit", 5).with("refresh", true).with("backoff", backoff);
    let policy = Map::new()
        .with("automated", Map::new().with("prune", true).with("selfHeal", true))
        .with("syncOptions", vec!["ServerSideApply=true", "RespectIgnoreDifferences=true", "FailOnSharedResource=true"])
        .with("retry", retry);
    Map::new()
        .with("project", options.project.clone().unwrap_or_else(|| application.name.clone()))
        .with("source", source(application, plan, options))
        .with("destination", destination)
        .with("syncPolicy", policy)
        .full("ignoreDifferences", ignored(application, plan))
}

/// One group is a directory of its own; several are some directories of the output.
fn source(application: &Application, plan: &Plan<'_>, options: &Options) -> Map {
    let directory = Map::new().with("recurse", true);
    let root = options.path.trim_end_matches('/');
    let (path, directory) = match application.groups.as_slice() {
        [group] => (join(root, &plan.groups[*group].source.name), directory),
        groups => {
            let patterns: Vec<String> = groups.iter().map(|g| format!("{}/**", plan.groups[*g].source.name)).collect();
            let root = if root.is_empty() { "." } else { root };
            (root.to_string(), directory.with("include", format!("{{{}}}", patterns.join(","))))
        }
    };
    Map::new()
        .with("repoURL", options.repo.clone())
        .with("targetRevision", options.revision.clone())
        .with("path", path)
        .with("directory", directory)
}

fn join(root: &str, name: &str) -> String {
    if matches!(root, "" | ".") { name.to_string() } else { format!("{root}/{name}") }
}

/// The paths whose changes concern the Application, relative to that of its source.
fn watched(application: &Application, plan: &Plan<'_>) -> String {
    match application.groups.as_slice() {
        [_] => ".".into(),
        groups => {
            let paths: Vec<String> = groups.iter().map(|g| format!("./{}", plan.groups[*g].source.name)).collect();
            paths.join(";")
        }
    }
}

/// The namespaces of an Application's groups, that of its first group first.
fn namespaces<'p>(application: &Application, plan: &'p Plan<'_>) -> Vec<&'p str> {
    let mut seen = BTreeSet::new();
    let all = application.groups.iter().map(|g| plan.groups[*g].source.namespace.as_str());
    all.filter(|n| seen.insert(*n)).collect()
}

/// What an autoscaler owns is not compared, or Argo CD would set it back.
fn ignored(application: &Application, plan: &Plan<'_>) -> Vec<Map> {
    let groups = application.groups.iter().map(|g| &plan.groups[*g]);
    let roles = groups.flat_map(|g| g.roles.iter().filter(|r| r.autoscaled()).map(move |r| (g, r)));
    let entry = |(group, role): (&crate::plan::Group<'_>, &Role<'_>)| {
        let owned = target::owned(plan.target, group.source, role.source);
        let entry = Map::new()
            .with("group", owned.group)
            .with("kind", owned.kind)
            .with("name", owned.name)
            .with("namespace", group.source.namespace.clone());
        match owned.field {
            Ok(pointer) => entry.with("jsonPointers", vec![pointer]),
            Err(expression) => entry.with("jqPathExpressions", vec![Data::from(expression)]),
        }
    };
    roles.map(entry).collect()
}

/// All built-in kinds that the compiler makes, whether this Application has them or not: Argo CD
/// prunes nothing of a kind that its project does not allow. Other kinds follow the cluster's capabilities.
const KINDS: [(&str, &str); 10] = [
    ("", "ConfigMap"),
    ("", "Service"),
    ("", "ServiceAccount"),
    ("apps", "Deployment"),
    ("apps", "StatefulSet"),
    ("autoscaling", "HorizontalPodAutoscaler"),
    ("networking.k8s.io", "NetworkPolicy"),
    ("policy", "PodDisruptionBudget"),
    ("rbac.authorization.k8s.io", "Role"),
    ("rbac.authorization.k8s.io", "RoleBinding"),
];

fn project_spec(application: &Application, plan: &Plan<'_>, options: &Options) -> Map {
    let kind = |(group, kind): (&'static str, &'static str)| Map::new().with("group", group).with("kind", kind);
    let destination =
        |namespace: &str| Map::new().with("server", options.server.clone()).with("namespace", namespace.to_string());
    let domains = plan.inventory.capabilities.contains(compute::CAPABILITY);
    let gang = plan.gang.and_then(|gang| gang.api().split('/').next());
    let own = KINDS.into_iter().chain(domains.then_some(("resource.nvidia.com", "ComputeDomain")));
    let own = own.chain(gang.map(|group| (group, "PodGroup"))).chain(target::kinds(plan.target).iter().copied());
    Map::new()
        .with("description", format!("Groups of the Application {}", application.name))
        .with("sourceRepos", vec![options.repo.clone()])
        .with("destinations", namespaces(application, plan).into_iter().map(destination).collect::<Vec<_>>())
        .with("clusterResourceWhitelist", Data::List(Vec::new()))
        .with("namespaceResourceWhitelist", own.map(kind).collect::<Vec<_>>())
}
