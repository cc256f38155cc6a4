//! What exposes and measures roles: the objects of each form, on every target, in order, and as the
//! schemas of their APIs want them.

use std::collections::BTreeMap;

use rbgc::kinds::Target;
use rbgc::order::{Delivery, argo, flux};
use serde_yaml::Value;

use crate::support::compile::{HOME, compile_for};
use crate::support::tree::{self, Object, Tree, at, objects};
use crate::support::{Memory, directories, none, read, root};

/// Every form of exposure, two groups that share a route, and metrics of leaders and of all pods.
const PROGRAM: &str = r#"
template Front {
  expose { annotations { "example.com/owner" = "nobody"  "example.com/old" = "yes" } }
}

group blue {
  namespace = "llm"
  role router is Front {
    image = "example.com/router:1.0.0"
    port http = 8000
    port metrics = 29000
    expose {
      hosts = ["chat.example.com", "*.chat.example.com"]
      path = "/v1"
      timeout = 90min
      weight = 90
      backends = [{ role = green.router  weight = 10 }]
      annotations { "example.com/owner" = "chat"  "example.com/old" = unset }
    }
    metrics { interval = 15s }
    traffic-distribution = "PreferClose"
    network { namespaces = ["batch"]  blocks = ["10.0.0.0/8"]  ports = ["http"] }
  }
  role admin {
    image = "example.com/admin:1.0.0"
    port web = 8080
    expose { type = "ingress"  host = "admin.example.com"  tls = "admin-tls" }
  }
  role feed {
    image = "example.com/feed:1.0.0"
    port quic = 4433 { protocol = "UDP" }
    expose { type = "load-balancer" }
  }
}

group green {
  namespace = "next"
  role router { image = "example.com/router:1.1.0"  port http = 8000  port metrics = 29000 }
  role engine {
    image = "example.com/engine:2.0.0"
    pods = 2
    port http = 30000
    metrics {}
    expose { type = "inference-pool"  host = "pool.example.com"  picker = epp  timeout = 0s }
  }
  role trainer {
    image = "example.com/engine:2.0.0"
    pods = 2
    port exporter = 9400
    worker { port exporter = 9401 }
    metrics { port = "exporter"  path = "/m" }
  }
  role epp { image = "example.com/epp:1.0.0"  discovers = true  port grpc = 9002 }
}
"#;

/// The specs of the objects that the program is exposed, measured and permitted by.
const SPECS: &str = r#"
HTTPRoute blue-router:
  parentRefs: [{ group: gateway.networking.k8s.io, kind: Gateway, name: public, namespace: envoy-gateway-system }]
  hostnames: [chat.example.com, "*.chat.example.com"]
  rules:
    - matches: [{ path: { type: PathPrefix, value: /v1 } }]
      timeouts: { request: 1h30m }
      backendRefs:
        - { group: "", kind: Service, name: blue-router, port: 8000, weight: 90 }
        - { group: "", kind: Service, name: green-router, namespace: next, port: 8000, weight: 10 }
HTTPRoute green-engine:
  parentRefs: [{ group: gateway.networking.k8s.io, kind: Gateway, name: public, namespace: envoy-gateway-system }]
  hostnames: [pool.example.com]
  rules:
    - matches: [{ path: { type: PathPrefix, value: / } }]
      timeouts: { request: 0s }
      backendRefs: [{ group: inference.networking.k8s.io, kind: InferencePool, name: green-engine, weight: 1 }]
InferencePool green-engine:
  selector:
    matchLabels:
      rbg.workloads.x-k8s.io/group-name: green
      rbg.workloads.x-k8s.io/role-name: engine
      rbg.workloads.x-k8s.io/component-name: leader
  targetPorts: [{ number: 30000 }]
  endpointPickerRef: { group: "", kind: Service, name: green-epp, port: { number: 9002 }, failureMode: FailClose }
Ingress blue-admin:
  ingressClassName: nginx
  tls: [{ hosts: [admin.example.com], secretName: admin-tls }]
  rules:
    - host: admin.example.com
      http:
        paths: [{ path: /, pathType: Prefix, backend: { service: { name: blue-admin, port: { name: web } } } }]
PodMonitor blue-router:
  selector:
    matchLabels: { rbg.workloads.x-k8s.io/group-name: blue, rbg.workloads.x-k8s.io/role-name: router }
  podMetricsEndpoints: [{ port: metrics, path: /metrics, interval: 15s }]
PodMonitor green-engine:
  selector:
    matchLabels: { rbg.workloads.x-k8s.io/group-name: green, rbg.workloads.x-k8s.io/role-name: engine }
    matchExpressions: [{ key: rbg.workloads.x-k8s.io/component-name, operator: In, values: [leader] }]
  podMetricsEndpoints: [{ port: http, path: /metrics }]
