//! The inverse of unfolding hostlists: many names as one text, in the same order.

/// A name taken apart at a number, or as a whole.
enum Term<'n> {
    One(&'n str),
    Many { prefix: &'n str, suffix: &'n str, ranges: Vec<Range<'n>> },
}

/// Consecutive numbers: the text of the first and of the last, and the value of the last.
struct Range<'n> {
    first: &'n str,
    last: &'n str,
    value: u64,
}

impl<'n> Range<'n> {
    fn new(text: &'n str) -> Option<Self> {
        Some(Range { first: text, last: text, value: number(text)? })
    }

    /// Takes up the next number, written as the hostlist would write it.
    fn extend(&mut self, text: &'n str) -> bool {
        let padded = self.first.len() > 1 && self.first.starts_with('0');
        let width = if padded { self.first.len() } else { 1 };
        let next = number(text).filter(|n| *n == self.value + 1 && format!("{n:0width$}") == text);
        // A padded range has the same width on both sides.
        let next = next.filter(|_| !padded || text.len() == self.first.len());
        if let Some(value) = next {
            (self.last, self.value) = (text, value);
        }
        next.is_some()
    }
}

/// At most 18 ASCII digits, as hostlists read them.
fn number(text: &str) -> Option<u64> {
    let digits = (1..=18).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// Names as a hostlist.
pub fn hostlist(names: &[&str]) -> String {
    text(names.iter().map(|name| (*name, 1)))
}

/// Values as a pattern, in which ` xN` tells how often each one stands in a row.
pub fn pattern(values: &[&str]) -> String {
    text(values.chunk_by(|a, b| a == b).map(|run| (run[0], run.len())))
}

fn text<'n>(items: impl Iterator<Item = (&'n str, usize)>) -> String {
    let mut terms: Vec<(Term<'n>, usize)> = Vec::new();
    for (name, count) in items {
        let last = terms.last_mut().filter(|(_, times)| *times == count);
        if !last.is_some_and(|(term, _)| term.take_up(name)) {
            terms.push((Term::One(name), count));
        }
    }
    let mut out = String::new();
    for (term, count) in terms {
        if !out.is_empty() {
            out.push(',');
        }
        term.write(&mut out);
        if count > 1 {
            out.push_str(&format!(" x{count}"));
        }
    }
    out
}

impl<'n> Term<'n> {
    /// Takes up another name that differs in one number, upwards.
    fn take_up(&mut self, name: &'n str) -> bool {
        match self {
            Term::One(first) => match split(first, name) {
                Some(term) => {
                    *self = term;
                    true
                }
                None => false,
            },
            Term::Many { prefix, suffix, ranges } => {
                let inside = name.strip_prefix(*prefix).and_then(|rest| rest.strip_suffix(*suffix));
                inside.is_some_and(|digits| extend(ranges, digits))
            }
        }
    }

    fn write(&self, out: &mut String) {
        match self {
            Term::One(name) => out.push_str(name),
            Term::Many { prefix, suffix, ranges } => {
                let range = |range: &Range<'_>| match range.first == range.last {
                    true => range.first.to_owned(),
                    false => format!("{}-{}", range.first, range.last),
                };
                let ranges: Vec<String> = ranges.iter().map(range).collect();
                out.push_str(&format!("{prefix}[{}]{suffix}", ranges.join(",")));
            }
        }
    }
}

/// Adds a number to the ranges, if it is larger than all of them.
fn extend<'n>(ranges: &mut Vec<Range<'n>>, digits: &'n str) -> bool {
    let (Some(last), Some(range)) = (ranges.last_mut(), Range::new(digits)) else { return false };
    if last.extend(digits) {
        return true;
    }
    let larger = range.value > last.value;
    if larger {
        ranges.push(range);
    }
    larger
}

/// Two names that differ in one number, the second one larger.
fn split<'n>(a: &'n str, b: &'n str) -> Option<Term<'n>> {
    let same = a.bytes().zip(b.bytes()).take_while(|(x, y)| x == y).count();
    let start = a[..floor(a, same)].trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let (prefix, rest_a, rest_b) = (&a[..start], &a[start..], b.get(start..)?);
    let digits = |rest: &str| rest.bytes().take_while(u8::is_ascii_digit).count();
    let (first, suffix) = rest_a.split_at(digits(rest_a));
    let (second, other) = rest_b.split_at(digits(rest_b));
    if suffix != other {
        return None;
    }
    let mut ranges = vec![Range::new(first)?];
    extend(&mut ranges, second).then_some(Term::Many { prefix, suffix, ranges })
}

/// The largest place up to this one where a character begins.
fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::hostlist::Hostlist;
    use proptest::prelude::*;

    #[track_caller]
    fn check(names: &[&str], expected: &str) {
        assert_eq!(hostlist(names), expected);
        assert_eq!(Hostlist::parse(expected).unwrap().expand(), names);
    }

    #[test]
    fn names_are_folded_at_one_number() {
        check(&["gpu-001", "gpu-002", "gpu-003"], "gpu-[001-003]");
        check(&["n8", "n9", "n10", "n12"], "n[8-10,12]");
        check(&["n08", "n09", "n10"], "n[08-10]");
        check(&["n99", "n100"], "n[99-100]");
        check(&["n099", "n100", "n1000"], "n[099-100,1000]");
        check(&["r1n1", "r1n2", "r2n1"], "r1n[1-2],r2n1");
        check(&["ip-10-0-0-9.x", "ip-10-0-0-10.x"], "ip-10-0-0-[9-10].x");
        check(&["a", "b"], "a,b");
        check(&["2", "1"], "2,1");
        check(&["n1", "n01"], "n1,n01");
    }

    #[test]
    fn values_are_folded_with_their_runs() {
        assert_eq!(pattern(&["r1", "r1", "r2", "r2", "r3"]), "r[1-2] x2,r3");
        assert_eq!(pattern(&["a", "a"]), "a x2");
        assert_eq!(pattern(&["a"]), "a");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn unfolding_gives_the_names_back(names in prop::collection::vec("[ab]{0,1}[0-2]{1,3}(-[01]{1,2})?", 1..20)) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            prop_assert_eq!(Hostlist::parse(&hostlist(&names)).unwrap().expand(), names.clone());
            prop_assert_eq!(Hostlist::parse_pattern(&pattern(&names)).unwrap().expand(), names);
        }
    }
}
