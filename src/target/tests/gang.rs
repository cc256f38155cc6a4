//! PodGroups, and whose pods they wait for.

use serde_json::{Value, json};

use crate::fit::gang::GangScheduler;
use crate::plan::testing::{self, service};
use crate::plan::{Plan, plan};
use crate::target::lower;
use crate::target::testing::checked;

/// The PodGroup of the first prefill instance, and what its leader tells of it.
fn gang(scheduler: GangScheduler) -> Value {
    let mut group = service("pd");
    group.roles[0].labels.insert("kai.scheduler/queue".into(), "inference".into());
    let mut fitted = testing::fit(vec![group], vec![]);
    fitted.gang = Some(scheduler);
    let inventory = testing::inventory(4, 4);
    let plan: Plan = plan(&fitted, &inventory, &testing::place(&fitted, &inventory));
    let objects = lower(&plan);
    let groups: Vec<&str> = objects.iter().filter(|o| o.kind == "PodGroup").map(|o| o.name.as_str()).collect();
    assert_eq!(groups, ["pd-prefill-0", "pd-prefill-1"], "single pods are no gangs");
    let find = |kind: &str| objects.iter().find(|o| o.kind == kind && o.name == "pd-prefill-0");
    let body = |kind: &str| find(kind).map_or(Value::Null, |o| checked(&o.body));
    let (pods, template) = (body("PodGroup"), body("StatefulSet")["spec"]["template"].clone());
    json!({
        "apiVersion": pods["apiVersion"],
        "spec": pods["spec"],
        "labels": template["metadata"]["labels"],
        "annotations": template["metadata"]["annotations"],
        "schedulerName": template["spec"]["schedulerName"],
    })
}

#[test]
fn coscheduling_goes_by_a_label() {
    let found = gang(GangScheduler::Coscheduling);
    assert_eq!(found["apiVersion"], "scheduling.x-k8s.io/v1alpha1");
    assert_eq!(found["spec"], json!({ "minMember": 2 }));
    assert_eq!(found["labels"]["scheduling.x-k8s.io/pod-group"], "pd-prefill-0");
    assert_eq!(found["schedulerName"], Value::Null);
    let before = gang(GangScheduler::CoschedulingBefore);
    assert_eq!(before["labels"]["pod-group.scheduling.sigs.k8s.io"], "pd-prefill-0");
}

#[test]
fn volcano_goes_by_an_annotation() {
    let found = gang(GangScheduler::Volcano);
    assert_eq!(found["annotations"], json!({ "scheduling.k8s.io/group-name": "pd-prefill-0" }));
    assert_eq!(found["schedulerName"], "volcano");
}

#[test]
fn kai_goes_by_an_annotation_and_a_queue() {
    let found = gang(GangScheduler::Kai);
    assert_eq!(found["spec"], json!({ "minMember": 2, "queue": "inference" }));
    let annotations = json!({ "kai.scheduler/skip-podgrouper": "true", "pod-group-name": "pd-prefill-0" });
    assert_eq!(found["annotations"], annotations);
    assert_eq!(found["schedulerName"], "kai-scheduler");
}
