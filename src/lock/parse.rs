//! Reading a lock. It may come from anybody: every entry is checked as if it were hostile.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

mod affinity;

use super::path;
use super::{Digest, FIRST_LINE, Instance, Lock};
use crate::diag::{Code, Diagnostic, Session};
use crate::naming::is_dns_label;
use crate::source::{FileId, Span};

/// Damages that are reported of one lock. A file that is no lock at all would fill the screen.
const MOST_DAMAGES: usize = 10;

/// A part of a line and where it stands.
#[derive(Clone, Copy)]
struct Word<'t> {
    text: &'t str,
    span: Span,
}

/// What is wrong, and where.
struct Damage {
    span: Span,
    message: String,
}

type Parsed<T> = Result<T, Damage>;

impl Lock {
    /// Reads a lock. Reports E0804 at every entry that is damaged, and returns `None` then.
    pub fn parse(s: &mut Session, file: FileId) -> Option<Lock> {
        let source = s.sources.file(file);
        let mut lines = split(Word { text: &source.text, span: source.span() }, '\n');
        // What follows the last line feed must be nothing, else the end is missing.
        let rest = lines.pop().filter(|rest| !rest.text.is_empty());
        let mut lines = lines.into_iter();
        let mut damages = Vec::new();
        match lines.next() {
            Some(first) if first.text == FIRST_LINE => {}
            Some(first) => damages.push(wrong_version(first)),
            None => damages.push(Damage { span: source.span(), message: "the lock is empty".into() }),
        }
        let mut lock = Lock { edition: 0, ..Lock::default() };
        if damages.is_empty() {
            damages.extend(lines.filter_map(|line| lock.entry(line).err()).take(MOST_DAMAGES));
            damages.extend(
                rest.map(|rest| Damage { span: rest.span, message: "the lock ends in the middle of a line".into() }),
            );
        }
        if damages.is_empty() && lock.edition == 0 {
            damages.push(Damage { span: source.span(), message: "the lock has no line `edition`".into() });
        }
        let sound = damages.is_empty();
        damages.into_iter().for_each(|damage| s.report(damaged(damage)));
        sound.then_some(lock)
    }

    /// Takes up one line.
    fn entry(&mut self, line: Word) -> Parsed<()> {
        if line.text.ends_with('\r') {
            return Err(bad(line, "ends in a carriage return: check it out with `text eol=lf`"));
        }
        let words = split(line, ' ');
        let texts: Vec<&str> = words.iter().map(|word| word.text).collect();
        match (texts.as_slice(), words.as_slice()) {
            (["affinity", _, _, ..], [_, site, words @ ..]) => {
                let words = affinity::affinity(words)?;
                insert(&mut self.affinities, line, affinity::site(*site)?, words)
            }
            (["edition", _], [_, year]) => {
                let free = self.edition == 0;
                self.edition = number(*year, 1..=9999)?;
                if free { Ok(()) } else { Err(bad(line, "is there twice")) }
            }
            (["exclusive", _], [_, level]) => {
                let new = self.exclusive.insert(token(*level)?.into());
                if new { Ok(()) } else { Err(bad(line, "is there twice")) }
            }
            (["file", ..], [_, path, digest]) => insert(&mut self.files, line, file(*path)?, hash(*digest)?),
            (["generation", _], [_, generation]) => {
                let free = self.generation == 1;
                self.generation = number(*generation, 2..=9999)?;
                if free { Ok(()) } else { Err(bad(line, "is there twice")) }
            }
            (["leaving", ..], [_, at, stood]) => {
                insert(&mut self.leaving, line, instance(*at)?, number(*stood, 0..=u32::MAX)?)
            }
            (["pin", ..], [_, at, pins]) => {
                let pins = split(*pins, ',').into_iter().map(pin).collect::<Parsed<_>>()?;
                insert(&mut self.pins, line, instance(*at)?, pins)
            }
            (["place", ..], [_, at, nodes]) => {
                let nodes = split(*nodes, ',').into_iter().map(node).collect::<Parsed<_>>()?;
                insert(&mut self.places, line, instance(*at)?, nodes)
            }
            (["revision", _, _, _, ..], [_, from, to, values @ ..]) => {
                let ends = (label(*from)?, label(*to)?);
                insert(&mut self.revisions, line, ends, revision(values)?)
            }
            (["step", ..], [_, at, step]) => {
                insert(&mut self.steps, line, instance(*at)?, number(*step, 0..=u32::MAX)?)
            }
            (["template", ..], [_, role, digest]) => insert(&mut self.templates, line, label(*role)?, hash(*digest)?),
            (["uses", _, _, ..], [_, role, pods @ ..]) => {
                let pods = pods.iter().map(|pod| amounts(*pod)).collect::<Parsed<_>>()?;
                insert(&mut self.uses, line, label(*role)?, pods)
            }
            (["<<<<<<<" | "=======" | ">>>>>>>", ..], _) => Err(bad(line, "is left of a merge conflict")),
            _ => Err(bad(line, "is no entry of a lock")),
        }
    }
}

