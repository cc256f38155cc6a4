//! Examples, and the proofs against two readers of YAML 1.2 and the rules of YAML 1.1.

use proptest::prelude::*;

use super::*;
use crate::data::Text;

#[track_caller]
fn check(data: impl Into<Data>, expected: &str) {
    let data = data.into();
    let text = document(&data, None);
    assert_eq!(text, expected);
    assert_eq!(read(&text), value(&data));
}

#[track_caller]
fn check_scalar(text: &'static str, expected: &str) {
    check(Map::new().with("x", text), &format!("x: {expected}\n"));
}

fn read(text: &str) -> serde_yaml::Value {
    serde_yaml::from_str(text).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

/// What a reader should see: the data without what is null.
fn value(data: &Data) -> serde_yaml::Value {
    use serde_yaml::Value;
    let written = |data: &&Data| **data != Data::Null;
    match data {
        Data::Null => Value::Null,
        Data::Bool(flag) => Value::Bool(*flag),
        Data::Int(number) => Value::Number((*number).into()),
        Data::Float(number) => Value::Number((*number).into()),
        Data::Str(text) => Value::String(text.to_string()),
        Data::List(list) => Value::Sequence(list.iter().filter(written).map(value).collect()),
        Data::Map(map) => {
            let entries = map.iter().filter(|(_, v)| written(v));
            Value::Mapping(entries.map(|(k, v)| (Value::String(k.into()), value(v))).collect())
        }
    }
}

#[test]
fn an_object_reads_as_kubectl_writes_it() {
    let labels = Map::new().with("zone", "a").with("name", "b").with("app.kubernetes.io/name", "c");
    let port = Map::new().with("protocol", "TCP").with("containerPort", 8000).with("name", "http");
    let container = Map::new()
        .with("args", vec!["--port", "8000", "-c", "a: b"])
        .with("ports", vec![port])
        .with("resources", Map::new())
        .with("image", "x/y:v1")
        .with("name", "main")
        .with("absent", Data::Null);
    let object = Map::new()
        .with("spec", Map::new().with("podSelector", Map::new()).with("containers", vec![container]))
        .with("metadata", Map::new().with("labels", labels).with("namespace", "prod").with("name", "demo"))
        .with("kind", "Pod")
        .with("apiVersion", "v1");
    check(
        object,
        "\
apiVersion: v1
kind: Pod
metadata:
  name: demo
  namespace: prod
  labels:
    app.kubernetes.io/name: c
    name: b
    zone: a
spec:
  podSelector: {}
  containers:
  - name: main
    image: x/y:v1
    args:
    - --port
    - \"8000\"
    - -c
    - \"a: b\"
    ports:
    - name: http
      containerPort: 8000
      protocol: TCP
    resources: {}
",
    );
}

#[test]
fn lists_of_lists_and_nothing() {
    let inner = Data::List(vec![Data::Int(1), Data::Null, Data::Int(2)]);
    let nothing = Data::List(vec![Data::Null]);
    let maps = Map::new().with("a", Data::Null);
    check(
        vec![inner.clone(), Data::List(vec![inner]), nothing, maps.into()],
        "- - 1\n  - 2\n- - - 1\n    - 2\n- []\n- {}\n",
    );
    check(Map::new(), "{}\n");
    check(Vec::<Data>::new(), "[]\n");
    check(Data::Null, "null\n");
}

#[test]
fn texts_that_look_like_something_else_are_quoted() {
    for text in ["y", "No", "oN", "NULL", "1_000", "0777", "1e3", "12:30", "2020-01-01", "1234567e8", "0.0.0.0", "="] {
        check_scalar(text, &format!("\"{text}\""));
    }
    for text in
        ["", " a", "a ", "a: b", "a:", "a #b", "- a", "---", "-1", "[a", "*a", "&a", "!a", "%a", "@a", "'a'", "~"]
    {
        check_scalar(text, &format!("\"{text}\""));
    }
}

#[test]
fn plain_texts_stay_plain() {
    let texts =
        ["8Gi", "500m", "--tp-size", "-c", "http://a-0.s-a.ns:8000/v1", "a=b,c=d", "x y", "$(POD_NAME)", "/tmp"];
    for text in texts.into_iter().chain(["10.0.0.0/8", "a:b", "nvidia.com/gpu", "80%", "user@host", "_x", "y-n"]) {
        check_scalar(text, text);
    }
}

#[test]
fn quotes_and_escapes() {
    check_scalar(r#"{"a": "b\c"}"#, r#"'{"a": "b\c"}'"#);
    check_scalar(r#"it's "x""#, r#""it's \"x\"""#);
    check_scalar("a\tb\r", r#""a\tb\r""#);
    check_scalar("grüße 🚀", r#""grüße 🚀""#);
    check_scalar("\u{0}\u{7f}\u{85}\u{a0}\u{2028}\u{feff}", r#""\u0000\u007f\u0085\u00a0\u2028\ufeff""#);
    check_scalar("\u{202e}\u{e0041}", "\"\\u202e\\U000e0041\"");
    check(Map::new().with("on", 1).with("a b\n", 2).with("", 3), "\"\": 3\n\"a b\\n\": 2\n\"on\": 1\n");
}

#[test]
fn lines_become_blocks() {
    check_scalar("a\nb\n", "|\n  a\n  b");
    check_scalar("a\n\n  b", "|-\n  a\n\n    b");
    check_scalar("a\n\n", "|+\n  a\n");
    check_scalar(" a\nb\n", "|2\n   a\n  b");
    check_scalar("\na", "|2-\n\n  a");
    check_scalar("a \n\tb\n", "|\n  a \n  \tb");
    check_scalar("a: b #c\n---\n", "|\n  a: b #c\n  ---");
    check_scalar("\ta\n", r#""\ta\n""#);
    check_scalar("\n", r#""\n""#);
    check_scalar("a\n \n", r#""a\n \n""#);
    check_scalar("a\r\nb", r#""a\r\nb""#);
    check(vec!["a\nb\n", "c"], "- |\n  a\n  b\n- c\n");
    check("a\nb", "\"a\\nb\"\n");
}

#[test]
fn numbers() {
    let numbers = [1.0, -0.5, 1e21, 1.5e-9].map(Data::Float);
    check(Data::List(numbers.to_vec()), "- 1.0\n- -0.5\n- 1.0e+21\n- 1.5e-9\n");
    check(vec![i64::MIN, 0, i64::MAX], "- -9223372036854775808\n- 0\n- 9223372036854775807\n");
    check(Map::new().with("a", true), "a: true\n");
}

#[test]
fn long_keys_are_explicit() {
    let key = "k".repeat(2000);
    let map: Map =
        [(Text::from(key.clone()), Data::from(vec!["a"])), (Text::from("z"), Data::from(1))].into_iter().collect();
    check(Map::new().with("m", map), &format!("m:\n  ? {key}\n  :\n  - a\n  z: 1\n"));
}

#[test]
fn a_header_cannot_break_out() {
    let text = document(&Data::from(Map::new()), Some("from a\u{2028}b: c\n\nx\r\ny\u{85}\u{202e}"));
    assert_eq!(text, "# from a\\u{2028}b: c\n#\n# x\n# y\\u{85}\\u{202e}\n{}\n");
}

#[test]
fn a_stream_has_a_mark_before_each_document() {
    let one = Data::from(Map::new().with("a", 1));
    assert_eq!(stream([&one, &one]), "---\na: 1\n---\na: 1\n");
}

/// What YAML cares about.
#[rustfmt::skip]
const PIECES: &[&str] = &[
    "a", "y", "no", "NULL", "0", "12", "7", "_", "e", "E", "x", "o", "b", "-", "--", "+", ".", ":", ": ", " #",
    "#", " ", "  ", "\n", "\n\n", "\t", "\r", "\"", "'", "\\", "{", "}", "[", "]", ",", "&", "*", "!", "|", ">",
    "%", "@", "`", "?", "? ", "- ", "---", "...", "=", "<<", "~", ".inf", "2020-01-01", "T", "Z", "é", "\u{85}",
    "\u{2028}", "\u{feff}", "🚀", "\0", "\u{7f}", "$(X)", "/",
];

/// Texts with everything that YAML cares about.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => prop::collection::vec(prop::sample::select(PIECES), 0..8).prop_map(|p| p.concat()),
        2 => "[-+]?[0-9_.:, eExXobTZ+-]{1,10}",
        1 => any::<String>(),
        1 => "[a-zA-Z/._-]{1,12}",
    ]
}

fn data() -> impl Strategy<Value = Data> {
    let leaf = prop_oneof![
        1 => Just(Data::Null),
        1 => any::<bool>().prop_map(Data::Bool),
        1 => any::<i64>().prop_map(Data::Int),
        1 => any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(Data::Float),
        6 => text().prop_map(Data::from),
    ];
    let key = prop_oneof![3 => text(), 2 => prop::sample::select(&["name", "labels", "data", "args", "kind"][..]).prop_map(String::from)];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Data::List),
            prop::collection::vec((key.clone().prop_map(Text::from), inner), 0..6)
                .prop_map(|entries| Data::Map(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_reader_sees_the_same_data(data in data()) {
        let text = document(&data, Some("header"));
        prop_assert_eq!(read(&text), value(&data), "{}", text);
        prop_assert!(text.ends_with('\n') && !text.contains('\r'));
    }

    #[test]
    fn another_reader_sees_the_same_texts(texts in prop::collection::vec(text(), 1..6)) {
        let map = Map::new().with("m", Data::List(texts.iter().cloned().map(Data::from).collect()));
        let text = document(&map.into(), None);
        let read: std::collections::BTreeMap<String, Vec<String>> = serde_saphyr::from_str(&text)
            .map_err(|e| TestCaseError::fail(format!("{e}\n{text}")))?;
        prop_assert_eq!(&read["m"], &texts, "{}", text);
    }

    #[test]
    fn a_stream_is_read_document_by_document(items in prop::collection::vec(data(), 1..4)) {
        let text = stream(&items);
        let read: Vec<serde_yaml::Value> = serde_yaml::Deserializer::from_str(&text)
            .map(|d| serde::Deserialize::deserialize(d).unwrap())
            .collect();
        prop_assert_eq!(read, items.iter().map(value).collect::<Vec<_>>());
    }

    #[test]
    fn no_bare_text_is_misread_by_yaml_1_1(text in text()) {
        let written = document(&Data::from(text.clone()), None);
        let bare = !written.starts_with(['"', '\'']);
        prop_assert!(!bare || !oracle::misread(&text), "{}", text);
    }

    #[test]
    fn no_bare_key_is_misread_by_yaml_1_1(text in text()) {
        let written = document(&Map::from_iter([(Text::from(text.clone()), Data::Int(1))]).into(), None);
        let bare = !written.starts_with(['"', '\'', '?']);
        prop_assert!(!bare || !oracle::misread(&text), "{}", text);
    }
}

#[test]
fn every_short_token_is_safe() {
    let letters = b"019_+-.:,xobeEfnyT~=<i ";
    let mut tokens: Vec<Vec<u8>> = vec![Vec::new()];
    for _ in 0..4 {
        tokens = tokens.iter().flat_map(|t| letters.iter().map(move |l| [t.as_slice(), &[*l]].concat())).collect();
        for token in &tokens {
            let text = String::from_utf8(token.clone()).unwrap();
            let mut written = String::new();
            scalar::write_inline(&mut written, &text);
            assert!(written != text || !oracle::misread(&text), "{text}");
        }
    }
}
