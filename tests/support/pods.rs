//! Objects of core/v1 as the model of the scheduler sees them.

use std::collections::BTreeMap;

use rbgc::inventory::{self, Inventory};
use rbgc::quantity::Quantity;
use rbgc::scheduler::{Node, Operator, Pod, PodTerm, Requirement, Selector, Spread, Taint, Toleration};
use serde_json::Value;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// The pods that a kubelet runs when nothing is said.
const PODS: i64 = 110;

/// A Node.
pub fn node(object: &Value) -> Node {
    Node {
        name: text(&object["metadata"]["name"]),
        labels: texts(&object["metadata"]["labels"]),
        taints: list(&object["spec"]["taints"]).iter().map(taint).collect(),
        allocatable: amounts(&object["status"]["allocatable"]),
        unschedulable: object["spec"]["unschedulable"].as_bool().unwrap_or(false),
    }
}

/// The nodes of an inventory, with what is free of them.
pub fn nodes(inventory: &Inventory) -> Vec<Node> {
    let taint = |t: &inventory::Taint| Taint { key: t.key.clone(), value: t.value.clone(), effect: t.effect.clone() };
    let node = |node: &inventory::Node| {
        let free = |(name, all): (&String, &i64)| (name.clone(), all - node.used.get(name).copied().unwrap_or(0));
        let mut allocatable: BTreeMap<String, i64> = node.allocatable.iter().map(free).collect();
        allocatable.entry("pods".into()).or_insert(PODS);
        let mut labels = node.labels.clone();
        labels.insert("kubernetes.io/hostname".into(), node.hostname.clone());
        Node {
            name: node.name.clone(),
            labels,
            taints: node.taints.iter().map(taint).collect(),
            allocatable,
            unschedulable: !node.schedulable,
        }
    };
    inventory.nodes.iter().map(node).collect()
}

/// A Pod, or the template of one, with its name and namespace.
pub fn pod(name: &str, namespace: &str, object: &Value) -> Pod {
    let spec = &object["spec"];
    let affinity = &spec["affinity"];
    let labels = texts(&object["metadata"]["labels"]);
    let pods = |kind: &str| {
        let term = |t: &Value| own_keys(pod_term(t, namespace), t, &labels);
        list(&affinity[kind][REQUIRED]).iter().map(term).collect()
    };
    let wishes = |kind: &str, sign: i64| {
        let wish = move |w: &Value| (sign * number(&w["weight"]), pod_term(&w["podAffinityTerm"], namespace));
        list(&affinity[kind][PREFERRED]).iter().map(wish).collect::<Vec<_>>()
    };
    let required = &affinity["nodeAffinity"][REQUIRED]["nodeSelectorTerms"];
    Pod {
        name: name.into(),
        namespace: namespace.into(),
        labels: labels.clone(),
        requests: requests(spec),
        node_selector: texts(&spec["nodeSelector"]),
        required_nodes: required.as_array().map(|terms| terms.iter().map(selector).collect()),
        preferred_nodes: list(&affinity["nodeAffinity"][PREFERRED])
            .iter()
            .map(|w| (number(&w["weight"]), selector(&w["preference"])))
            .collect(),
        required_pods: pods("podAffinity"),
        excluded_pods: pods("podAntiAffinity"),
        preferred_pods: [wishes("podAffinity", 1), wishes("podAntiAffinity", -1)].concat(),
        spread: list(&spec["topologySpreadConstraints"]).iter().map(spread).collect(),
        tolerations: list(&spec["tolerations"]).iter().map(toleration).collect(),
        gated: !list(&spec["schedulingGates"]).is_empty(),
    }
}