fn insert<K: Ord, V>(map: &mut BTreeMap<K, V>, line: Word, key: K, value: V) -> Parsed<()> {
    match map.entry(key) {
        Entry::Vacant(place) => {
            place.insert(value);
            Ok(())
        }
        Entry::Occupied(_) => Err(bad(line, "is there twice")),
    }
}

fn file(word: Word) -> Parsed<String> {
    match path::check_in_lock(word.text) {
        Ok(()) => Ok(word.text.into()),
        Err(fault) => Err(bad(word, fault.text())),
    }
}

fn hash(word: Word) -> Parsed<Digest> {
    let no_hash = || bad(word, "is no `sha256:` with 64 digits");
    let digits = word.text.strip_prefix("sha256:").ok_or_else(no_hash)?;
    let canonical = digits.len() == 64 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let mut digest = [0; 32];
    for (byte, pair) in digest.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).map_err(|_| no_hash())?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| no_hash())?;
    }
    if canonical { Ok(Digest(digest)) } else { Err(no_hash()) }
}

fn instance(word: Word) -> Parsed<Instance> {
    match split(word, '/')[..] {
        [role, index] => Ok(Instance { role: label(role)?, index: number(index, 0..=u32::MAX)? }),
        _ => Err(bad(word, "is no instance of a role, such as `prefill/0`")),
    }
}

fn label(word: Word) -> Parsed<String> {
    if is_dns_label(word.text) { Ok(word.text.into()) } else { Err(bad(word, "is no name of a role")) }
}

fn node(word: Word) -> Parsed<String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let sound = (1..=253).contains(&word.text.len()) && word.text.bytes().all(plain);
    if sound { Ok(word.text.into()) } else { Err(bad(word, "is no name of a node")) }
}

fn pin(word: Word) -> Parsed<(String, String)> {
    let (level, domain) = pair(word)?;
    Ok((token(level)?.into(), graphic(domain)?.into()))
}

fn revision(words: &[Word]) -> Parsed<BTreeMap<String, String>> {
    let mut values = BTreeMap::new();
    for word in words {
        let (name, value) = pair(*word)?;
        insert(&mut values, *word, token(name)?.into(), graphic(value)?.into())?;
    }
    Ok(values)
}

fn amounts(word: Word) -> Parsed<BTreeMap<String, i64>> {
    let mut amounts = BTreeMap::new();
    if word.text == "-" {
        return Ok(amounts);
    }
    for part in split(word, ',') {
        let (resource, amount) = pair(part)?;
        insert(&mut amounts, part, token(resource)?.into(), number(amount, 0..=i64::MAX)?)?;
    }
    Ok(amounts)
}

/// A name that stands before an equals sign.
fn token(word: Word<'_>) -> Parsed<&str> {
    if word.text.contains(['=', ',']) { Err(bad(word, "is no name")) } else { graphic(word) }
}

fn graphic(word: Word<'_>) -> Parsed<&str> {
    let sound = (1..=1024).contains(&word.text.len()) && word.text.bytes().all(|b| b.is_ascii_graphic());
    if sound { Ok(word.text) } else { Err(bad(word, "is no name")) }
}

/// A number as it is written canonically: no sign, no leading zero.
fn number<N>(word: Word, range: std::ops::RangeInclusive<N>) -> Parsed<N>
where
    N: std::str::FromStr + PartialOrd + ToString,
{
    let canonical = |n: &N| range.contains(n) && n.to_string() == word.text;
    word.text.parse().ok().filter(canonical).ok_or_else(|| bad(word, "is no number that can stand here"))
}

fn pair(word: Word<'_>) -> Parsed<(Word<'_>, Word<'_>)> {
    let at = word.text.find('=').ok_or_else(|| bad(word, "is no pair with `=`"))?;
    let middle = word.span.lo + at as u32;
    let key = Word { text: &word.text[..at], span: Span::new(word.span.lo, middle) };
    let value = Word { text: &word.text[at + 1..], span: Span::new(middle + 1, word.span.hi) };
    Ok((key, value))
}

