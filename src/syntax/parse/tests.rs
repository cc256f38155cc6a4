//! What parses, what does not, and what is said about it.

use super::{Parsed, parse_text};

pub(in crate::syntax) const QWEN: &str = r#"use std.sglang { Router, Prefill, Decode }

group qwen-pd {
  namespace = "llm"
  let weights = model("Qwen/Qwen3-0.6B")

  role prefill is Prefill(weights) { replicas = 2  pods = 4  gpus = 1 }
  role decode  is Decode(weights)  { replicas = 4  pods = 2  gpus = 1 }
  role router  is Router(prefill, decode)

  connect prefill -> decode over rdma
}
"#;

pub(in crate::syntax) const DEEPSEEK: &str = r#"use std.sglang { Router, Prefill, Decode, KvTransfer }
use "./platform.rbg" { Secured }

param tier: "staging" | "prod" = "staging"

/// DeepSeek-R1 on 2 x 8 H100 an instance: attention data-parallel, experts spread over all 16.
group deepseek-r1 for search {
  namespace = "llm-serving"
  let weights = model("deepseek-ai/DeepSeek-R1", claim = "models")
  let prod = tier == "prod"

  role prefill is Prefill(weights) + Secured {
    replicas = if prod then 2 else 1
    pods     = 2                          // an instance: one leader, one worker
    gpus     = 8                          // per pod
    gpu      = "H100"
    flags { tp-size = 16  dp-size = 16  enable-dp-attention = true  moe-a2a-backend = "deepep" }
  }

  role decode is Decode(weights) + Secured {
    replicas = if prod then 4 else 2
    pods = 2  gpus = 8  gpu = "H100"
    flags { tp-size = 16  dp-size = 16  enable-dp-attention = true  moe-a2a-backend = "deepep" }
  }

  role router is Router(prefill, decode) {
    replicas = 2
    expose { host = "r1.example.com" }
  }

  connect prefill -> decode as KvTransfer over rdma weight 10

  place {
    instances of prefill, decode within rack       // required: one leaf switch
    prefer cells within block                      // a cell is one share of the ratio below
    spread decode over rack max-skew 1
    group within zone
    exclusive rack
  }

  coordinate prefill, decode {
    ratio = 1:2
    rollout { max-skew = 50%  max-unavailable = 1 }
    scale   { max-skew = 50%  order = "ready" }
    recover = "instance"
  }

  assert decode.replicas.min >= prefill.replicas.max, "decode must not be the bottleneck"
}
"#;

pub(in crate::syntax) const EVERYTHING: &str = include_str!("testdata/everything.rbg");

/// The text parses without a problem.
#[track_caller]
fn good(text: &str) -> crate::syntax::Ast {
    let Parsed { ast, problems, .. } = parse_text(text, 0);
    let shown: Vec<String> = problems
        .iter()
        .map(|p| {
            let at = p.span().map_or(0, |s| s.lo as usize);
            let line = text[..at].matches('\n').count() + 1;
            format!("line {line}: {} {:?} {:?}", p.message, text.get(at..(at + 20).min(text.len())), p.help)
        })
        .collect();
    assert!(problems.is_empty(), "{}", shown.join("\n"));
    ast
}

#[test]
fn the_design_parses() {
    good(QWEN);
    good(DEEPSEEK);
    good(EVERYTHING);
}

#[test]
fn zz_errors() {
    for text in [
        "group g {\n  replicas = 2, pods = 4\n}",
        "group g {\n  replicas 2\n}",
        "group g {\n  namespace \"x\"\n}",
        "group g {\n  a: 2\n}",
        "group g {\n  a == 2\n}",
        "group g {\n  a = b = 2\n}",
        "group g {\n  assert a = b\n}",
        "group g {\n  # hello it's\n  a = 1\n}",
        "group g {\n  a = 'x'\n}",
        "group g {\n  a = b && c\n}",
        "group g {\n  a = b || c\n}",
        "group g {\n  a = !c\n}",
        "group g {\n  a =\n    - 1\n    - 2\n}",
        "group g {\n  a = b -c\n}",
        "group g {\n  a = b %c\n}",
        "group g {\n  a = len (c)\n}",
        "group g {\n  a = c [1]\n}",
        "group g {\n  a = c .d\n}",
        "group g {\n  a = c.\n}",
        "group g {\n  a = \n}",
        "group g {\n  a = (1 + 2\n}",
        "group g {\n  a = [1, 2\n}",
        "group g {\n  a = [1 2]\n}",
        "group g {\n  a = f(1, 2\n  b = 3\n}",
        "group g {\n  role a {\n    b = 1\n  role c {\n  }\n}\n",
        "group g {\n  a = 1\n",
        "group g {\n  a = 1\n}\n}\n",
        "group g {\n  a = 1\n}\n  let x = 1\n",
        "grop g { }",
        "role x {}",
        "let = 3",
        "let x 3",
        "let Foo = 3",
        "template foo { }",
        "param x = 3",
        "param x: = 3",
        "param x: Lst<Int = 3",
        "use std.sglang { A B }",
        "use",
        "group g { role a is b { } }",
        "group g { role a { } when x }",
        "group g { connect a b }",
        "group g { connect a -> }",
        "group g { place { a with rack } }",
        "group g { place { spread a } }",
        "group g { ready http \"/x\" }",
        "group g { ready foo }",
        "group g { port http 8000 }",
        "group g { after }",
        "group g { flags { tp-size: 4 } }",
        "group g { flags { tp-size = 4, b = 2 } }",
        "group g { flags { tp-size 4 } }",
        "group g { a = if b then c }",
        "group g { a = if b c }",
        "group g { a = x not in y }",
        "group g { a = b ? c : d }",
        "group g { a = b; c = d }",
        "group g { a_b = 1 }",
        "let x = [for y in z y]",
        "let x = {for y in z: y}",
        "let x = \"a ${ b",
        "let x = \"a ${}\"",
        "let x = \"abc\nlet y = 2",
        "let x = \"\"\"\nabc\nlet y = 2",
        "let x = #\"abc\nlet y = 2",
        "tenant {",
        "policy p { { }",
        "let x = 1 let y = 2",
        "private",
        "private use",
        "group g x { }",
        "group g x 3 + 1 { }",
        "edge E(from: A) { from { a } }",
        "let x = a => b",
        "let x = f(a = 1, 2)",
        "let x = f(a: 1)",
        "let x = 1 +",
        "let x = )",
        "let x = @",
        "let x = é",
        "let x = 1 + é",
        "group g { leader = { } leader { x } }",
        "",
    ] {
        let problems = parse_text(text, 0).problems;
        println!("---\n{text}");
        for p in problems {
            let at = p.span().unwrap();
            println!(
                "  => {:?} [{}..{} {:?}] {} | {:?}",
                p.code,
                at.lo,
                at.hi,
                &text[at.lo as usize..at.hi as usize],
                p.message,
                p.help
            );
            for l in &p.labels[1..] {
                println!("     label {} {:?} {}", l.span.lo, &text[l.span.lo as usize..l.span.hi as usize], l.message);
            }
        }
    }
}
