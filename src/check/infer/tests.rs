//! Inference through `resolve` and `check`: what is found where nothing is evaluated.

use std::io;
use std::path::{Path, PathBuf};

use crate::check::{Options, check, evaluate};
use crate::diag::{Session, Severity};
use crate::resolve::{Program, resolve, std_lib};
use crate::source::World;

mod expressions;

/// A world of one file; the standard library is always there.
struct One<'t>(&'t str);

impl World for One<'_> {
    fn read(&self, path: &Path, _: u64) -> io::Result<Vec<u8>> {
        if path.ends_with("main.rbg") { Ok(self.0.into()) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        if path.ends_with("main.rbg") || path == Path::new("/p") {
            Ok(path.to_path_buf())
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }
}

/// The errors of a program: their codes and the texts that they point at.
fn errors(source: &str) -> Vec<String> {
    reported(source, |session, program| drop(check(session, program, &Options::default())))
}

fn reported(source: &str, phase: impl FnOnce(&mut Session<'_>, &Program)) -> Vec<String> {
    let world = One(source);
    let mut session = Session::new(&world, "/p");
    let program = resolve(&mut session, &[PathBuf::from("/p/main.rbg")]);
    phase(&mut session, &program);
    let errors = session.problems.iter().filter(|p| p.code.severity() == Severity::Error);
    errors.map(|p| format!("{} {}", p.code.text(), p.span().map_or("", |s| session.sources.text(s)))).collect()
}

/// A template with a parameter of each sort.
fn template(statement: &str) -> String {
    format!(
        "template Base {{ image = \"x:1\"  port http = 80 }}\n\
         template T(n: Int, s: String, u: \"a\" | \"b\", xs: List<String>, ns: List<Int>, m: Model, r: Role<Base>,\n\
         rs: List<Role<Base>>, rec: {{ a: Int  b: String = \"\" }}, any: Any, q: Quantity) {{ {statement} }}\n"
    )
}

/// Compares what statements of an unused template report with what is written beside them; nothing
/// is written beside those that are right. Evaluation must say the same where the template is used.
#[track_caller]
fn compare(statements: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (statement, expected) in statements {
        let source = template(statement);
        let found = errors(&source).join("; ");
        if found != *expected {
            wrong.push(format!("{statement}\n  expected: {expected}\n  found:    {found}"));
        }
        let evaluated = evaluated(&source, statement);
        if !expected.is_empty() && !evaluated.iter().any(|e| e == expected) {
            wrong.push(format!("{statement}\n  expected:  {expected}\n  evaluated: {}", evaluated.join("; ")));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The errors of evaluation alone when the template is used.
fn evaluated(source: &str, statement: &str) -> Vec<String> {
    let lets = statement.split("let ").skip(1).filter_map(|rest| rest.split([' ', ':']).next());
    let uses: String = lets.map(|name| format!(" assert {name} == unset or true")).collect();
    let end = source.rfind('}').unwrap_or(source.len());
    let source = format!(
        "{}{uses} }}\ngroup g {{ role base is Base  role t is Base + T(1, \"s\", \"a\", [\"x\"], [1], \"m\", base, [base, base], {{ a = 1 }}, 1, 1Gi) }}\n",
        &source[..end]
    );
    reported(&source, |session, program| drop(evaluate(session, program, &Options::default())))
}

#[test]
fn fields_fit_their_kind() {
    compare(&[
        ("replicas = \"three\"", "E0201 \"three\""),
        ("replicas = n", ""),
        ("replicas = 1..n", ""),
        ("replicas = s", "E0201 s"),
        ("pods = 1..2", "E0201 1..2"),
        ("pods = replicas", "E0201 replicas"),
        ("memory = 30s", "E0201 30s"),
        ("memory = 8", ""),
        ("memory = unset", ""),
        ("grace = 5", "E0201 5"),
        ("image = m", "E0201 m"),
        ("priority = m", ""),
        ("image = \"a${leader.address}\"", "E0212 \"a${leader.address}\""),
        ("pull = \"Sometimes\"", "E0201 \"Sometimes\""),
        ("pull = u", "E0201 u"),
        ("pull = s", ""),
        ("image-pull-secrets = [\"a\", 1]", "E0201 [\"a\", 1]"),
        ("image-pull-secrets = xs + ns", ""),
        ("image-pull-secrets = ns", "E0201 ns"),
        ("args = [1, \"a\", pod.ip]", ""),
        ("args = [xs]", "E0201 [xs]"),
        ("args = \"--x\"", "E0201 \"--x\""),
        ("args = inherited + [\"a\"]", ""),
        ("args = inherited + \"a\"", "E0202 inherited + \"a\""),
        ("discovers = \"yes\"", "E0201 \"yes\""),
        ("tolerate = [\"a\"]", "E0201 [\"a\"]"),
        ("tolerate = [{ key = \"a\" }]", ""),
        ("flags = 3", "E0201 3"),
        ("labels = { a = 1 }", "E0201 { a = 1 }"),
        ("labels = r.labels", ""),
    ]);
}

#[test]
fn keys_of_map_fields_fit() {
    compare(&[
        ("labels { a = 1 }", "E0201 1"),
        ("labels { a = pod.ip }", "E0212 pod.ip"),
        ("annotations { a = inherited }", ""),
        ("resources { \"x/y\" = \"two\" }", "E0201 \"two\""),
        ("flags { a = n  b = [1, \"a\"]  c = [[s, 1]]  d = pod.ip  e = unset }", ""),
        ("flags { a = r }", "E0201 r"),
        ("flags { a = [r] }", "E0201 [r]"),
        ("flags { a = rs }", "E0201 rs"),
        ("flags { a = m }", "E0201 m"),
        ("flags { a = { b = 1 } }", "E0201 { b = 1 }"),
        ("flags { a { b = 1 } }", "E0201 { b = 1 }"),
        ("flags { for x in xs: [x] = x }", ""),
        ("flags { [n] = 1 }", "E0201 [n]"),
        ("env { A = secret(\"a\", \"b\")  B = 1  C = pod.ip }", ""),
        ("env { A = xs }", "E0201 xs"),
        ("autoscale { cpu = 70 }", "E0201 70"),
        ("autoscale { metric = \"queue\" }", "E0201 \"queue\""),
        ("autoscale { metric = metric(\"queue\", 10)  stabilization = 5min }", ""),
        ("autoscale { metric = external(\"queue\", 10, labels = { a = \"b\" }) }", ""),
        ("autoscale { metric = external(\"queue\", \"ten\") }", "E0201 \"ten\""),
        ("autoscale { metric = prometheus(\"http://p\", \"q\", 500m)  activation = 1  cooldown = 5min }", ""),
        ("autoscale { metric = prometheus(\"http://p\", \"q\", 1)  cooldown = 5 }", "E0201 5"),
        ("security { user = \"root\" }", "E0201 \"root\""),
        ("security { writable = [\"/tmp\"]  privileged = 1 }", "E0201 1"),
    ]);
}

#[test]
fn statements_want_values_of_their_kind() {
    compare(&[
        ("port http = \"8000\"", "E0201 \"8000\""),
        ("port http = n { protocol = \"FTP\" }", "E0201 \"FTP\""),
        ("port http = 1 when n", "E0201 n"),
        ("ready http n on http", ""),
        ("ready http xs on http", "E0201 xs"),
        ("ready http \"/\" on http { every = 10 }", "E0201 10"),
        ("ready http \"/\" on http { failures = 10s }", "E0201 10s"),
        ("ready exec [\"a\", pod.ip]", ""),
        ("ready exec \"a\"", "E0201 \"a\""),
        ("file \"/a\" = xs", "E0201 xs"),
        ("file \"/a\" = \"${pod.ip}\"", "E0212 \"${pod.ip}\""),
        ("file \"/a\" = s { mode = \"755\" }", "E0201 \"755\""),
        ("file \"/a\" = s { owner = 1 }", "E0204 owner"),
        ("volume v { claim = 3 }", "E0201 3"),
        ("volume v { empty = true }", ""),
        ("volume v { empty = 1Gi  memory = 1 }", "E0201 1"),
        ("claim v { size = \"1Gi\" }", "E0201 \"1Gi\""),
        ("claim v { size = 1Gi  access = \"all\" }", "E0201 \"all\""),
        ("mount \"/a\" = claim(s)", ""),
        ("mount \"/a\" = n", "E0201 n"),
        ("mount \"/a\" = s { read-only = \"no\" }", "E0201 \"no\""),
        ("assert n", "E0201 n"),
        ("place { prefer spread over rack weight s }", "E0201 s"),
        ("place { spread over rack max-skew 1.5 }", "E0201 1.5"),
        ("place { on pool n }", "E0201 n"),
        ("place { on label a = [s, n] }", ""),
        ("sidecar c { cpu = 1s }", "E0201 1s"),
        ("after r when s", "E0201 s"),
    ]);
}

#[test]
fn what_evaluation_need_not_see_is_checked() {
    for (statement, expected) in [
        ("let a = true or s", "E0201 s"),
        ("let a: List<Int> = if n == 1 then [1] else [\"a\"]", "E0201 if n == 1 then [1] else [\"a\"]"),
        ("let a: { x: Int = \"\" } = {}", "E0201 \"\""),
        ("let a = group.foo.bar", "E0204 bar"),
        ("worker { flags { a = m } }", "E0201 m"),
        ("flags { for x in xs: [x] = r }", "E0201 r"),
        ("assert n == 1, xs", "E0201 xs"),
    ] {
        assert_eq!(errors(&template(statement)).join("; "), expected, "{statement}");
    }
}

#[test]
fn calls_of_templates_are_checked() {
    let lib = "template A(n: Int, s: String = \"\") { image = \"x:1\" }\ntemplate B { image = \"x:1\" }\n\
               template R(to: List<Role<A>>) { image = \"x:1\" }\ntemplate G for group { role x is A(1) }\n";
    for (rest, expected) in [
        ("template T is A(1) {}", ""),
        ("template T is A(\"1\") {}", "E0201 \"1\""),
        ("template T is A {}", "E0203 A"),
        ("template T is A(1, \"\", 2) {}", "E0203 2"),
        ("template T is A(1, n = 2) {}", "E0203 2"),
        ("template T is A(1, x = 2) {}", "E0203 x"),
        ("template T is G {}", "E0201 G"),
        ("template T for group { role a is A(s = 1, n = 2) }", "E0201 1"),
        ("template T for group { role a is A(1)  role b is R(a) }", ""),
        ("template T for group { role a is A(1)  role b is R([a, 1]) }", "E0201 [a, 1]"),
        ("group g is G { role b is R(x) }", ""),
        ("group g is G { role c is B  role b is R(c) }", "E0201 c"),
        ("group g { role a is B  let x = group.b }", "E0204 b"),
        ("group g { role a is B  assert a.image == 1 or true }", "E0202 a.image == 1"),
        ("group g { labels { a = 1 } role a is B }", ""),
        ("group g { labels = 1 role a is B }", "E0201 1"),
        ("edge E(from: A, to: B) { over = 1  weight = \"2\" }", "E0201 1; E0201 \"2\""),
        (
            "edge E(from: A, to: B) { revision = \"any\"  assert from.image == to.pods }",
            "E0201 \"any\"; E0202 from.image == to.pods",
        ),
        ("edge E(from: A, to: B) { from { env { X = 1s / 1 } gpus = s } let s = \"\" }", "E0201 s"),
    ] {
        assert_eq!(errors(&format!("{lib}{rest}\n")).join("; "), expected, "{rest}");
    }
}

#[test]
fn what_was_reported_is_not_said_again() {
    let twice = "group g { role a { image = \"x:1\"  replicas = \"three\" + 1 } }\n";
    assert_eq!(errors(twice), ["E0202 \"three\" + 1"]);
    let inside = "group g { role a { image = \"x:1\"  flags { a = port.http + \"\" } } }\n";
    assert_eq!(errors(inside), ["E0305 http"]);
    let many =
        "template T(n: Int) { image = \"x:1\"  replicas = n + \"\" }\ngroup g { role a is T(1)  role b is T(2) }\n";
    assert!(errors(many).iter().all(|e| e == "E0202 n + \"\""));
}

#[test]
fn branches_that_are_not_taken_are_checked() {
    for (value, expected) in [
        ("if true then 1 else \"two\"", "E0201 if true then 1 else \"two\""),
        ("if true then 1 else 2 + \"\"", "E0202 2 + \"\""),
        ("if true or \"\" then 1 else 2", "E0201 \"\""),
        ("len([for x in []: 1 + \"\"])", "E0202 1 + \"\""),
        ("if true then 1 else unset", ""),
    ] {
        let source = format!("group g {{ role a {{ image = \"x:1\"  gpus = {value} }} }}\n");
        assert_eq!(errors(&source).join("; "), expected, "{value}");
    }
}

#[test]
fn the_standard_library_is_right() {
    for module in std_lib::MODULES {
        let source = format!("use {}\n", module.name);
        let found: Vec<String> = errors(&source).into_iter().filter(|e| !e.starts_with('W')).collect();
        assert_eq!(found, [""; 0], "{}", module.name);
    }
}

#[test]
fn long_and_deep_programs_end() {
    let chain: String = (0..3000).map(|i| format!("  let a{i} = a{} + 1\n", i + 1)).collect();
    let forward = format!("template T {{ image = \"x:1\"\n{chain}  let a3000 = \"\"\n}}\n");
    let nested: String = (1..3000).map(|i| format!("  let a{i} = [a{}, a{}]\n", i - 1, i - 1)).collect();
    let growing = format!("template T {{ image = \"x:1\"\n  let a0 = {{ x = 1 }}\n{nested}}}\n");
    let work = move || (errors(&forward), errors(&growing));
    let thread = std::thread::Builder::new().stack_size(64 << 20).spawn(work);
    let (forward, growing) = thread.expect("a thread").join().expect("no panic");
    assert_eq!(forward, ["E0202 a3000 + 1"]);
    assert_eq!(growing, [""; 0]);
}