/// The parts between separators of one byte; at least one.
fn split(word: Word<'_>, separator: char) -> Vec<Word<'_>> {
    let mut lo = word.span.lo;
    let part = |text: &str| {
        let span = Span::new(lo, lo + text.len() as u32);
        lo = span.hi + 1;
        span
    };
    word.text.split(separator).scan(part, |part, text| Some(Word { text, span: part(text) })).collect()
}

fn bad(word: Word, what: &str) -> Damage {
    let text: String = word.text.chars().take(80).collect();
    let dots = if text.len() < word.text.len() { "…" } else { "" };
    Damage { span: word.span, message: format!("`{}{dots}` {what}", text.escape_debug()) }
}

fn wrong_version(first: Word) -> Damage {
    let newer = first.text.starts_with("rbgc.lock ");
    bad(first, if newer { "is a format that this compiler does not know" } else { "is not `rbgc.lock 1`" })
}

fn damaged(damage: Damage) -> Diagnostic {
    Diagnostic::new(Code::BadLock, damage.span, format!("the lock is damaged: {}", damage.message))
        .help("restore it from version control; after a merge take either side, then compile again")
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::{Path, PathBuf};

    use proptest::prelude::*;

    use super::*;
    use crate::lock::affinity::{Affinity, Expression, PodTerm, Pods, Site, Spread, Taint};
    use crate::source::World;

    struct Nothing;

    impl World for Nothing {
        fn read(&self, _: &Path, _: u64) -> io::Result<Vec<u8>> {
            Err(io::ErrorKind::NotFound.into())
        }
        fn resolve(&self, _: &Path) -> io::Result<PathBuf> {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    fn parse(text: &str) -> Result<Lock, Vec<String>> {
        let mut s = Session::new(&Nothing, ".");
        let file = s.sources.add("rbgc.lock", text).expect("a short text");
        let lock = Lock::parse(&mut s, file);
        let show = |d: &Diagnostic| {
            let place = d.span().and_then(|span| s.sources.locate(span)).expect("a place");
            format!("{}:{}-{} {}", place.line, place.column, place.end_column, d.message)
        };
        assert!(s.problems.iter().all(|d| d.code == Code::BadLock && d.help.is_some()));
        lock.ok_or_else(|| s.problems.iter().map(show).collect())
    }

    #[track_caller]
    fn check(entry: &str, expected: &str) {
        let problems = parse(&format!("rbgc.lock 1\nedition 2026\n{entry}\n")).expect_err(entry);
        assert_eq!(problems, [expected.replacen("@ ", " the lock is damaged: ", 1)], "{entry}");
    }

    const HASH: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn a_lock_as_it_is_written() {
        let text = format!(
            "rbgc.lock 1\naffinity r/-/pod asked:00000000000000ff near:zone:s\n\
             affinity r/2/pod asked:9f86d081884c7d65 need:zone=a&x/rack=r3 need:pool!=a|b like:100:host=n1|n2 \
             apart:x/rack:* spread:zone:1:-:required spread:zone:2:3:preferred taint:gpu=:NoSchedule lock-memory\n\
             edition 2026\nexclusive rack\nfile ../argocd/g.yaml {HASH}\nfile r/x.yaml {HASH}\n\
             generation 2\n\
             pin r/0 zone=a,rack=a/b1/r3\nplace r/2 n1,n2\nplace r/10 n3\n\
             revision r s --a=b=c image=x/y:1\nuses r cpu=64,nvidia.com/gpu=8 -\n"
        );
        let lock = parse(&text).expect("a sound lock");
        assert_eq!(lock.files["r/x.yaml"], Digest::of(b""));
        let affinity = &lock.affinities[&Site { role: "r".into(), index: Some(2), part: "pod".into() }];
        assert_eq!((affinity.required.len(), affinity.preferred[0].0, affinity.lock_memory), (2, 100, true));
        assert_eq!(lock.places[&Instance { role: "r".into(), index: 2 }], ["n1", "n2"]);
        assert_eq!(lock.pins[&Instance { role: "r".into(), index: 0 }][1], ("rack".into(), "a/b1/r3".into()));
        assert_eq!(lock.uses["r"][0]["nvidia.com/gpu"], 8);
        assert_eq!(lock.render(), text);
    }

    #[test]
    fn damage_has_a_place() {
        check(
            "file ../x.yaml sha256:",
            "3:6-15@ `../x.yaml` is neither below its group's directory nor in a delivery's",
        );
        check("file ../../etc/passwd sha256:", "3:6-22@ `../../etc/passwd` leaves its directory");
        check("file ../argocd/../x sha256:", "3:6-20@ `../argocd/../x` leaves its directory");
        check("file /etc/passwd sha256:", "3:6-17@ `/etc/passwd` leaves its directory");
        check(
            "file rbgc.lock sha256:",
            "3:6-15@ `rbgc.lock` is neither below its group's directory nor in a delivery's",
        );
        check("file .git/config sha256:", "3:6-17@ `.git/config` has a component that is no plain file name");
        check("file x.yaml sha256:00", "3:13-22@ `sha256:00` is no `sha256:` with 64 digits");
        check("file x.yaml", "3:1-12@ `file x.yaml` is no entry of a lock");
        check("place r/01 n", "3:9-11@ `01` is no number that can stand here");
        check("place r n", "3:7-8@ `r` is no instance of a role, such as `prefill/0`");
        check("place R/0 n", "3:7-8@ `R` is no name of a role");
        check("place r/0 n,,m", "3:13-13@ `` is no name of a node");
        check("pin r/0 rack", "3:9-13@ `rack` is no pair with `=`");
        check("generation 1", "3:12-13@ `1` is no number that can stand here");
        check("generation 2\ngeneration 3", "4:1-13@ `generation 3` is there twice");
        check("revision a b", "3:1-13@ `revision a b` is no entry of a lock");
        check("revision a B image=x", "3:12-13@ `B` is no name of a role");
        check("revision a b image", "3:14-19@ `image` is no pair with `=`");
        check("revision a b image=x image=y", "3:22-29@ `image=y` is there twice");
        check("revision a b image=x\nrevision a b image=y", "4:1-21@ `revision a b image=y` is there twice");
        check("uses r cpu=-1", "3:12-14@ `-1` is no number that can stand here");
        check("uses r cpu=1,cpu=2", "3:14-19@ `cpu=2` is there twice");
        check("edition 2027", "3:1-13@ `edition 2027` is there twice");
        check("place r/0 a\nplace r/0 b", "4:1-12@ `place r/0 b` is there twice");
        check("exclusive a\nexclusive a", "4:1-12@ `exclusive a` is there twice");
        check(
            "affinity r/0 asked:0123456789abcdef",
            "3:10-13@ `r/0` is no part of an instance, such as `prefill/0/leader`",
        );
        check("affinity r/0/pod", "3:1-17@ `affinity r/0/pod` is no entry of a lock");
        check("affinity r/0/pod need:a=b", "3:18-26@ `need:a=b` is no `asked:` with 16 digits");
        let after = |word: &str| format!("affinity r/0/pod asked:0123456789abcdef {word}");
        check(&after("need:zone"), "3:46-50@ `zone` is no condition such as `zone=a|b`");
        check(&after("need:=a"), "3:46-46@ `` is no name");
        check(&after("need:zone=a:b"), "3:51-54@ `a:b` is no value of a label");
        check(&after("like:0:zone=a"), "3:46-47@ `0` is no number that can stand here");
        check(&after("like:zone=a"), "3:41-52@ `like:zone=a` is no word of an affinity");
        check(&after("taint:a:b"), "3:47-50@ `a:b` is no word of an affinity");
        check(&after("spread:zone:1:-:maybe"), "3:57-62@ `maybe` is no word of an affinity");
        check(&after("lock-memory lock-memory"), "3:53-64@ `lock-memory` is no word of an affinity");
        check("", "3:1-1@ `` is no entry of a lock");
        check("hello", "3:1-6@ `hello` is no entry of a lock");
        check("<<<<<<< HEAD", "3:1-13@ `<<<<<<< HEAD` is left of a merge conflict");
        check("place r/0 a\r", "3:1-13@ `place r/0 a\\r` ends in a carriage return: check it out with `text eol=lf`");
    }

    #[test]
    fn a_whole_file_can_be_wrong() {
        let first = |text: &str| parse(text).expect_err(text).remove(0);
        assert_eq!(first(""), "1:1-1 the lock is damaged: the lock is empty");
        assert!(first("rbgc.lock 2\n").ends_with("is a format that this compiler does not know"));
        assert!(first("kind: X\n").ends_with("is not `rbgc.lock 1`"));
        assert!(first("rbgc.lock 1\n").ends_with("has no line `edition`"));
        assert!(first("rbgc.lock 1\nedition 2026\nplace r/0 n").ends_with("ends in the middle of a line"));
        let noise = "rbgc.lock 1\n".to_string() + &"x\n".repeat(1000);
        assert_eq!(parse(&noise).expect_err("noise").len(), MOST_DAMAGES);
    }

    fn affinities() -> impl Strategy<Value = BTreeMap<Site, Affinity>> {
        let site = ("[a-z]{1,4}", prop::option::of(any::<u32>()), "[a-z]{1,4}");
        let site = site.prop_map(|(role, index, part)| Site { role, index, part });
        let values = prop::collection::vec("[A-Za-z0-9._-]{0,4}", 1..3);
        let expression = ("[a-z./]{1,5}", values, any::<bool>());
        let expression = expression.prop_map(|(key, values, not)| Expression { key, values, not });
        let terms = prop::collection::vec(prop::collection::vec(expression, 1..3), 0..3);
        let which = prop_oneof![
            Just(Pods::OtherGroups),
            Just(Pods::OtherInstances),
            "[a-z]{1,4}".prop_map(Pods::Role),
            prop::option::of("[a-z]{1,4}").prop_map(Pods::Instance),
        ];
        let pods = ("[a-z/]{1,5}", which, any::<bool>());
        let pods = pods.prop_map(|(topology, pods, near)| PodTerm { topology, pods, near });
        let spread = ("[a-z/]{1,5}", 1..9u32, prop::option::of(0..9u32), any::<bool>());
        let spread =
            spread.prop_map(|(topology, max_skew, domains, required)| Spread { topology, max_skew, domains, required });
        let taint = ("[a-z/]{1,5}", "[a-z]{0,3}", "[A-Z][a-z]{1,3}");
        let taint = taint.prop_map(|(key, value, effect)| Taint { key, value, effect });
        let affinity =
            (any::<u64>(), terms, 1..=100u32, prop::collection::vec(pods, 0..2), spread, taint, any::<bool>());
        let affinity = affinity.prop_map(|(asked, required, weight, pods, spread, taint, lock_memory)| Affinity {
            asked,
            preferred: required.iter().map(|term| (weight, term.clone())).collect(),
            required,
            pods,
            spread: vec![spread],
            taints: vec![taint],
            lock_memory,
        });
        prop::collection::btree_map(site, affinity, 0..3)
    }

    fn lock() -> impl Strategy<Value = Lock> {
        let instance =
            ("[a-z]([a-z0-9-]{0,5}[a-z0-9])?", any::<u32>()).prop_map(|(role, index)| Instance { role, index });
        let path =
            prop_oneof!["[a-z]{1,4}/[a-z0-9-]{1,8}\\.yaml", "\\.\\./(argocd|flux)/[a-z]{1,5}\\.yaml", "[a-z_]{1,5}"];
        let digest = any::<[u8; 32]>().prop_map(Digest);
        let domain = ("[a-z]{1,5}", "[a-z0-9=/.-]{1,9}");
        let amounts = prop::collection::btree_map("[a-z./]{1,9}", 0..=i64::MAX, 0..4);
        let role = "[a-z][a-z0-9]{0,5}";
        let places = prop::collection::vec("[A-Za-z0-9._-]{1,9}", 1..4);
        let steps = prop::collection::btree_map(instance.clone(), any::<u32>(), 0..4);
        let leaving = prop::collection::btree_map(instance.clone(), any::<u32>(), 0..3);
        let templates = prop::collection::btree_map(role, digest.clone(), 0..3);
        let values = prop::collection::btree_map("[a-z-]{1,5}", "[!-~]{1,9}", 1..3);
        let revisions = prop::collection::btree_map((role, role), values, 0..3);
        (
            (1..=9999u32, 1..=9999u32),
            prop::collection::btree_set("[a-z]{1,5}", 0..3),
            prop::collection::btree_map(path, digest, 0..6),
            prop::collection::btree_map(instance.clone(), prop::collection::vec(domain, 1..3), 0..4),
            prop::collection::btree_map(instance, places, 0..6),
            prop::collection::btree_map(role, prop::collection::vec(amounts, 1..4), 0..3),
            affinities(),
            (steps, templates, revisions, leaving),
        )
            .prop_map(|((edition, generation), exclusive, files, pins, places, uses, affinities, rest)| {
                let (steps, templates, revisions, leaving) = rest;
                Lock {
                    affinities,
                    edition,
                    exclusive,
                    files,
                    generation,
                    leaving,
                    pins,
                    places,
                    revisions,
                    steps,
                    templates,
                    uses,
                }
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_written_is_read(lock in lock()) {
            prop_assert_eq!(parse(&lock.render()), Ok(lock));
        }

        #[test]
        fn nothing_panics(lock in lock(), at in any::<prop::sample::Index>(), junk in ".{0,5}") {
            let mut text = lock.render();
            let mut at = at.index(text.len());
            while !text.is_char_boundary(at) { at -= 1; }
            text.insert_str(at, &junk);
            // Either damaged, or a lock that is written as it was read.
            if let Ok(read) = parse(&text) {
                prop_assert_eq!(parse(&read.render()), Ok(read));
            }
        }
    }
}
