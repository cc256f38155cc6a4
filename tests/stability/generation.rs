//! Another image of roles that must agree at any time: refused, or a generation beside the old one.

use rbgc::order::{Delivery, argo};

use super::{Desk, INVENTORY, Shop, changes, tree};

const PAIR: &str = "\
use std.vllm { Decode, KvTransfer, Prefill, Router }

group pair {
  namespace = \"llm\"
  generation = 1
  let build = \"v0.27.1\"
  role prefill is Prefill(\"m\") {
    gpus = 8  replicas = 2
    image = \"vllm/vllm-openai:${build}\"
    env { STORE = store.node.url(\"http\") }
  }
  role decode is Decode(\"m\") { gpus = 8  replicas = 2  image = \"vllm/vllm-openai:${build}\" }
  role router is Router(prefill, decode)
  connect prefill -> decode as KvTransfer over vpc
  place {
    prefill apart at node
    decode apart at node
  }
}

group store {
  namespace = \"llm\"
  role node { image = \"example.com/store:1.0.0\"  port http = 9000 }
}
";

#[test]
fn every_command_says_the_same() {
    let desk = Desk(tempfile::tempdir().unwrap());
    let arguments = "main.rbg -i inventory.yaml -o out";
    desk.write("main.rbg", PAIR);
    desk.write("inventory.yaml", INVENTORY);
    desk.run(0, &format!("compile {arguments}"));
    desk.write("main.rbg", &PAIR.replace("v0.27.1", "v0.28.0"));
    for command in ["compile", "compile --step", "compile --check", "diff", "rollout plan", "rollout next"] {
        let told = desk.run(1, &format!("{command} {arguments}")).err;
        assert!(told.contains("E0961") && told.contains("set `generation = 2` in group `pair`"), "{command}: {told}");
    }
    let flux = desk.run(1, &format!("compile {arguments} --delivery flux")).err;
    assert!(flux.contains("E0961") && flux.contains("in a group of another name"), "{flux}");
    // Where nothing stands, nothing meets.
    desk.run(0, &format!("diff {arguments} --install"));
    // A lock of an older compiler does not know what stands, and learns it.
    let lock = std::fs::read_to_string(desk.0.path().join("out/pair/rbgc.lock")).unwrap();
    let old: String = lock.lines().filter(|line| !line.starts_with("revision ")).map(|l| format!("{l}\n")).collect();
    desk.write("out/pair/rbgc.lock", &old);
    desk.run(0, &format!("compile {arguments}"));
    desk.write("main.rbg", PAIR);
    assert!(desk.run(1, &format!("compile {arguments}")).err.contains("E0961"));
}

#[test]
fn a_generation_takes_room_of_its_own() {
    let argocd = Delivery::Argocd(argo::Options::default());
    let mut shop = Shop::new(PAIR);
    let first = shop.deliver(&[], &argocd, &[]).unwrap();
    shop.edit("generation = 1", "generation = 2").edit("v0.27.1", "v0.28.0");
    let second = shop.deliver(&first, &argocd, &[]).unwrap();
    assert_eq!(changes(&second), [""; 0], "nothing moves");
    let nodes = |place: &[rbgc::emit::Group]| -> Vec<String> {
        let lock = &place[0].lock;
        let engines = lock.places.iter().filter(|(instance, _)| instance.role != "router");
        engines.flat_map(|(_, nodes)| nodes.clone()).collect()
    };
    assert!(nodes(&second).iter().all(|node| !nodes(&first).contains(node)), "{:?}", nodes(&second));
    assert_eq!(nodes(&second).len(), 4);
    // All instances come at once: nothing serves yet.
    assert!(second[0].lock.steps.values().all(|step| *step == 0));
    // Roles of other groups admit both while both stand.
    let policy = &tree(&second)["store/node/networkpolicy-store-node.yaml"];
    let admitted = |group: &str| policy.contains(&format!("rbg.workloads.x-k8s.io/group-name: {group}\n"));
    assert!(admitted("pair") && admitted("pair-2"), "{policy}");
    // It is what stands then, and stays.
    let again = shop.deliver(&second, &argocd, &[]).unwrap();
    assert_eq!((tree(&again), again[0].lock.render()), (tree(&second), second[0].lock.render()));
    // The room of the first generation is free by now.
    shop.edit("generation = 2", "generation = 3");
    let third = shop.deliver(&again, &argocd, &[]).unwrap();
    assert_eq!(nodes(&third), nodes(&first));
}

#[test]
fn others_wait_for_what_outlasts_a_generation() {
    let desk = Desk(tempfile::tempdir().unwrap());
    let arguments = "main.rbg -i inventory.yaml -o out";
    let source = "\
group store { role node { image = \"example.com/store:1.0.0\"  gpus = 5  port http = 9000 } }
group app {
  role web { image = \"example.com/web:1.0.0\"  interpreter = \"bash\"  after store.node { wait = true } }
}
";
    desk.write("main.rbg", source);
    desk.write("inventory.yaml", INVENTORY);
    desk.run(0, &format!("compile {arguments}"));
    desk.write("main.rbg", &source.replace("group store {", "group store { generation = 2 "));
    // What comes up beside the old one does not move.
    let shown = desk.run(0, &format!("diff {arguments} --deny move,rolling-restart")).out;
    assert!(shown.contains("Service default/store-node  in place"), "{shown}");
    assert!(!shown.contains("rolling restart") && !shown.contains("moves"), "{shown}");
}
