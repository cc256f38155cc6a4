//! The objects of Argo CD itself: Applications, their projects, one Application that brings the
//! others, and how it learns the health of custom resources.

use std::collections::BTreeSet;

use super::{Options, WAVE};
use crate::data::{Data, Map};
use crate::fit::target::rbg;
use crate::fit::{compute, routing};
use crate::graph::Application;
use crate::order::health::{self, Health};
use crate::order::seen::{Seen, api_group};
use crate::order::{Extra, GENERATED, join};
use crate::plan::Plan;

/// The directory of Applications and projects.
const DIRECTORY: &str = "argocd";
/// The directory of what is applied by hand. It lies below that of the Applications, which is not
/// read recursively: were a part of `argocd-cm` pruned by an Application, it would be gone as a whole.
const PATCHES: &str = "argocd/patches";

/// Who delivers what.
struct Scene<'a, 'p, 'm> {
    application: &'a Application,
    plan: &'p Plan<'m>,
    options: &'a Options,
    kustomization: bool,
    seen: &'a [Seen],
}

/// All objects.
pub fn all(plan: &Plan<'_>, options: &Options, kustomization: bool, seen: &[Seen]) -> Vec<Extra> {
    let scene = |application| Scene { application, plan, options, kustomization, seen };
    let mut objects: Vec<Extra> = plan.applications.iter().flat_map(|a| scene(a).objects()).collect();
    objects.extend(options.apps.as_ref().filter(|_| !plan.groups.is_empty()).map(|name| apps(name, options)));
    objects.extend(patches(options, seen));
    objects
}

fn body(kind: &'static str, name: &str, namespace: &str, annotations: Map, spec: Map) -> Data {
    let metadata = Map::new()
        .with("name", name.to_owned())
        .with("namespace", namespace.to_owned())
        .with("labels", Map::new().with("app.kubernetes.io/managed-by", "rbgc"))
        .full("annotations", annotations);
    Map::new()
        .with("apiVersion", "argoproj.io/v1alpha1")
        .with("kind", kind)
        .with("metadata", metadata)
        .with("spec", spec)
        .into()
}

/// How an Application is synchronized.
fn policy() -> Map {
    let backoff = Map::new().with("duration", "30s").with("factor", 2).with("maxDuration", "10m");
    let retry = Map::new().with("limit", 5).with("refresh", true).with("backoff", backoff);
    Map::new()
        .with("automated", Map::new().with("prune", true).with("selfHeal", true))
        .with(
            "syncOptions",
            vec![
                "ServerSideApply=true",
                "RespectIgnoreDifferences=true",
                "FailOnSharedResource=true",
                "PruneLast=true",
            ],
        )
        .with("retry", retry)
}

/// The Application that brings all others and itself. It is of the project `default`: only that one
/// may have projects among its objects.
fn apps(name: &str, options: &Options) -> Extra {
    let source = Map::new()
        .with("repoURL", options.repo.clone())
        .with("targetRevision", options.revision.clone())
        .with("path", join(&options.path, DIRECTORY));
    // Applications are objects of the cluster that Argo CD itself runs on.
    let destination = Map::new().with("server", Options::default().server).with("namespace", options.namespace.clone());
    let spec = Map::new()
        .with("project", "default")
        .with("source", source)
        .with("destination", destination)
        .with("syncPolicy", policy());
    let body = body("Application", name, &options.namespace, Map::new(), spec);
    let header = Some(GENERATED.to_owned());
    Extra { directory: DIRECTORY.into(), kind: "Application", name: name.to_owned(), owner: 0, header, body }
}

/// The health scripts of the kinds that are there, each to be merged into the ConfigMap of Argo CD.
fn patches(options: &Options, seen: &[Seen]) -> Vec<Extra> {
    let mut told: BTreeSet<&str> = BTreeSet::new();
    let kinds = seen.iter().enumerate().flat_map(|(owner, seen)| seen.health().map(move |(_, health)| (owner, health)));
    let patch = |(owner, health): (usize, &Health)| Some(patch(options, owner, health, health.script?));
    kinds.filter(|(_, health)| told.insert(health.kind)).filter_map(patch).collect()
}

