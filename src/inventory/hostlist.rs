//! Hostlists: many names in one text, in the notation of Slurm.
//!
//! `gpu-[001-128]`, `a[1-3,7],b[01-02]`, `r[1-2]n[1-8]` (the last bracket runs fastest). A number
//! that begins with `0` pads all of its range to its width. In a domain pattern ` xN` after a term
//! repeats each of its values N times in a row: `r[01-16] x8`.

/// The longest name, as of a Kubernetes node: a million longer ones would fill the memory.
const LONGEST: usize = 253;

/// A parsed hostlist or domain pattern. Parsing makes no names yet, so that `n[1-1000000000]`
/// costs nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hostlist {
    terms: Vec<Term>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    parts: Vec<Part>,
    repeat: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Numbers(Vec<Numbers>),
}

/// Consecutive numbers, written with at least `width` digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Numbers {
    from: u64,
    to: u64,
    width: usize,
}

/// Why a text is no hostlist, and where: byte offsets in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// First byte of the culprit.
    pub lo: usize,
    /// First byte after it.
    pub hi: usize,
    /// What is wrong.
    pub message: String,
}

fn malformed<T>(lo: usize, hi: usize, message: impl Into<String>) -> Result<T, Malformed> {
    Err(Malformed { lo, hi, message: message.into() })
}

impl Hostlist {
    /// Reads a hostlist.
    ///
    /// # Errors
    /// The first place that is malformed.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        Self::parse_terms(text, false)
    }

    /// Reads a domain pattern: a hostlist whose terms may be repeated by ` xN`.
    ///
    /// # Errors
    /// The first place that is malformed.
    pub fn parse_pattern(text: &str) -> Result<Self, Malformed> {
        Self::parse_terms(text, true)
    }

    fn parse_terms(text: &str, repeats: bool) -> Result<Self, Malformed> {
        let mut terms = Vec::new();
        let mut lo = 0;
        loop {
            let hi = end_of_term(text, lo)?;
            terms.push(parse_term(text, lo, hi, repeats)?);
            if hi == text.len() {
                return Ok(Hostlist { terms });
            }
            lo = hi + 1;
        }
    }

    /// The number of names; `u64::MAX` when it is larger.
    pub fn count(&self) -> u64 {
        self.terms.iter().fold(0, |sum: u64, t| sum.saturating_add(t.names().saturating_mul(t.repeat)))
    }

    /// The only name of a text without brackets, commas and repetition.
    pub fn constant(&self) -> Option<&str> {
        match self.terms.as_slice() {
            [Term { parts, repeat: 1 }] => match parts.as_slice() {
                [Part::Text(text)] => Some(text),
                _ => None,
            },
            _ => None,
        }
    }

    /// All names in order. Ask for [`Hostlist::count`] first.
    pub fn expand(&self) -> Vec<String> {
        let mut names = Vec::new();
        for term in &self.terms {
            let once = term.expand();
            for name in once {
                names.extend(std::iter::repeat_n(name, usize::try_from(term.repeat).unwrap_or(usize::MAX)));
            }
        }
        names
    }
}

impl Term {
    /// An upper bound of the length of its names, in bytes.
    fn longest(&self) -> usize {
        let digits = |range: &Numbers| range.width.max(range.to.checked_ilog10().unwrap_or(0) as usize + 1);
        let part = |part: &Part| match part {
            Part::Text(text) => text.len(),
            Part::Numbers(ranges) => ranges.iter().map(digits).max().unwrap_or(0),
        };
        self.parts.iter().map(part).sum()
    }

    fn names(&self) -> u64 {
        self.parts.iter().fold(1, |product: u64, part| match part {
            Part::Text(_) => product,
            Part::Numbers(ranges) => product.saturating_mul(ranges.iter().fold(0, |n, r| n.saturating_add(r.len()))),
        })
    }

    fn expand(&self) -> Vec<String> {
        let mut names = vec![String::new()];
        for part in &self.parts {
            match part {
                Part::Text(text) => names.iter_mut().for_each(|name| name.push_str(text)),
                Part::Numbers(ranges) => {
                    let suffixed = |prefix: &String, r: &Numbers| {
                        let (prefix, width) = (prefix.clone(), r.width);
                        (r.from..=r.to).map(move |n| format!("{prefix}{n:0width$}"))
                    };
                    names = names.iter().flat_map(|p| ranges.iter().flat_map(move |r| suffixed(p, r))).collect();
                }
            }
        }
        names
    }
}

