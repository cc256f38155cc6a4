//! What parses and to which tree; what does not is in the modules below.

mod errors;
mod hostile;

use super::{Parsed, parse_text};
use crate::syntax::ItemKind;

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

/// The dump of `let x = …`.
#[track_caller]
fn expr(text: &str, expected: &str) {
    let dump = crate::syntax::print::dump(&good(&format!("let x = {text}")));
    let flat: Vec<&str> = dump.lines().skip(1).map(str::trim).collect();
    assert_eq!(flat.join(" "), expected, "{text}");
}

#[test]
fn operators_bind() {
    expr("1 + 2 * 3", "+ 1 * 2 3");
    expr("1 - 2 - 3", "- - 1 2 3");
    expr("a or b and not c == d", "or name a and name b not == name c name d");
    expr("not a and b", "and not name a name b");
    expr("-a * b", "* negate name a name b");
    expr("-a.b", "negate .b name a");
    expr("1..n + 1", ".. 1 + name n 1");
    expr("a in b and r is sglang.Prefill", "and in name a name b is sglang.Prefill name r");
    expr("(1 + 2) * 3", "* + 1 2 3");
    expr("a+b", "+ name a name b");
    expr("a-b", "name a-b");
    expr("if a then b else c + d", "if name a name b + name c name d");
    expr("a\n  + b\n  and c", "and + name a name b name c");
    expr("a % b", "% name a name b");
    expr("25% + x.y(1)[2].z", "+ percent 25 .z index call .y name x 1 2");
    expr(
        "leader.address + prefill.port.http + x.claim + is-it + note + iffy",
        "+ + + + + .address name leader .http .port name prefill .claim name x name is-it name note name iffy",
    );
}

#[test]
fn literals_have_values() {
    expr("9223372036854775807", "9223372036854775807");
    expr("0", "0");
    expr("0.85", "float 0.85");
    expr("1e-3", "float 0.001");
    expr("2k", "quantity 2k");
    expr("1E", "quantity 1E");
    expr("1.5h", "duration 5400000ms");
    expr("250ms", "duration 250ms");
    expr("12.5%", "percent 12.5");
    expr("1:2", "ratio 1:2");
    expr("4..12", ".. 4 12");
    expr("unset", "unset");
    expr("[true, false, inherited,]", "list true false inherited");
}