fn patch(options: &Options, owner: usize, health: &Health, script: &'static str) -> Extra {
    let metadata = Map::new().with("name", "argocd-cm").with("namespace", options.namespace.clone());
    let body = Map::new()
        .with("apiVersion", "v1")
        .with("kind", "ConfigMap")
        .with("metadata", metadata)
        .with("data", Map::new().with(health.key(), script));
    let name = health.kind.to_ascii_lowercase();
    let namespace = &options.namespace;
    let apply = format!("kubectl -n {namespace} patch configmap argocd-cm --patch-file configmap-{name}.yaml");
    let header = Some(format!("{GENERATED}\nOnce for each Argo CD: {apply}"));
    Extra { directory: PATCHES.into(), kind: "ConfigMap", name, owner, header, body: body.into() }
}

impl Scene<'_, '_, '_> {
    fn objects(&self) -> Vec<Extra> {
        let Some(owner) = self.application.groups.first().copied() else { return Vec::new() };
        let object = |kind: &'static str, annotations: Map, spec: Map| {
            let name = self.application.name.clone();
            let body = body(kind, &name, &self.options.namespace, annotations, spec);
            Extra { directory: DIRECTORY.into(), kind, name, owner, header: None, body }
        };
        let annotations = Map::new()
            .with("argocd.argoproj.io/manifest-generate-paths", self.watched())
            .with("argocd.argoproj.io/compare-options", "ServerSideDiff=true,IncludeMutationWebhook=true");
        let mut objects = vec![object("Application", annotations, self.application_spec())];
        if self.options.project.is_none() {
            // Whoever delivers the Applications brings their projects first.
            let annotations = Map::new().with(WAVE, "-1");
            objects.push(object("AppProject", annotations, self.project_spec()));
        }
        objects
    }

    fn application_spec(&self) -> Map {
        let namespace = self.namespaces().into_iter().next().unwrap_or_default().to_string();
        let destination = Map::new().with("server", self.options.server.clone()).with("namespace", namespace);
        let mut spec =
            Map::new().with("project", self.options.project.clone().unwrap_or_else(|| self.application.name.clone()));
        match self.sources().as_mut_slice() {
            [one] => spec.set("source", std::mem::take(one)),
            several => spec.set("sources", several.iter_mut().map(std::mem::take).collect::<Vec<_>>()),
        };
        spec.with("destination", destination).with("syncPolicy", policy()).full("ignoreDifferences", self.ignored())
    }

    fn groups(&self) -> impl Iterator<Item = &str> {
        self.application.groups.iter().map(|g| self.plan.groups[*g].source.stem.as_str())
    }

    /// One group is a directory of its own; several are some directories of the output, or with
    /// kustomize, which reads one directory, a source each.
    fn sources(&self) -> Vec<Map> {
        let source = |path: String, directory: Option<Map>| {
            let mut source = Map::new()
                .with("repoURL", self.options.repo.clone())
                .with("targetRevision", self.options.revision.clone())
                .with("path", path);
            source.set_some("directory", directory);
            source
        };
        let own = |group: &str| join(&self.options.path, group);
        if self.kustomization {
            return self.groups().map(|group| source(own(group), None)).collect();
        }
        let directory = Map::new().with("recurse", true);
        let groups: Vec<&str> = self.groups().collect();
        match groups.as_slice() {
            [group] => vec![source(own(group), Some(directory))],
            groups => {
                let patterns: Vec<String> = groups.iter().map(|group| format!("{group}/**")).collect();
                let root = self.options.path.trim_end_matches('/');
                let root = if root.is_empty() { "." } else { root };
                vec![source(root.to_string(), Some(directory.with("include", format!("{{{}}}", patterns.join(",")))))]
            }
        }
    }

    /// The paths whose changes concern the Application: relative to that of its source, or where it
    /// has several, from the root of the repository.
    fn watched(&self) -> String {
        let paths: Vec<String> = match self.groups().count() {
            0 | 1 => return ".".into(),
            _ if self.kustomization => self.groups().map(|g| format!("/{}", join(&self.options.path, g))).collect(),
            _ => self.groups().map(|group| format!("./{group}")).collect(),
        };
        paths.join(";")
    }

    /// The namespaces of the groups, that of the first group first.
    fn namespaces(&self) -> Vec<&str> {
        let mut seen = BTreeSet::new();
        let all = self.application.groups.iter().map(|g| self.plan.groups[*g].source.namespace.as_str());
        all.filter(|n| seen.insert(*n)).collect()
    }

    /// What an autoscaler owns is not compared, or Argo CD would set it back.
    fn ignored(&self) -> Vec<Map> {
        let groups = self.application.groups.iter().filter_map(|g| Some((&self.plan.groups[*g], self.seen.get(*g)?)));
        let entry = |(namespace, scaled): (&str, &crate::order::seen::Scaled)| {
            let entry = Map::new()
                .with("group", api_group(&scaled.api_version).to_owned())
                .with("kind", scaled.kind.clone())
                .with("name", scaled.name.clone())
                .with("namespace", namespace.to_owned());
            match &scaled.role {
                None => entry.with("jsonPointers", vec!["/spec/replicas"]),
                Some(role) => {
                    let path = format!(".spec.roles[] | select(.name == \"{role}\") | .replicas");
                    entry.with("jqPathExpressions", vec![Data::from(path)])
                }
            }
        };
        let scaled = groups.flat_map(|(g, seen)| seen.scaled.iter().map(|s| (g.source.namespace.as_str(), s)));
        scaled.map(entry).collect()
    }

    fn project_spec(&self) -> Map {
        let destination = |namespace: &str| {
            Map::new().with("server", self.options.server.clone()).with("namespace", namespace.to_string())
        };
        let kind = |(group, kind): (String, String)| Map::new().with("group", group).with("kind", kind);
        Map::new()
            .with("description", format!("Groups of the Application {}", self.application.name))
            .with("sourceRepos", vec![self.options.repo.clone()])
            .with("destinations", self.namespaces().into_iter().map(destination).collect::<Vec<_>>())
            .with("clusterResourceWhitelist", Data::List(Vec::new()))
            .with("namespaceResourceWhitelist", self.kinds().into_iter().map(kind).collect::<Vec<_>>())
    }

    /// All kinds that the compiler makes for this cluster, whether this Application has them now or
    /// not: Argo CD prunes nothing of a kind that its project does not allow.
    fn kinds(&self) -> Vec<(String, String)> {
        let capable = |api: &str| self.plan.inventory.capabilities.iter().any(|c| api_group(c) == api);
        let domains = self.plan.inventory.capabilities.contains(compute::CAPABILITY);
        let gang = self.plan.gang.map(|gang| api_group(gang.api()).to_owned());
        let own = KINDS.into_iter().chain(domains.then_some(("resource.nvidia.com", "ComputeDomain")));
        let mut kinds: Vec<(String, String)> = own.map(|(group, kind)| (group.to_owned(), kind.to_owned())).collect();
        kinds.extend(gang.map(|group| (group, "PodGroup".to_owned())));
        let judged = health::ALL.iter().filter(|health| capable(health.group));
        kinds.extend(judged.map(|health| (health.group.to_owned(), health.kind.to_owned())));
        let controller = api_group(rbg::API);
        kinds.extend(capable(controller).then(|| (controller.to_owned(), "CoordinatedPolicy".to_owned())));
        let ingress = self.plan.inventory.routing.ingress_class.is_some();
        let routing = ROUTING.into_iter().filter(|(api, _)| self.plan.inventory.capabilities.contains(*api));
        let routing = routing.map(|(api, kind)| (api_group(api), kind));
        let routing = routing.chain(ingress.then_some(("networking.k8s.io", "Ingress")));
        kinds.extend(routing.map(|(group, kind)| (group.to_owned(), kind.to_owned())));
        let present = self.application.groups.iter().filter_map(|g| self.seen.get(*g)).flat_map(|seen| &seen.kinds);
        for (api, kind) in present {
            let kind = (api_group(api).to_owned(), kind.clone());
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        kinds
    }
}

/// The kinds that bring traffic and read metrics, each where its API is there.
const ROUTING: [(&str, &str); 4] = [
    (routing::GATEWAY_API, "HTTPRoute"),
    (routing::GRANT_API, "ReferenceGrant"),
    (routing::POOL_API, "InferencePool"),
    (routing::MONITOR_API, "PodMonitor"),
];

/// The built-in kinds that the compiler makes.
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
