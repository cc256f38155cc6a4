//! Argo CD: stages become sync waves, and groups that depend on each other one Application.
//!
//! A wave is waited for until its objects are healthy, and waves do not reach across Applications.
//! Sources: gitops-engine `pkg/sync/sync_tasks.go` and `sync_context.go`, and the user guide.

use std::collections::{BTreeMap, BTreeSet};

use super::{Extra, Moment, Seen};
use crate::data::{Data, Map};
use crate::diag::{Code, Diagnostic};
use crate::graph::Application;
use crate::plan::{Plan, Role};
use crate::target::{Manifest, Stage};

mod objects;

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
    /// The name of an Application that brings all others; `None` makes none.
    pub apps: Option<String>,
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
            apps: None,
        }
    }
}

const WAVE: &str = "argocd.argoproj.io/sync-wave";
const ACCESS_WAVE: i64 = -20;
const BASE_WAVE: i64 = -10;
const WARM_UP_WAVE: i64 = 0;
const FIRST_WAVE: i64 = 10;
/// Room between stages, for objects of the user's own.
const GAP: i64 = 10;
/// Room for the steps of a long rollout, so that one more of them does not move later stages.
const ROLLOUT_GAP: i64 = 1000;
/// The last wave of all but very long chains, so that it seldom changes.
const LAST_WAVE: i64 = 90;

/// What Argo CD is told about a plan.
#[derive(Debug)]
pub struct Argo<'p> {
    options: &'p Options,
    /// Whether kustomize is told the files of each group.
    kustomization: bool,
    /// The waves of each application of the plan.
    waves: Vec<Waves>,
    /// For each group its application.
    application: BTreeMap<usize, usize>,
}

/// The path, in the lock of a group, of the Application that brings it alone or with others that
/// come after it.
pub fn own_application(group: &str) -> String {
    format!("../argocd/application-{group}.yaml")
}

impl<'p> Argo<'p> {
    /// Looks at the stages of all applications.
    pub fn new(plan: &Plan<'_>, options: &'p Options, kustomization: bool) -> Self {
        let applications = plan.applications.iter().enumerate();
        Argo {
            options,
            kustomization,
            waves: plan.applications.iter().map(|a| Waves::of(a, plan)).collect(),
            application: applications.flat_map(|(i, a)| a.groups.iter().map(move |g| (*g, i))).collect(),
        }
    }

    /// Gives an object its wave.
    pub fn annotate(&self, manifest: &mut Manifest, plan: &Plan<'_>) {
        let Some(waves) = self.application.get(&manifest.group).and_then(|a| self.waves.get(*a)) else { return };
        annotate(manifest, waves, plan);
    }

    /// When the workload of a part of an instance, or of all instances, is brought.
    pub fn moment(&self, plan: &Plan<'_>, (group, role): (usize, usize), instance: Option<u32>, part: usize) -> Moment {
        let role = &plan.groups[group].roles[role];
        let unit = role.units.iter().find(|unit| unit.instance == instance).map_or(0, |unit| unit.step);
        let stage = Stage::Run(role.stage, unit + role.parts.get(part).map_or(0, |part| part.step));
        let application = self.application.get(&group).copied().unwrap_or_default();
        let wave = self.waves.get(application).map_or(0, |waves| waves.wave(stage));
        Moment::Wave { application, wave }
    }

    /// When what a group no longer has is removed.
    pub fn removal(&self, group: usize) -> Moment {
        Moment::Wave { application: self.application.get(&group).copied().unwrap_or_default(), wave: i64::MAX }
    }

    /// The objects of Argo CD itself.
    pub(super) fn objects(&self, plan: &Plan<'_>, seen: &[Seen]) -> Vec<Extra> {
        objects::all(plan, self.options, self.kustomization, seen)
    }

    /// Tells of waves that are not waited for unless Argo CD is told how: those with objects of a
    /// kind that it does not judge, where something comes after them.
    pub fn warnings(&self, plan: &Plan<'_>, seen: &[Seen]) -> Vec<Diagnostic> {
        let of_application = |application: &Application| {
            let groups = || application.groups.iter().filter_map(|g| Some((plan.groups.get(*g)?, seen.get(*g)?)));
            let roles = || groups().flat_map(|(group, _)| &group.roles);
            let served = roles().flat_map(|role| &role.services).filter_map(|service| service.after);
            let last = roles().map(|role| Stage::Run(role.stage, 0)).chain(served.map(Stage::Serve)).max()?;
            let (group, kind) = groups().find_map(|(group, seen)| {
                let (stage, kind) = seen.first_to_wait_for()?;
                (stage < last).then_some((group, kind))
            })?;
            Some(ungated(group.source.span, kind))
        };
        plan.applications.iter().filter_map(of_application).collect()
    }
}

fn ungated(span: crate::source::Span, kind: &str) -> Diagnostic {
    let message = format!("Argo CD waits for no {kind} unless it is told when one is healthy");
    Diagnostic::new(Code::UngatedWave, span, message).here("others come after it").help(format!(
        "apply `argocd/patches/configmap-{}.yaml` once, then allow this warning",
        kind.to_ascii_lowercase()
    ))
}

/// The wave of each stage of an Application.
#[derive(Debug)]
struct Waves {
    stages: Vec<i64>,
    /// The last wave before the next stage.
    ends: Vec<i64>,
    last: i64,
}

impl Waves {
    /// A stage takes as many gaps as its steps need: every wave of a stage is before the next.
    fn of(application: &Application, plan: &Plan<'_>) -> Waves {
        let mut steps: BTreeMap<u32, (u32, i64)> = BTreeMap::new();
        let mut serving: BTreeSet<u32> = BTreeSet::new();
        let groups = application.groups.iter().filter_map(|g| plan.groups.get(*g));
        for (group, (index, role)) in groups.flat_map(|g| g.roles.iter().enumerate().map(move |role| (g, role))) {
            let parts = role.parts.iter().map(|p| p.step).max().unwrap_or(0);
            let units = role.units.iter().map(|unit| unit.step).max().unwrap_or(0);
            let (known, gap) = steps.entry(role.stage).or_insert((0, GAP));
            *known = (parts + units).max(*known);
            // New instances come in steps that nobody knows yet.
            let scales = group.source.coordinations.iter().filter(|c| c.scale.is_some());
            let scaled = scales.flat_map(|c| &c.roles).any(|(role, _)| *role == index);
            *gap = if units > 0 || scaled { ROLLOUT_GAP } else { *gap };
            for served in role.services.iter().filter_map(|service| service.after) {
                serving.insert(served);
            }
        }
        let mut next = FIRST_WAVE;
        let (mut stages, mut ends) = (Vec::new(), Vec::new());
        for stage in 0..=steps.keys().next_back().copied().unwrap_or(0) {
            stages.push(next);
            let (most, gap) = steps.get(&stage).copied().unwrap_or((0, GAP));
            let most = most + u32::from(serving.contains(&stage));
            next += gap * (i64::from(most) / gap + 1);
            ends.push(next - 1);
        }
        Waves { stages, ends, last: next.max(LAST_WAVE) }
    }

    fn wave(&self, stage: Stage) -> i64 {
        match stage {
            Stage::Access => ACCESS_WAVE,
            Stage::Base => BASE_WAVE,
            Stage::WarmUp => WARM_UP_WAVE,
            Stage::Run(stage, step) => {
                let first = self.stages.get(stage as usize).copied().unwrap_or(FIRST_WAVE);
                first + i64::from(step)
            }
            Stage::Serve(stage) => self.ends.get(stage as usize).copied().unwrap_or(self.last),
            Stage::Last | Stage::Expose => self.last,
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
