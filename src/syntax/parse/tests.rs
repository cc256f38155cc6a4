//! What parses, what does not, and what is said about it.

use super::parse_text;

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
    let (ast, problems) = parse_text(text, 0);
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
