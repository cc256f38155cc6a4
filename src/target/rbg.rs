//! RoleBasedGroups (sgl-project/rbg, `workloads.x-k8s.io/v1alpha2`): one object for a group, from
//! which its controller makes instances, pods and headless Services, and starts role after role.
//!
//! Everything around the pods is made as for other targets; only what the controller makes or
//! decides itself is left to it. Where it is known to do something wrong, what is written here does
//! not depend on it: see "What the controller gets wrong" in `docs/targets.md`.

use super::objects::{self, Scaled};
use super::scheduling::guarantee;
use super::{Manifest, Object, Owner, Stage, listed, overrides, routing, text, warm_up};
use crate::check::{self, Form, ReplicasOwner};
use crate::data::{Data, Map};
use crate::fit::gang::GangScheduler;
use crate::fit::target::rbg::API;
use crate::fit::target::rbg::gang_obstacle;
use crate::kinds::Target;
use crate::naming;
use crate::plan::{Group, Plan, Role, pods_of};

mod patch;
mod policy;
mod role;

/// The kind that holds the pods.
pub const KIND: &str = "RoleBasedGroup";

/// The objects of a group: those of all roles in one, then role by role what stands around them.
pub fn lower(plan: &Plan<'_>, index: usize) -> Vec<Manifest> {
    let group = &plan.groups[index];
    let owner = Owner { index, group, role: None };
    let mut objects = Vec::new();
    if group.source.writes_discovery(Target::Rbg) {
        objects.push(objects::discovery(group, Target::Rbg));
    }
    objects.extend(group.compute_domains.iter().map(objects::compute_domain));
    objects.push(role_based_group(plan, owner));
    objects.extend(policy::policy(group));
    objects.extend(routing::pools(group));
    let mut manifests: Vec<Manifest> = objects.into_iter().map(|object| object.own(owner)).collect();
    for role in group.roles.iter().enumerate() {
        let owner = Owner { role: Some(role), ..owner };
        manifests.extend(around(plan, group, role.1).into_iter().map(|object| object.own(owner)));
    }
    manifests
}

/// What stands around the pods of a role. The headless Service is the controller's.
fn around(plan: &Plan<'_>, group: &Group<'_>, role: &Role<'_>) -> Vec<Object> {
    let mut objects = objects::access(group, role);
    objects.push(objects::network_policy(group, role));
    objects.extend(role.files.iter().map(objects::files));
    objects.extend(role.services.iter().filter(|s| !s.headless).map(|s| objects::service(group, role, s)));
    objects.push(disruption_budget(group, role));
    objects.extend(warm_up::jobs(plan, group, role));
    if let ReplicasOwner::Autoscaler(autoscale) = role.source.replicas_owner() {
        let scaled = Scaled { api: API, kind: "RoleBasedGroupScalingAdapter", name: role.name.clone() };
        objects.push(objects::autoscaler(role, autoscale, &scaled));
    }
    objects.extend(routing::objects(plan, group, role));
    objects
}

/// All pods of the role but one stay, which for a fixed number is what `native` says by
/// `maxUnavailable`. That needs an owner of the pods with a `scale` subresource, and a RoleInstance
/// has none: such a budget would never allow an eviction.
fn disruption_budget(group: &Group<'_>, role: &Role<'_>) -> Object {
    let pods = role.instances().saturating_mul(role.source.pods());
    objects::disruption_budget(group, role, ("minAvailable", pods.saturating_sub(1)))
}

fn role_based_group(plan: &Plan<'_>, owner: Owner<'_, '_>) -> Object {
    let group = owner.group;
    let roles: Vec<Map> = group.roles.iter().enumerate().map(|r| role::role(plan, owner, r)).collect();
    let stage = group.roles.first().map_or(0, |role| role.stage);
    let fields = Map::new().with("spec", Map::new().with("roles", roles));
    let mut object = Object::new(API, KIND, group.source.name.clone(), Stage::Run(stage, 0), fields);
    object.annotations = annotations(plan, group);
    if let Some(scheduler) = gang(plan, owner.index) {
        object.annotations.set("rbg.workloads.x-k8s.io/group-gang-scheduling", "true");
        let queue = group.source.roles.iter().find_map(|role| scheduler.queue(group.source, role));
        object.annotations.set_some("rbg.workloads.x-k8s.io/group-gang-scheduling-volcano-queue", queue.map(text));
    }
    object
}