PodMonitor green-trainer:
  selector:
    matchLabels: { rbg.workloads.x-k8s.io/group-name: green, rbg.workloads.x-k8s.io/role-name: trainer }
  podMetricsEndpoints: [{ port: exporter, path: /m }]
ReferenceGrant green-router:
  from: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: llm }]
  to: [{ group: "", kind: Service, name: green-router }]
Service blue-feed-external:
  type: LoadBalancer
  selector: { rbg.workloads.x-k8s.io/group-name: blue, rbg.workloads.x-k8s.io/role-name: feed }
  ports: [{ name: quic, port: 4433, protocol: UDP, targetPort: quic }]
"#;

/// The fields of the kinds that are not of Kubernetes: their types, and `!` after what is required.
/// Gateway API 1.2 `apis/v1`, the same `apis/v1beta1`, Inference Extension 1.0 `api/v1`, Prometheus
/// Operator 0.80 `pkg/apis/monitoring/v1`, as far as they are used.
const SHAPES: &str = r#"
gateway.networking.k8s.io/v1 HTTPRoute:
  parentRefs: [{ group: s, kind: s, name!: s, namespace: s, sectionName: s, port: i }]
  hostnames: [s]
  rules:
    - matches: [{ path: { type: s, value: s }, method: s }]
      timeouts: { request: s, backendRequest: s }
      backendRefs: [{ group: s, kind: s, name!: s, namespace: s, port: i, weight: i }]
gateway.networking.k8s.io/v1beta1 ReferenceGrant:
  from!: [{ group!: s, kind!: s, namespace!: s }]
  to!: [{ group!: s, kind!: s, name: s }]
inference.networking.k8s.io/v1 InferencePool:
  selector!: { matchLabels!: s }
  targetPorts!: [{ number!: i }]
  endpointPickerRef!: { group: s, kind: s, name!: s, port: { number!: i }, failureMode: s }
monitoring.coreos.com/v1 PodMonitor:
  selector!: { matchLabels: s, matchExpressions: [{ key!: s, operator!: s, values: [s] }] }
  podMetricsEndpoints: [{ port: s, path: s, interval: s, scrapeTimeout: s }]
  namespaceSelector: { any: b, matchNames: [s] }
  podTargetLabels: [s]
  jobLabel: s
"#;

fn compiled(target: Target, delivery: &Delivery) -> Tree {
    let mut world = Memory::default();
    world.add(format!("{HOME}/inventory.yaml"), read(&root().join("tests/inventory.yaml")));
    world.add(format!("{HOME}/main.rbg"), PROGRAM);
    let outcome = compile_for(target, &world, &["main.rbg"], &[], delivery);
    let codes = outcome.codes();
    assert!(codes.is_empty() || codes == ["W0951"], "{codes:?}");
    outcome.groups.unwrap_or_default().into_iter().flat_map(|group| group.files).collect()
}

fn spec(object: &Object) -> &Value {
    at(&object.value, &["spec"]).unwrap_or(&Value::Null)
}

/// The objects of a tree that bring traffic from outside, permit it, or measure.
fn routing(tree: &Tree) -> Vec<Object> {
    let kinds = ["HTTPRoute", "InferencePool", "Ingress", "PodMonitor", "ReferenceGrant"];
    let balanced = |object: &Object| object.text(&["spec", "type"]) == "LoadBalancer";
    objects(tree).into_iter().filter(|object| kinds.contains(&object.kind()) || balanced(object)).collect()
}

#[test]
fn every_target_has_the_same() {
    let expected: BTreeMap<String, Value> = serde_yaml::from_str(SPECS).unwrap();
    for target in [Target::Native, Target::Lws, Target::Rbg] {
        let tree = compiled(target, &Delivery::Plain);
        let found: BTreeMap<String, Value> = routing(&tree)
            .iter()
            .map(|object| (format!("{} {}", object.kind(), object.name()), spec(object).clone()))
            .collect();
        assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{}", target.name());
        for (name, spec) in &expected {
            assert_eq!(found[name], *spec, "{name} for {}", target.name());
        }
    }
}