impl Numbers {
    fn len(self) -> u64 {
        (self.to - self.from).saturating_add(1)
    }
}

/// The offset of the comma that ends the term which begins at `lo`, or the length of the text.
fn end_of_term(text: &str, lo: usize) -> Result<usize, Malformed> {
    let mut open = None;
    for (at, byte) in text.bytes().enumerate().skip(lo) {
        match (byte, open) {
            (b'[', None) => open = Some(at),
            (b'[', Some(_)) => return malformed(at, at + 1, "brackets cannot be nested"),
            (b']', None) => return malformed(at, at + 1, "`]` closes nothing"),
            (b']', Some(_)) => open = None,
            (b',', None) => return Ok(at),
            _ => {}
        }
    }
    match open {
        Some(at) => malformed(at, at + 1, "`[` is not closed"),
        None => Ok(text.len()),
    }
}

fn parse_term(text: &str, mut lo: usize, mut hi: usize, repeats: bool) -> Result<Term, Malformed> {
    let term = &text[lo..hi];
    lo += term.len() - term.trim_start_matches(' ').len();
    hi -= term.len() - term.trim_end_matches(' ').len();
    if lo >= hi {
        return malformed(lo.min(hi), hi.max(lo), "a name is missing here");
    }
    let mut repeat = 1;
    if let Some(space) = text[lo..hi].rfind(' ').filter(|_| repeats) {
        let word = &text[lo + space + 1..hi];
        let times = word.strip_prefix('x').and_then(number);
        let Some(times) = times.filter(|n| *n > 0) else {
            return malformed(lo + space + 1, hi, "expected a repetition such as `x8`");
        };
        repeat = times;
        hi = lo + text[lo..lo + space].trim_end_matches(' ').len();
    }
    let term = Term { parts: parse_parts(text, lo, hi)?, repeat };
    if term.longest() > LONGEST {
        malformed(lo, hi, format!("names longer than {LONGEST} characters"))
    } else {
        Ok(term)
    }
}

fn parse_parts(text: &str, lo: usize, hi: usize) -> Result<Vec<Part>, Malformed> {
    let mut parts = Vec::new();
    let mut at = lo;
    while at < hi {
        let rest = &text[at..hi];
        if let Some(inside) = rest.strip_prefix('[') {
            let close = inside.find(']').unwrap_or(inside.len());
            parts.push(Part::Numbers(parse_ranges(text, at + 1, at + 1 + close)?));
            at += close + 2;
        } else {
            let end = rest.find('[').unwrap_or(rest.len());
            if let Some(space) = rest[..end].find(|c: char| c.is_whitespace() || c.is_control()) {
                return malformed(at + space, at + space + 1, "a name cannot hold white space");
            }
            parts.push(Part::Text(rest[..end].to_owned()));
            at += end;
        }
    }
    Ok(parts)
}

fn parse_ranges(text: &str, lo: usize, hi: usize) -> Result<Vec<Numbers>, Malformed> {
    let mut ranges = Vec::new();
    let mut at = lo;
    for item in text[lo..hi].split(',') {
        let end = at + item.len();
        let (from, to) = item.split_once('-').unwrap_or((item, item));
        let (Some(first), Some(last)) = (number(from), number(to)) else {
            return malformed(at, end, "expected numbers such as `1-8`");
        };
        let padded = from.len() > 1 && from.starts_with('0');
        if (padded || (to.len() > 1 && to.starts_with('0'))) && from.len() != to.len() {
            return malformed(at, end, "padded numbers must have the same width on both sides");
        }
        if last < first {
            return malformed(at, end, "the range runs backwards");
        }
        ranges.push(Numbers { from: first, to: last, width: if padded { from.len() } else { 1 } });
        at = end + 1;
    }
    Ok(ranges)
}

