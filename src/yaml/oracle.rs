//! A reader of YAML 1.1 for tests: decides what a bare scalar would be to the readers around
//! Kubernetes. Written from their rules, and independent of the writer's.
//!
//! - go-yaml v2 as in `sigs.k8s.io/yaml` (`goyaml.v2/resolve.go`), which kubectl and the API use;
//! - `PyYAML` (`resolver.py`, implicit resolvers);
//! - the types of the YAML 1.1 repository (<https://yaml.org/type/>), the widest rules of all;
//! - the core schema of YAML 1.2.

/// Whether some reader takes a bare token for anything but a text.
pub(super) fn misread(token: &str) -> bool {
    word(token)
        || go_integer(token)
        || spec_integer(token)
        || float(token)
        || sexagesimal(token)
        || timestamp(token)
        || matches!(token, "" | "~" | "=" | "<<" | "null" | "Null" | "NULL")
}

fn word(token: &str) -> bool {
    let bools = ["y", "yes", "true", "on", "n", "no", "false", "off"];
    let any_case = |word: &&str| {
        let mut title = word.to_string();
        title[..1].make_ascii_uppercase();
        token == *word || token == word.to_uppercase() || token == title
    };
    let number = token.trim_start_matches(['+', '-']);
    bools.iter().any(any_case)
        || [".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"].contains(&number) && token.len() - number.len() <= 1
}

/// `strconv.ParseInt(plain, 0, 64)` after go-yaml removed every underscore: a leading zero means octal.
fn go_integer(token: &str) -> bool {
    let plain = token.replace('_', "");
    let digits = unsigned(&plain);
    let lower = digits.to_ascii_lowercase();
    let based = |prefix: &str, base: u32| {
        lower.strip_prefix(prefix).is_some_and(|d| !d.is_empty() && d.chars().all(|c| c.is_digit(base)))
    };
    token.starts_with(|c: char| c.is_ascii_digit() || c == '+' || c == '-')
        && (based("0b", 2) || based("0o", 8) || based("0x", 16) || based("", 10))
}

/// `[-+]?0b[0-1_]+`, `[-+]?0[0-7_]+`, `[-+]?(0|[1-9][0-9_]*)`, `[-+]?0x[0-9a-fA-F_]+`, YAML 1.2's `0o[0-7]+`,
/// and with commas as Ruby allows.
fn spec_integer(token: &str) -> bool {
    let digits = unsigned(token);
    let all =
        |rest: &str, base: u32| !rest.is_empty() && rest.chars().all(|c| c.is_digit(base) || c == '_' || c == ',');
    match digits.as_bytes() {
        [b'0', b'b' | b'B', ..] => all(&digits[2..], 2),
        [b'0', b'o' | b'O', ..] => all(&digits[2..], 8),
        [b'0', b'x' | b'X', ..] => all(&digits[2..], 16),
        [b'0'..=b'9', ..] => all(digits, 10),
        _ => false,
    }
}

/// The union of `[-+]?([0-9][0-9_]*)?\.[0-9._]*([eE][-+]?[0-9]+)?` and go-yaml's
/// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`.
fn float(token: &str) -> bool {
    let plain = unsigned(token).replace(['_', ','], "");
    let (mantissa, exponent) = match plain.find(['e', 'E']) {
        Some(at) => (&plain[..at], Some(&plain[at + 1..])),
        None => (plain.as_str(), None),
    };
    let whole = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    unsigned(token).starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && !mantissa.is_empty()
        && mantissa.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && exponent.is_none_or(|e| whole(unsigned(e)))
}

/// `[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?`.
fn sexagesimal(token: &str) -> bool {
    let mut parts = unsigned(token).split(':');
    let head = parts.next().unwrap_or_default();
    let mut more = 0;
    head.starts_with(|c: char| c.is_ascii_digit())
        && head.bytes().all(|b| b.is_ascii_digit() || b == b'_')
        && parts.all(|part| {
            more += 1;
            let whole = part.split('.').next().unwrap_or_default();
            (1..=2).contains(&whole.len()) && part.bytes().all(|b| b.is_ascii_digit() || b == b'_' || b == b'.')
        })
        && more > 0
}

/// `YYYY-M-D`, alone or followed by `T`, `t` or blanks, a time and a zone.
fn timestamp(token: &str) -> bool {
    let mut rest = token;
    let mut number = |longest: usize, then: &str| -> bool {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let Some(after) = rest[digits..].strip_prefix(then) else { return false };
        rest = after;
        (1..=longest).contains(&digits)
    };
    if !(number(4, "-") && number(2, "-") && number(2, "")) {
        return false;
    }
    let time = rest.strip_prefix(['T', 't', ' ', '\t']).map(str::trim_start);
    rest.is_empty() || time.is_some_and(|t| t.bytes().all(|b| b.is_ascii_digit() || b":.-+Zz \t".contains(&b)))
}

fn unsigned(token: &str) -> &str {
    token.strip_prefix(['+', '-']).unwrap_or(token)
}

#[test]
fn the_oracle_knows_what_was_measured() {
    // As read back by kubectl, kubeconform and PyYAML.
    let others = "y n Y N yes no on off true false On ON null Null ~ = << 1_000 1__0 0777 0o777 0o7 0b101 0b11 0x1F 1e3 \
                  1e+07 1e5_ 1234567e8 .5 5. 1.0 +1 -1 08 00 012 .inf .NaN -.INF 12:30 190:20:30 2020-01-01 \
                  2001-12-14t21:59:43.10-05:00 1,000 0 -0x_1 +.inf 1.5e-3 +0b1_0";
    for token in others.split(' ').chain(["", "2001-12-14 21:59:43.10 -5"]) {
        assert!(misread(token), "{token}");
    }
    for token in "yess tRUE nope a1 8Gi 500m 1h x:30 --no -y 10.0.0.0/8 v1 e3 0xg sha256:12 no-op /0 _1".split(' ') {
        assert!(!misread(token), "{token}");
    }
}