#[test]
fn what_a_source_says_of_them_is_on_them() {
    let tree = compiled(Target::Native, &Delivery::Plain);
    let object = |path: &str| serde_yaml::from_str::<Value>(&tree[path]).unwrap();
    let route = object("blue/router/httproute-blue-router.yaml");
    let annotations = at(&route, &["metadata", "annotations"]).cloned().unwrap();
    assert_eq!(annotations, serde_yaml::from_str::<Value>("{ example.com/owner: chat }").unwrap());
    let service = object("blue/router/service-blue-router.yaml");
    let distribution = at(&service, &["spec", "trafficDistribution"]);
    assert_eq!(distribution.and_then(Value::as_str), Some("PreferClose"));
    let rules = at(&object("green/epp/role-green-epp.yaml"), &["rules"]).cloned().unwrap();
    assert_eq!(rules.as_sequence().map(Vec::len), Some(2), "a picker reads its pool");
}

/// What a NetworkPolicy lets in: from whom (`*` is anyone), and to which ports.
fn let_in(tree: &Tree, path: &str) -> Vec<String> {
    let policy: Value = serde_yaml::from_str(&tree[path]).unwrap();
    let rules = at(&policy, &["spec", "ingress"]).and_then(Value::as_sequence).cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let rule = |rule: &Value| {
        let peer = rule.get("from").and_then(|peers| peers.get(0));
        let role = peer.and_then(|p| at(p, &["podSelector", "matchLabels", "rbg.workloads.x-k8s.io/role-name"]));
        let names = peer.and_then(|p| at(p, &["namespaceSelector", "matchExpressions"])?.get(0)?.get("values")?.get(0));
        let block = peer.and_then(|p| at(p, &["ipBlock", "cidr"]));
        let ports = rule.get("ports").and_then(Value::as_sequence).cloned().unwrap_or_default();
        let ports: Vec<String> =
            ports.iter().map(|p| p["port"].as_u64().map_or("?".into(), |port| port.to_string())).collect();
        format!("{} {}", role.or(names).or(block).map_or("*".into(), text), ports.join(","))
    };
    rules.iter().map(rule).collect()
}

#[test]
fn exactly_what_is_exposed_is_let_in() {
    let tree = compiled(Target::Native, &Delivery::Plain);
    let check = |role: &str, expected: &[&str]| {
        let (group, name) = role.split_once('/').unwrap();
        assert_eq!(let_in(&tree, &format!("{role}/networkpolicy-{group}-{name}.yaml")), expected, "{role}");
    };
    check("blue/router", &["envoy-gateway-system 8000", "monitoring 29000", "batch 8000", "10.0.0.0/8 8000"]);
    check("blue/admin", &["envoy-gateway-system 8080"]);
    check("blue/feed", &["* 4433"]);
    check("green/router", &["envoy-gateway-system 8000", "monitoring 29000"]);
    check("green/engine", &["engine ", "epp 30000", "envoy-gateway-system 30000", "monitoring 30000"]);
    check("green/trainer", &["trainer ", "envoy-gateway-system 9400", "monitoring 9400,9401"]);
    check("green/epp", &["envoy-gateway-system 9002"]);
}

#[test]
fn traffic_comes_when_all_behind_it_are_ready() {
    let last = |kind: &str| ["HTTPRoute", "Ingress"].contains(&kind);
    let mut counted = 0;
    for target in [Target::Native, Target::Lws, Target::Rbg] {
        let tree = compiled(target, &Delivery::Argocd(argo::Options::default()));
        // A route that comes or goes must not move the objects of another group to another Application.
        assert!(["blue", "green"].iter().all(|group| tree.contains_key(&format!("argocd/application-{group}.yaml"))));
        let wave = |object: &Object| {
            let wave = object.text(&["metadata", "annotations", "argocd.argoproj.io/sync-wave"]);
            wave.parse::<i64>().unwrap_or_default()
        };
        let all = objects(&tree);
        let group = |object: &Object| object.path.split('/').next().unwrap_or_default().to_owned();
        let runs = |object: &&Object| object.template().is_some() || object.kind() == "RoleBasedGroup";
        for object in all.iter().filter(|o| last(o.kind()) || o.text(&["spec", "type"]) == "LoadBalancer") {
            counted += 1;
            let workloads = all.iter().filter(runs).filter(|other| group(other) == group(object)).map(wave).max();
            assert!(workloads.is_some() && Some(wave(object)) > workloads, "{}", object.path);
        }
        let pool = all.iter().find(|o| o.kind() == "InferencePool").unwrap();
        assert!(wave(pool) < 0, "a picker waits for its pool");
    }
    assert_eq!(counted, 12);
}