/// At most 18 ASCII digits.
fn number(text: &str) -> Option<u64> {
    let digits = (1..=18).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let list = Hostlist::parse_pattern(text).expect(text);
        assert_eq!(list.expand().join(" "), expected);
        assert_eq!(list.count(), list.expand().len() as u64);
    }

    #[test]
    fn lists_unfold() {
        check("a", "a");
        check("a,b", "a b");
        check("n[1-3]", "n1 n2 n3");
        check("n[08-11]", "n08 n09 n10 n11");
        check("n[8-11]", "n8 n9 n10 n11");
        check("n[0-2]", "n0 n1 n2");
        check("a[1-3,7],b[01-02]", "a1 a2 a3 a7 b01 b02");
        check("r[1-2]n[1-2].x", "r1n1.x r1n2.x r2n1.x r2n2.x");
        check("[1-2]", "1 2");
        check("a, b", "a b");
    }

    #[test]
    fn patterns_repeat() {
        check("a x3", "a a a");
        check("r[1-2] x2", "r1 r1 r2 r2");
        check("a x2, b[1-2] x1", "a a b1 b2");
        check("x2", "x2");
    }

    #[test]
    fn a_hostlist_has_no_repetition() {
        let problem = Hostlist::parse("a x3").unwrap_err();
        assert_eq!((problem.lo, problem.hi), (1, 2));
    }

    #[test]
    fn only_a_plain_value_is_constant() {
        let constant = |text| Hostlist::parse_pattern(text).ok().and_then(|list| list.constant().map(str::to_owned));
        assert_eq!(constant("a").as_deref(), Some("a"));
        assert_eq!(constant(" a ").as_deref(), Some("a"));
        assert_eq!(constant("a x1").as_deref(), Some("a"));
        assert_eq!(constant("a x2"), None);
        assert_eq!(constant("a[1]"), None);
        assert_eq!(constant("a,b"), None);
    }

    /// A term as text, and what it stands for by the definition.
    fn term() -> impl Strategy<Value = (String, Vec<String>)> {
        let range = (0_u64..120, 0_u64..12, 0_usize..4);
        let part = ("[a-z]{1,3}", prop::collection::vec(range, 1..4));
        (prop::collection::vec(part, 0..3), "[a-z.]{0,2}", 1_usize..4).prop_map(|(parts, suffix, repeat)| {
            let (mut text, mut names) = (String::new(), vec![String::new()]);
            for (prefix, ranges) in parts {
                let mut numbers = Vec::new();
                let mut items = Vec::new();
                for (from, more, pad) in ranges {
                    let to = from + more;
                    // Padding needs equal widths, and a zero in front.
                    let width = if pad > to.to_string().len() { pad } else { 1 };
                    items.push(format!("{from:0width$}-{to:0width$}"));
                    numbers.extend((from..=to).map(|n| format!("{n:0width$}")));
                }
                text.push_str(&format!("{prefix}[{}]", items.join(",")));
                let longer = |name: &String| numbers.iter().map(|n| format!("{name}{prefix}{n}")).collect::<Vec<_>>();
                names = names.iter().flat_map(longer).collect();
            }
            text.push_str(&suffix);
            names.iter_mut().for_each(|name| name.push_str(&suffix));
            if text.is_empty() {
                (text, names) = ("z".to_owned(), vec!["z".to_owned()]);
            }
            let names = names.into_iter().flat_map(|name| vec![name; repeat]).collect();
            (if repeat > 1 { format!("{text} x{repeat}") } else { text }, names)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn unfolding_agrees_with_the_definition(terms in prop::collection::vec(term(), 1..4)) {
            let text: Vec<&str> = terms.iter().map(|(text, _)| text.as_str()).collect();
            let list = Hostlist::parse_pattern(&text.join(",")).expect("well formed");
            let expected: Vec<String> = terms.iter().flat_map(|(_, names)| names.clone()).collect();
            prop_assert_eq!(list.count(), expected.len() as u64);
            prop_assert_eq!(list.expand(), expected);
        }

        #[test]
        fn any_text_is_read_or_refused_within_it(text in "[a-c0-3\\[\\],x é-]{0,24}") {
            for parsed in [Hostlist::parse(&text), Hostlist::parse_pattern(&text)] {
                match parsed {
                    Ok(list) if list.count() < 1_000 => prop_assert_eq!(list.expand().len() as u64, list.count()),
                    Ok(_) => {}
                    Err(problem) => prop_assert!(problem.lo <= problem.hi && problem.hi <= text.len()),
                }
            }
        }
    }
}