/// Containers that run together add up, init containers run alone before.
fn requests(spec: &Value) -> BTreeMap<String, i64> {
    let of = |container: &Value| amounts(&container["resources"]["requests"]);
    let sidecar = |container: &&Value| container["restartPolicy"] == "Always";
    let inits = list(&spec["initContainers"]);
    let mut total: BTreeMap<String, i64> = BTreeMap::new();
    for container in list(&spec["containers"]).iter().chain(inits.iter().filter(sidecar)) {
        of(container).into_iter().for_each(|(name, amount)| *total.entry(name).or_insert(0) += amount);
    }
    for container in inits.iter().filter(|c| !sidecar(c)) {
        for (name, amount) in of(container) {
            let most = total.entry(name).or_insert(0);
            *most = (*most).max(amount);
        }
    }
    total
}

fn amounts(map: &Value) -> BTreeMap<String, i64> {
    let amount = |(name, value): (&String, &Value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let quantity = Quantity::parse(&text).unwrap_or_else(|| panic!("{name}: {text}"));
        (name.clone(), inventory::scaled(name, quantity, true))
    };
    map.as_object().into_iter().flatten().map(amount).collect()
}

fn taint(value: &Value) -> Taint {
    Taint { key: text(&value["key"]), value: text(&value["value"]), effect: text(&value["effect"]) }
}

fn toleration(value: &Value) -> Toleration {
    Toleration {
        key: text(&value["key"]),
        exists: value["operator"] == "Exists",
        value: text(&value["value"]),
        effect: text(&value["effect"]),
    }
}

fn pod_term(value: &Value, namespace: &str) -> PodTerm {
    let named: Vec<String> = list(&value["namespaces"]).iter().map(text).collect();
    let everywhere = value["namespaceSelector"].as_object();
    assert!(everywhere.is_none_or(serde_json::Map::is_empty), "labels of namespaces are not modelled");
    let namespaces = match everywhere {
        Some(_) => None,
        None if named.is_empty() => Some(vec![namespace.to_owned()]),
        None => Some(named),
    };
    let selector = value["labelSelector"].is_object().then(|| selector(&value["labelSelector"]));
    PodTerm { topology: text(&value["topologyKey"]), selector, namespaces }
}

/// What the API server makes of `matchLabelKeys` when it admits a pod.
fn own_keys(mut term: PodTerm, value: &Value, labels: &BTreeMap<String, String>) -> PodTerm {
    for key in list(&value["matchLabelKeys"]).iter().map(text) {
        let own = labels.get(&key).map(|own| Requirement { key, operator: Operator::In, values: vec![own.clone()] });
        term.selector.get_or_insert_default().extend(own);
    }
    term
}

fn spread(value: &Value) -> Spread {
    Spread {
        topology: text(&value["topologyKey"]),
        max_skew: number(&value["maxSkew"]),
        min_domains: value["minDomains"].as_u64().unwrap_or(1) as usize,
        required: value["whenUnsatisfiable"] == "DoNotSchedule",
        selector: selector(&value["labelSelector"]),
        honour_affinity: value["nodeAffinityPolicy"] != "Ignore",
        honour_taints: value["nodeTaintsPolicy"] == "Honor",
    }
}

fn selector(value: &Value) -> Selector {
    let labels = texts(&value["matchLabels"]).into_iter();
    let labels = labels.map(|(key, value)| Requirement { key, operator: Operator::In, values: vec![value] });
    let expression = |e: &Value| Requirement {
        key: text(&e["key"]),
        operator: match e["operator"].as_str() {
            Some("In") => Operator::In,
            Some("NotIn") => Operator::NotIn,
            Some("Exists") => Operator::Exists,
            Some("DoesNotExist") => Operator::DoesNotExist,
            Some("Gt") => Operator::Gt,
            Some("Lt") => Operator::Lt,
            other => panic!("operator {other:?}"),
        },
        values: list(&e["values"]).iter().map(text).collect(),
    };
    labels.chain(list(&value["matchExpressions"]).iter().map(expression)).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("").to_owned()
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

fn texts(value: &Value) -> BTreeMap<String, String> {
    value.as_object().into_iter().flatten().map(|(key, value)| (key.clone(), text(value))).collect()
}
