//! Reading what pods were told about nodes.

use super::{Parsed, Word, bad, label, number, split};
use crate::lock::affinity::{Affinity, Expression, PodTerm, Pods, Site, Spread, Taint, Term, is_key, is_text};
use crate::source::Span;

/// `prefill/0/leader`, or `router/-/pod`.
pub(super) fn site(word: Word) -> Parsed<Site> {
    match split(word, '/')[..] {
        [role, index, part] => {
            let index = if index.text == "-" { None } else { Some(number(index, 0..=u32::MAX)?) };
            Ok(Site { role: label(role)?, index, part: label(part)? })
        }
        _ => Err(bad(word, "is no part of an instance, such as `prefill/0/leader`")),
    }
}

pub(super) fn affinity(words: &[Word]) -> Parsed<Affinity> {
    let mut affinity = Affinity::default();
    for (index, word) in words.iter().enumerate() {
        let (kind, rest) = head(*word);
        match (kind, rest) {
            ("asked", Some(rest)) if index == 0 => affinity.asked = digits(rest)?,
            _ if index == 0 => return Err(bad(*word, "is no `asked:` with 16 digits")),
            ("need", Some(rest)) => affinity.required.push(term(rest)?),
            ("like", Some(rest)) => {
                let (weight, rest) =
                    rest.text.split_once(':').map(|(w, _)| cut(rest, w.len())).ok_or_else(|| no_word(*word))?;
                affinity.preferred.push((number(weight, 1..=100)?, term(rest)?));
            }
            ("near" | "apart", Some(rest)) => affinity.pods.push(pods(rest, kind == "near")?),
            ("spread", Some(rest)) => affinity.spread.push(spread(rest)?),
            ("taint", Some(rest)) => affinity.taints.push(taint(rest)?),
            ("lock-memory", None) if !affinity.lock_memory => affinity.lock_memory = true,
            _ => return Err(no_word(*word)),
        }
    }
    Ok(affinity)
}

/// What stands before the first colon, and after it.
fn head(word: Word<'_>) -> (&str, Option<Word<'_>>) {
    match word.text.split_once(':') {
        Some((kind, _)) => (kind, Some(cut(word, kind.len()).1)),
        None => (word.text, None),
    }
}

/// The parts before and after the byte at `at`.
fn cut(word: Word<'_>, at: usize) -> (Word<'_>, Word<'_>) {
    let middle = word.span.lo + at as u32;
    let first = Word { text: &word.text[..at], span: Span::new(word.span.lo, middle) };
    (first, Word { text: &word.text[at + 1..], span: Span::new(middle + 1, word.span.hi) })
}

fn digits(word: Word) -> Parsed<u64> {
    let canonical = word.text.len() == 16 && word.text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let digest = u64::from_str_radix(word.text, 16).ok().filter(|_| canonical);
    digest.ok_or_else(|| bad(word, "is no `asked:` with 16 digits"))
}

fn term(word: Word) -> Parsed<Term> {
    split(word, '&').into_iter().map(expression).collect()
}

fn expression(word: Word) -> Parsed<Expression> {
    let at = word.text.find('=').ok_or_else(|| bad(word, "is no condition such as `zone=a|b`"))?;
    let (left, values) = cut(word, at);
    let (key_text, not) = left.text.strip_suffix('!').map_or((left.text, false), |key| (key, true));
    let left = Word { text: key_text, span: left.span };
    let values = split(values, '|').into_iter().map(text).collect::<Parsed<_>>()?;
    Ok(Expression { key: key(left)?, values, not })
}

fn pods(word: Word, near: bool) -> Parsed<PodTerm> {
    match split(word, ':')[..] {
        [topology, which] => {
            let pods = match split(which, '/')[..] {
                [role] if role.text == "*" => Pods::OtherGroups,
                [role] => Pods::Role(label(role)?),
                [own, part] if own.text == "own" && part.text == "*" => Pods::Instance(None),
                [own, part] if own.text == "own" => Pods::Instance(Some(label(part)?)),
                [others, all] if (others.text, all.text) == ("others", "*") => Pods::OtherInstances,
                _ => return Err(no_word(which)),
            };
            Ok(PodTerm { topology: key(topology)?, pods, near })
        }
        _ => Err(no_word(word)),
    }
}

fn spread(word: Word) -> Parsed<Spread> {
    match split(word, ':')[..] {
        [topology, max_skew, domains, required] => Ok(Spread {
            topology: key(topology)?,
            max_skew: number(max_skew, 1..=u32::MAX)?,
            domains: if domains.text == "-" { None } else { Some(number(domains, 0..=u32::MAX)?) },
            required: match required.text {
                "required" => true,
                "preferred" => false,
                _ => return Err(no_word(required)),
            },
        }),
        _ => Err(no_word(word)),
    }
}

fn taint(word: Word) -> Parsed<Taint> {
    let (Some(equals), Some(colon)) = (word.text.find('='), word.text.rfind(':')) else { return Err(no_word(word)) };
    if colon < equals {
        return Err(no_word(word));
    }
    let (rest, effect) = cut(word, colon);
    let (name, value) = cut(rest, equals);
    Ok(Taint { key: key(name)?, value: text(value)?, effect: key(effect)? })
}

fn key(word: Word) -> Parsed<String> {
    if is_key(word.text) { Ok(word.text.into()) } else { Err(bad(word, "is no name")) }
}

fn text(word: Word) -> Parsed<String> {
    if is_text(word.text) { Ok(word.text.into()) } else { Err(bad(word, "is no value of a label")) }
}

fn no_word(word: Word) -> super::Damage {
    bad(word, "is no word of an affinity")
}