#[test]
fn with_flux_each_route_waits_for_its_roles() {
    let check = |target: Target, expected: &[(&str, &[&str])]| {
        let tree = compiled(target, &Delivery::Flux(flux::Options::default()));
        for (route, waits) in expected {
            let (group, _) = route.split_once('-').unwrap();
            let namespace = if group == "blue" { "llm" } else { "next" };
            let path = format!("flux/roles/{group}/kustomization-{namespace}-{route}-expose.yaml");
            let object: Value = serde_yaml::from_str(&tree[&path]).unwrap();
            let depends = at(&object, &["spec", "dependsOn"]).and_then(Value::as_sequence).cloned().unwrap_or_default();
            let names: Vec<&str> = depends.iter().filter_map(|d| d.get("name")?.as_str()).collect();
            assert_eq!(names, *waits, "{route} for {}", target.name());
        }
    };
    let divided: [(&str, &[&str]); 4] = [
        ("blue-router", &["llm-blue-router", "next-green-router"]),
        ("blue-admin", &["llm-blue-admin"]),
        ("blue-feed", &["llm-blue-feed"]),
        ("green-engine", &["next-green-engine", "next-green-epp"]),
    ];
    check(Target::Native, &divided);
    check(Target::Lws, &divided);
    check(
        Target::Rbg,
        &[("blue-router", &["llm-blue-base", "next-green-base"]), ("green-engine", &["next-green-base"])],
    );
}

/// Everything in which a value differs from its shape.
fn misshapen(shape: &Value, value: &Value, place: &str) -> Vec<String> {
    let named = |kind: &str| match kind {
        "s" => value.is_string() || value.as_mapping().is_some_and(|map| map.values().all(Value::is_string)),
        "i" => value.is_u64(),
        _ => value.is_bool(),
    };
    match (shape, value) {
        (Value::String(kind), _) if named(kind) => Vec::new(),
        (Value::Sequence(shapes), Value::Sequence(values)) => {
            let each = values.iter().enumerate();
            each.flat_map(|(index, value)| misshapen(&shapes[0], value, &format!("{place}[{index}]"))).collect()
        }
        (Value::Mapping(fields), Value::Mapping(values)) => {
            let name = |key: &Value| key.as_str().unwrap_or_default().trim_end_matches('!').to_owned();
            let known: BTreeMap<String, &Value> = fields.iter().map(|(key, shape)| (name(key), shape)).collect();
            let required = fields.keys().filter(|key| key.as_str().is_some_and(|key| key.ends_with('!'))).map(name);
            let lacking = required.filter(|key| !values.contains_key(key.as_str()));
            let lacking: Vec<String> = lacking.map(|key| format!("{place} has no `{key}`")).collect();
            let inner = values.iter().flat_map(|(key, value)| match known.get(&name(key)) {
                Some(shape) => misshapen(shape, value, &format!("{place}.{}", name(key))),
                None => vec![format!("{place}.{} is unknown", name(key))],
            });
            lacking.into_iter().chain(inner).collect()
        }
        _ => vec![format!("{place}: {value:?} is no {shape:?}")],
    }
}

/// The trees of all goldens, and that of the program.
fn trees() -> Vec<(String, Tree)> {
    let golden = |example: String| {
        let forms = directories(&format!("golden/{example}"));
        let read = move |form: String| {
            let name = format!("golden/{example}/{form}");
            (name.clone(), tree::read(&root().join(name)))
        };
        forms.into_iter().map(read).collect::<Vec<_>>()
    };
    let program = [("the program".to_owned(), compiled(Target::Native, &Delivery::Plain))];
    directories("golden").into_iter().flat_map(golden).chain(program).collect()
}

#[test]
fn custom_resources_are_as_their_apis_want_them() {
    let shapes: BTreeMap<String, Value> = serde_yaml::from_str(SHAPES).unwrap();
    let (mut problems, mut seen) = (Vec::new(), BTreeMap::new());
    for (name, tree) in trees() {
        for object in objects(&tree) {
            let key = format!("{} {}", object.text(&["apiVersion"]), object.kind());
            let Some(shape) = shapes.get(&key) else { continue };
            *seen.entry(key).or_insert(0) += 1;
            problems.extend(misshapen(shape, spec(&object), &format!("{name}/{}", object.path)));
        }
    }
    none(&problems);
    assert!(seen.len() == shapes.len() && seen.values().all(|count| *count > 0), "{seen:?}");
}

#[test]
fn a_shape_finds_mistakes() {
    let shape: Value = serde_yaml::from_str("{ a!: s, b: [{ c: i }] }").unwrap();
    let found = |text: &str| misshapen(&shape, &serde_yaml::from_str(text).unwrap(), "$");
    assert!(found("{ a: x, b: [{ c: 1 }] }").is_empty());
    assert_eq!(found("{ b: [{ d: 1 }] }"), ["$ has no `a`", "$.b[0].d is unknown"]);
    assert_eq!(found("{ a: 1 }").len(), 1);
}