#[test]
fn strings_have_values() {
    expr(r#""""#, r#""""#);
    expr(r#""a\n\t\\\"\$\u{e9}b""#, r#""a\n\t\\\"$éb""#);
    expr(r#""$x $ ${a}$""#, r#"string "$x $ " name a "$""#);
    expr(r#""${f("${b}")}""#, r#"string call name f string name b"#);
    expr("\"\"\"\n  a\n    b\n\n  \"\"\"", r#""a\n  b\n\n""#);
    expr("\"\"\"\r\n  a\r\n  \"\"\"", r#""a\n""#);
    expr("\"\"\"\n  a\n  b\"\"\"", r#""a\nb""#);
    expr("\"\"\"a \"quoted\" b\"\"\"", r#""a \"quoted\" b""#);
    expr("\"\"\"\n  ${a}\n  b ${c}\n  \"\"\"", r#"string name a "\nb " name c "\n""#);
    expr("\"\"\"\n  \\n\\\"\"\"\n  \"\"\"", r#""\n\"\"\"\n""#);
    expr(r###"#"a\n${b}"#"###, r#""a\\n${b}""#);
    expr(r####"##"a"#b"##"####, r##""a\"#b""##);
}

#[test]
fn keywords_are_names_where_they_are_unambiguous() {
    good("let leader = { role = 1  port = 2  let = 3  for = 4  if = 5  in = 6  and = 7  when { is = 8 } }");
    good("let x = { a = b  in = c  is = d  or = 1  and = 2 }");
    good("group x x 2 { let port = 1  claim = 2  volume = x.role.port  init = unset  x = file }");
    good("group group-a { role role { after group }  after = unset }");
}

#[test]
fn statements_share_lines() {
    let ast = good("group g { replicas = 2  pods = -1 gpus = a[0]  b = [x] c { } d = \"x\" e = f(x) g = h }");
    let ItemKind::Group(group) = &ast.items[0].kind else { panic!("no group") };
    assert_eq!(group.body.statements.len(), 8);
}

#[test]
fn spans_are_global() {
    let text = "// c\nlet x = 1\n\nlet y = \"a ${ b }\"\n";
    let ast = parse_text(text, 1000).ast;
    assert_eq!(ast.comments[0].span, crate::source::Span::new(1000, 1004));
    let ItemKind::Let(y) = &ast.items[1].kind else { panic!("no let") };
    assert_eq!((y.name.span.lo, y.name.span.hi), (1020, 1021));
    let crate::syntax::ExprKind::Str(parts) = &y.value.kind else { panic!("no string") };
    let crate::syntax::StrPart::Expr(b) = &parts[1] else { panic!("no expression") };
    assert_eq!(&text[b.span.lo as usize - 1000..b.span.hi as usize - 1000], "b");
}

#[test]
fn documentation_belongs_to_the_next_declaration() {
    let text = "/// one\n// no\n///two\ngroup g {\n  /// three\n  a = 1 /// four\n  b { /// five\n  }\n}\n/// six\n";
    let ast = good(text);
    assert_eq!(ast.items[0].doc, ["one", "two"]);
    let ItemKind::Group(group) = &ast.items[0].kind else { panic!("no group") };
    assert_eq!(group.body.statements[0].doc, ["three"]);
    assert!(group.body.statements[1].doc.is_empty());
    let comments: Vec<&str> = ast.comments.iter().map(|c| c.text.as_str()).collect();
    assert_eq!(comments, [" no", "/ four", "/ five", "/ six"]);
}

#[test]
fn a_keyword_in_the_first_column_splits_only_in_code() {
    let text = "let a = \"\"\"\nlet b = 1\n\"\"\"\nlet c = #\"\nlet d\n\"#\n// let e\nlet f = 1";
    assert_eq!(good(text).items.len(), 3);
}

#[test]
fn broken_items_hide_nothing() {
    let text = "let a = 1\nlet b = = 2\ngroup c {\n  x = (\nlet d = 4\nlet e = \"\nlet f = 1m2\nrefine {\nlet g = 3\n";
    let parsed = parse_text(text, 0);
    let names: Vec<&str> = parsed.ast.broken.iter().map(|n| n.name.as_str()).collect();
    assert_eq!(names, ["b", "c", "e"]);
    assert_eq!(parsed.ast.items.len(), 4);
    assert_eq!(parsed.problems.len(), 5);
}

#[test]
fn the_ends_of_an_edge_are_bodies() {
    let ast = good("edge E(one: A, other: B) { one { assert a }  other { port x = 1 }  third { k = 1 } }");
    let dump = crate::syntax::print::dump(&ast);
    assert!(dump.contains("part one") && dump.contains("part other") && dump.contains("map-field third"), "{dump}");
}

#[test]
fn one_problem_for_a_character_that_may_not_be() {
    let parsed = parse_text("let x = \u{7} 1\nlet y = 2", 0);
    assert_eq!((parsed.problems.len(), parsed.ast.items.len()), (1, 1));
    assert_eq!(parse_text("\u{feff}let x = 1", 0).ast.items.len(), 1);
    assert_eq!(parse_text(&"\u{1}\n".repeat(1000), 0).problems.len(), 20);
}

#[test]
fn parameters_are_documented() {
    let ast = good(
        "/// of it\ntemplate T(\n  /// one\n  /// more\n  a: Int,\n  // no\n  b: Int,\n) {}\n\n/// of c\nparam c: Int = 1",
    );
    let ItemKind::Template(template) = &ast.items[0].kind else { panic!("no template") };
    let docs: Vec<_> = template.params.iter().map(|p| p.doc.join("/")).collect();
    assert_eq!((ast.items[0].doc.join("/").as_str(), docs), ("of it", vec!["one/more".into(), String::new()]));
    let ItemKind::Param(param) = &ast.items[1].kind else { panic!("no param") };
    assert_eq!((ast.items[1].doc.join("/").as_str(), param.doc.len()), ("of c", 0));
}
