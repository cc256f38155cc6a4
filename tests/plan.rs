//! `rbgc plan`: what it shows, what it says after a loss, and how it ends.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use insta::assert_snapshot;
use serde_json::Value;

use crate::cli::{self, Run};
use crate::support::schema::differences;

const SOURCE: &str = "\
group chat {
  namespace = \"demo\"
  role engine { image = \"engine:1\"  replicas = 2  pods = 2  gpus = 4  port http = 80 }
  role store {
    image = \"store:1\"
    port tcp = 81
    identity = \"stable\"
    claim data { size = 10Gi }
    mount \"/data\" = \"data\"
  }
  role front { image = \"front:1\"  replicas = 2  port http = 80 }
  connect front -> engine
  place { instances of engine within rack }
}
";
const INVENTORY: &str = "\
apiVersion: rbgc.dev/v1
kind: ClusterInventory
metadata: { name: small }
kubernetes: \"1.33\"
levels:
  - { name: rack, label: example.com/rack }
links: { rack: rdma }
pools:
  - name: gpu
    nodes: \"gpu-[1-6]\"
    taints: [{ key: nvidia.com/gpu, effect: NoSchedule }]
    domains: { rack: \"r[1-3] x2\" }
    allocatable: { cpu: 64, memory: 256Gi, nvidia.com/gpu: 4 }
nodes:
  - { name: cpu-1, allocatable: { cpu: 8, memory: 32Gi } }
  - { name: cpu-2, allocatable: { cpu: 8, memory: 32Gi } }
";

struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Place { directory: tempfile::tempdir().unwrap() };
        place.write("chat.rbg", SOURCE);
        place.write("inventory.yaml", INVENTORY);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> &Self {
        fs::write(self.path(name), text).unwrap();
        self
    }

    /// Runs `plan` with these arguments and expects this exit code.
    #[track_caller]
    fn plan(&self, exit: i32, arguments: &str) -> Run {
        self.run(exit, &format!("plan chat.rbg -i inventory.yaml {arguments}"))
    }

    #[track_caller]
    fn run(&self, exit: i32, line: &str) -> Run {
        let run = cli::run(self.directory.path(), &line.split_whitespace().collect::<Vec<_>>());
        assert_eq!(run.exit, exit, "{line}\n{}{}", run.out, run.err);
        run
    }

    #[track_caller]
    fn json(&self, exit: i32, arguments: &str) -> Value {
        serde_json::from_str(&self.plan(exit, &format!("{arguments} --json")).out).unwrap()
    }
}

#[test]
fn a_tree_and_a_summary() {
    let run = Place::new().plan(0, "");
    assert_eq!(run.err, "");
    let (tree, summary) = run.out.split_once("\nsmall: ").unwrap();
    assert_snapshot!(tree, @r"
    rack r1                           8 used    0 free
    ├─ gpu-1                          4 used    0 free
    │  └─ chat-engine-0-0             4
    └─ gpu-2                          4 used    0 free
       └─ chat-engine-0-workers-1     4
    rack r2                           8 used    0 free
    ├─ gpu-3                          4 used    0 free
    │  └─ chat-engine-1-0             4
    └─ gpu-4                          4 used    0 free
       └─ chat-engine-1-workers-1     4
    cpu-1
    ├─ chat-store-0
    ├─ chat-front-*
    └─ chat-front-*
    ");
    let (head, _) = summary.split_once("\nobjective").unwrap();
    let (_, capacity) = summary.split_once("\nmoves: none\n").unwrap();
    assert_snapshot!(format!("{head}{capacity}"), @r"
    1 group, 5 instances, 7 pods on 5 of 8 nodes

    nvidia.com/gpu: 16 planned, 8 free of 24
      rack  1 of 3 free  the largest instance that still fits: 2 nodes, 8 accelerators in r3
      node  2 of 6 free  the largest instance that still fits: 1 node, 4 accelerators in gpu-5

    rollouts that need more room for a while:
      chat/front  1 pod  there is room on cpu-1
    ");
}

#[test]
fn a_table() {
    assert_snapshot!(Place::new().plan(0, "--table").out, @r"
    GROUP  ROLE    INSTANCE  POD                      NODE   DOMAINS
    chat   engine  0         chat-engine-0-0          gpu-1  r1
    chat   engine  0         chat-engine-0-workers-1  gpu-2  r1
    chat   engine  1         chat-engine-1-0          gpu-3  r2
    chat   engine  1         chat-engine-1-workers-1  gpu-4  r2
    chat   store   0         chat-store-0             cpu-1
    chat   front   0         chat-front-*             cpu-1
    chat   front   1         chat-front-*             cpu-1
    ");
}

#[test]
fn json_as_the_schema_says() {
    let place = Place::new();
    let plan = place.json(0, "");
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let expected = ["inventory", "optimal", "objective", "groups", "unplaced", "moves", "capacity"];
    assert_eq!(keys(&plan), expected.map(String::from).into());
    let role = &plan["groups"][0]["roles"][0];
    assert_eq!(role["name"], "engine");
    assert_eq!(role["instances"][1]["pods"][1]["name"], "chat-engine-1-workers-1");
    assert!(role["instances"][0]["domains"]["rack"].is_string());
    assert_eq!(plan["groups"][0]["roles"][2]["instances"][0]["pods"][0]["name"], "chat-front-*");
    assert_eq!(plan["capacity"]["accelerators"]["planned"], 16);
}

#[test]
fn every_output_is_as_its_schema_says() {
    let place = Place::new();
    let check = |what: &str, output: Value| {
        let schema: Value = serde_json::from_str(&place.run(0, &format!("schema {what}")).out).unwrap();
        assert_eq!(differences(&schema, &output), [""; 0], "{what}: {output:#}");
    };
    check("plan", place.json(0, ""));
    check("plan", place.json(0, "--without rack=r1"));
    check("plan", place.json(1, "--without rack=r1 --without rack=r2"));
    check("failures", place.json(0, "--fail-each rack"));
    check("steps", place.json(0, "--steps"));
    place.run(0, "compile chat.rbg -i inventory.yaml -o out --delivery plain");
    check("verify", place.json(0, "-o out --verify"));
    check("steps", place.json(0, "-o out --steps"));
    place.write("inventory.yaml", &INVENTORY.replace("gpu-[1-6]", "gpu-[2-7]"));
    let broken = place.json(3, "-o out --verify");
    assert!(!broken["broken"].as_array().unwrap().is_empty());
    check("verify", broken);
    let steps = place.json(0, "-o out --steps");
    assert!(!steps[0]["instances"][0]["from"].as_array().unwrap().is_empty(), "{steps}");
    check("steps", steps);
    check("plan", place.json(0, "-o out"));
}

#[test]
fn steps_of_a_change_that_removes_a_group() {
    let place = Place::new();
    let big = |name: &str| {
        SOURCE.replace("group chat", &format!("group {name}")).replace("replicas = 2  pods", "replicas = 3  pods")
    };
    place.write("chat.rbg", &big("old"));
    place.run(0, "compile chat.rbg -i inventory.yaml -o out");
    place.write("chat.rbg", &big("new"));
    let run = place.plan(1, "-o out --steps");
    assert!(run.err.contains("error[E0701]"), "{}", run.err);
    let run = place.plan(2, "-o out --steps --prune-group new");
    assert!(run.err.contains("no group `new` was written to the tree"), "{}", run.err);
    // An Application of its own: the pods of the new group wait until it is gone.
    let steps = place.json(0, "-o out --steps --prune-group old");
    assert_eq!(steps.as_array().unwrap().len(), 1);
    let goes: Vec<&Value> =
        steps[0]["instances"].as_array().unwrap().iter().filter(|act| act["group"] == "old").collect();
    assert_eq!(goes.len(), 6);
    assert!(goes.iter().all(|act| act["to"] == Value::Array(Vec::new())));
    let run = place.run(0, "compile chat.rbg -i inventory.yaml -o out --prune-group old");
    assert!(!place.path("out/old").exists(), "{}", run.err);
    place.write("chat.rbg", &format!("{}{}", big("new"), big("new").replace("group new", "group next")));
    let run = place.plan(2, "-o out --steps --prune-group new");
    assert!(run.err.contains("group `new` is to be pruned, but the sources declare it"), "{}", run.err);
}

#[test]
fn pods_are_named_as_the_manifests_name_them() {
    let place = Place::new();
    place.run(0, "compile chat.rbg -i inventory.yaml -o out --delivery plain");
    let discovery = fs::read_to_string(place.path("out/chat/base/configmap-chat.yaml")).unwrap();
    let plan = place.json(0, "");
    let roles = plan["groups"][0]["roles"].as_array().unwrap();
    let pods =
        roles.iter().flat_map(|r| r["instances"].as_array().unwrap()).flat_map(|i| i["pods"].as_array().unwrap());
    let names: Vec<&str> = pods.map(|pod| pod["name"].as_str().unwrap()).filter(|name| !name.ends_with('*')).collect();
    assert_eq!(names.len(), 5);
    for name in names {
        assert!(discovery.contains(&format!("{name}.s-chat-")), "{name}\n{discovery}");
    }
}

#[test]
fn instances_stay_where_the_locks_say() {
    let place = Place::new();
    place.run(0, "compile chat.rbg -i inventory.yaml -o out --delivery plain");
    let before = place.json(0, "-o out");
    assert_eq!(before["moves"], Value::Array(Vec::new()));
    let gone = before["groups"][0]["roles"][0]["instances"][0]["pods"][0]["node"].as_str().unwrap();
    assert_eq!(gone, "gpu-1");
    place.write("inventory.yaml", &INVENTORY.replace("gpu-[1-6]", "gpu-[2-6]").replace("r[1-3] x2", "r1,r2,r2,r3,r3"));
    let moves = &place.json(0, "-o out")["moves"];
    assert_eq!(moves[0]["role"], "engine");
    assert_eq!(moves[0]["from"][0], gone, "the lock knows nodes that are gone");
}

#[test]
fn a_loss_and_what_to_do() {
    let place = Place::new();
    let run = place.plan(0, "--without rack=r1 --without node=cpu-1");
    let (_, after) = run.out.split_once("\nwithout rack=").unwrap();
    assert_snapshot!(after, @r"
    r1, node=cpu-1 (3 nodes):
      instances that die              chat/engine/0, chat/store/0, chat/front/0, chat/front/1
      of these without another place  none
      roles down until then           chat/store, chat/front

    what to do:
      1. mark the lost nodes `ready: false` in the inventory, or take them out; compile, review and
         merge: new pods then go to their new places
      2. make sure that the lost nodes are switched off, not only out of reach: a pod that still runs
         there would meet its successor of the same name
      3. tell Kubernetes that they are off. A StatefulSet makes no second pod of a name, and a node that
         does not answer never confirms that the first has ended: without the taint its pods stay
         `Terminating` for ever. With it they are deleted and their volumes detached
           kubectl taint nodes cpu-1 gpu-1 gpu-2 node.kubernetes.io/out-of-service=nodeshutdown:NoExecute
      4. if their claims are on disks of the lost nodes, give them up with what is stored there; claims
         on network storage follow their pods and stay
           kubectl -n demo delete pvc data-chat-store-0 --wait=false
      5. pods of Deployments need nothing: Kubernetes replaces them after some five minutes
      6. before a node serves again, take the taint away
           kubectl taint nodes cpu-1 gpu-1 gpu-2 node.kubernetes.io/out-of-service=nodeshutdown:NoExecute-
    ");
    let plan = place.json(0, "--without rack=r1");
    assert_eq!(plan["without"]["dies"][0], "chat/engine/0");
    assert_eq!(plan["moves"][0]["role"], "engine");
    assert_ne!(plan["groups"][0]["roles"][0]["instances"][0]["domains"]["rack"], "r1");
}

#[test]
fn a_loss_without_enough_room() {
    let place = Place::new();
    let run = place.plan(1, "--without rack=r1 --without rack=r2");
    assert!(run.err.contains("error[E0701]"), "{}", run.err);
    assert!(run.out.contains("make room for what finds no place"), "{}", run.out);
    let plan = place.json(1, "--without rack=r1 --without rack=r2");
    assert!(!plan["without"]["unplaced"].as_array().unwrap().is_empty());
    assert_eq!(plan["optimal"], false);
}

#[test]
fn each_rack_is_lost_in_turn() {
    let place = Place::new();
    assert_snapshot!(place.plan(0, "--fail-each rack").out, @r"
    small: loss of one `rack` of 3 domains
          1  hold no instance
          2  hold instances that all find another place
          0  hold instances that find no other place
          0  take a role down until it is placed anew
          0  leave too little room for the maximum of autoscaled roles

    DOMAIN  NODES  DIE  REPLACED  MOVES  WITHOUT A PLACE  ROLES DOWN
    r1      2      1    1         0      -                -
    r2      2      1    1         0      -                -
    ");
    let failures = place.json(0, "--fail-each node");
    assert_eq!(failures["domains"].as_array().unwrap().len(), 8);
    assert_eq!(failures["domains"][0]["domain"], "cpu-1");
}

#[test]
fn what_fits_of_an_autoscaled_role() {
    let place = Place::new();
    let role = "role engine { image = \"e:1\"  replicas = 2..30  gpus = 1  port http = 80\n\
                autoscale { metric = metric(\"queue\", 8) } }";
    place.write("chat.rbg", &format!("group chat {{ namespace = \"demo\"\n{role} }}\n"));
    let run = place.plan(1, "");
    assert!(run.err.contains("error[E0701]"), "{}", run.err);
    let line = run.out.lines().find(|line| line.contains("chat/engine")).unwrap();
    assert_eq!(line.trim(), "chat/engine  2 to 30  fits at 24, not at 30: 2 nodes like gpu-1 short");
    let plan = place.json(1, "");
    let instances = plan["groups"][0]["roles"][0]["instances"].as_array().unwrap();
    assert_eq!(instances.len(), 24, "what fits is shown");
    assert_eq!((&instances[1]["reserved"], &instances[2]["reserved"]), (&Value::Null, &Value::Bool(true)));
}

#[test]
fn a_page_for_itself() {
    let place = Place::new();
    assert_eq!(place.plan(0, "--html plan.html").err, "plan.html\n");
    let page = fs::read_to_string(place.path("plan.html")).unwrap();
    assert_eq!(page, place.plan(0, "--html -").out);
    for outside in ["http:", "https:", "src=", "@import", "url("] {
        let others = page.replace("http://www.w3.org/2000/svg", "").replace("url(#", "");
        assert!(!others.contains(outside), "{outside}");
    }
    for node in ["gpu-1", "gpu-6", "cpu-1"] {
        assert!(page.contains(&format!("<title>{node}")), "{node}");
    }
    let run = place.plan(1, "--html nowhere/plan.html");
    assert!(run.err.contains("cannot write `nowhere/plan.html`"), "{}", run.err);
}

#[test]
fn what_the_command_line_may_not_say() {
    let place = Place::new();
    let refused = [
        ("--without r1", "write LEVEL=NAME"),
        ("--without rack=r9", "no `rack` of the name `r9`"),
        ("--without row=r1", "no level `row`; it has rack, node"),
        ("--without node=gpu-7", "no `node` of the name `gpu-7`"),
        ("--fail-each row", "no level `row`"),
        ("--fail-each rack --without rack=r1", "cannot be used with"),
        ("--json --table", "cannot be used with"),
        ("--verify --prune-group chat", "cannot be used with"),
        ("--steps --prune-group chat", "no group `chat` was written to the tree"),
        ("--effort 0", "invalid value '0'"),
    ];
    for (arguments, message) in refused {
        let run = place.plan(2, arguments);
        assert!(run.err.contains(message), "{arguments}\n{}", run.err);
    }
    let run = place.run(2, "plan chat.rbg");
    assert!(run.err.contains("which cluster?"), "{}", run.err);
}

#[test]
fn help_of_plan() {
    let run = Place::new().run(0, "plan --help");
    assert_eq!(run.err, "");
    assert_snapshot!(run.out, @r"
    Show which pod runs where, and why it cannot be better

    Usage: rbgc plan [OPTIONS] [FILE|DIR]...

    Arguments:
      [FILE|DIR]...
              Source files, or directories with `*.rbg` files; without any, the sources of rbgc.toml

    Options:
      -i, --inventory <FILE>
              The inventory of the cluster; without it, that of each cluster in rbgc.toml

          --cluster <NAME>
              Compile for this cluster of rbgc.toml only; may be repeated

          --set <NAME=VALUE>
              Set a parameter of the sources; may be repeated

          --target <TARGET>
              What workloads are made of: native (default), lws, rbg

      -o, --output <DIR>
              The tree whose locks say what is placed where; by default that of the cluster in rbgc.toml

          --tree
              A tree: domains, nodes, pods (default)

          --table
              A table: one line a pod

          --json
              JSON, as `rbgc schema plan` describes it

          --html <FILE>
              Write a page with a picture of the machines to this file; `-` is standard output

          --verify
              Does the committed plan still hold on this inventory? List what does not, and exit with 3
              if anything does not

          --steps
              The commits that bring the plan about, one after the other, each with the instances that
              come, move and go

          --prune-group <NAME>
              Plan as if this group, which the sources no longer declare, went with the same change; may
              be repeated

          --without <LEVEL=NAME>
              Place anew without this domain or node; may be repeated

          --fail-each <LEVEL>
              Lose each domain of this level, one at a time: who dies, who finds another place

          --effort <N>
              How hard to look for a better plan: a factor of the work, from 1
              
              [default: 1]

      -h, --help
              Print help (see a summary with '-h')

    Global options:
      -C <DIR>
              Run as if started in this directory

          --color <WHEN>
              Use colours; NO_COLOR, CLICOLOR and CLICOLOR_FORCE are heeded

              Possible values:
              - auto:   When standard error is a terminal that wants them
              - always: Even into files and pipes
              - never:  Never
              
              [default: auto]

      -q, --quiet
              Print errors and results only

    Examples:
      rbgc plan qwen.rbg -i lab.yaml                       domains, nodes, pods; what is left
      rbgc plan qwen.rbg -i lab.yaml --json | jq .moves    for programs
      rbgc plan qwen.rbg -i lab.yaml --html plan.html      a picture of racks, nodes and links
      rbgc plan --cluster prod-east --without rack=b1/r3   a rack is lost: what moves, what to do
      rbgc plan --cluster prod-east --fail-each rack       every rack, one at a time
      rbgc plan qwen.rbg -i fresh.yaml -o deploy --verify  does what is committed still hold?
      rbgc plan --cluster prod-east --steps                the commits that the next change takes
      rbgc plan --cluster prod-east --steps --prune-group chat
                                                           the same, when a group goes with it

    Nothing is written. Instances stay where the locks of the output directory say that they are.
    ");
}