/// The scheduler that places all pods of a group together, where it has instances of several pods
/// and the controller can make one gang of them.
fn gang(plan: &Plan<'_>, index: usize) -> Option<GangScheduler> {
    let group = plan.groups[index].source;
    let several = group.roles.iter().any(|role| role.pods() > 1);
    plan.gang.filter(|scheduler| several && gang_obstacle((index, group), *scheduler).is_none())
}

/// Where the group comes from and where its roles are planned.
fn annotations(plan: &Plan<'_>, group: &Group<'_>) -> Map {
    let mut map = Map::new().with("rbgc.dev/source", format!("{}#{}", group.source.source, group.source.declared));
    for role in &group.roles {
        let sites = role.units.iter().flat_map(|unit| &unit.sites);
        let mut nodes: Vec<usize> = sites.flat_map(|site| site.nodes.iter().copied()).collect();
        nodes.sort_unstable();
        nodes.dedup();
        let names: Vec<&str> = nodes.iter().map(|n| plan.inventory.nodes[*n].name.as_str()).collect();
        let planned = (!names.is_empty()).then(|| names.join(","));
        map.set_some(format!("plan.rbgc.dev/{}", role.source.name), planned);
        let sites = role.units.iter().flat_map(|unit| &unit.sites);
        let weakest = sites.max_by_key(|site| site.promise).map(|site| guarantee(site, plan.inventory));
        map.set_some(format!("guarantee.rbgc.dev/{}", role.source.name), weakest);
        map.set_some(format!("restarts-with.rbgc.dev/{}", role.source.name), listed(plan, group, role));
    }
    map
}

/// The roles of a RoleBasedGroup with the specs of all pods that they are made into, patches laid over.
pub fn pod_specs(body: &Data) -> Vec<(String, Vec<Map>)> {
    let roles = body.at(&["spec", "roles"]).and_then(Data::as_list).unwrap_or_default();
    let name = |role: &Data| role.at(&["name"]).and_then(Data::as_str).unwrap_or_default().to_owned();
    roles.iter().map(|role| (name(role), specs_of(role))).collect()
}

fn specs_of(role: &Data) -> Vec<Map> {
    let spec = |data: &Data, path: &[&str]| data.at(path).and_then(Data::as_map).cloned();
    let single = spec(role, &["standalonePattern", "template", "spec"]);
    let shared = spec(role, &["leaderWorkerPattern", "template", "spec"]);
    let patched = shared.into_iter().flat_map(|shared| {
        ["leaderTemplatePatch", "workerTemplatePatch"].map(|patch| {
            let mut whole = shared.clone();
            if let Some(patch) = role.at(&["leaderWorkerPattern", patch, "spec"]) {
                overrides::apply(&mut whole, patch, "");
            }
            whole
        })
    });
    let components = role.at(&["customComponentsPattern", "components"]).and_then(Data::as_list).unwrap_or_default();
    let components = components.iter().filter_map(|component| spec(component, &["template", "spec"]));
    single.into_iter().chain(patched).chain(components).collect()
}

/// The names of the pods of an instance, in the order of its parts.
pub fn pod_names(group: &check::Group, role: &check::Role, instance: u32) -> Vec<String> {
    match role.form {
        // The controller completes the names.
        Form::Deployment => vec![format!("{}-*", naming::workload(&group.name, &role.name))],
        Form::StatefulSet | Form::PerInstance | Form::LeaderWorkerSet | Form::InstanceSet => {
            role.parts.iter().flat_map(|part| pods_of(group, role, instance, part)).collect()
        }
    }
}
