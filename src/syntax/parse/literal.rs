//! Numbers with their units, and strings with their escapes.

use super::Rule;
use super::convert::{Convert, Cursor, Node};
use super::errors;
use super::expr::Tall;
use crate::diag;
use crate::quantity::Quantity;
use crate::syntax::{ExprKind, StrPart};

/// Units of durations, in milliseconds.
const DURATIONS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("min", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Suffixes of quantities and durations, for did-you-mean.
const SUFFIXES: [&str; 18] =
    ["m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "ms", "s", "min", "h", "d"];

/// What is wrong with a number: the message and the help.
type Bad = (String, Option<String>);

impl Convert<'_> {
    /// A number, percentage, ratio, quantity or duration. A bad one is reported and counts as 1.
    pub(super) fn number(&mut self, node: &Node) -> ExprKind {
        let text = node.as_str();
        // The usual case needs no more than this.
        let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0'));
        if plain && let Ok(number) = text.parse() {
            return ExprKind::Int(number);
        }
        number(text).unwrap_or_else(|(message, help)| {
            self.problems.push(errors::bad_literal(self.span(node), message, help));
            ExprKind::Int(1)
        })
    }

    /// A string of any kind.
    pub(super) fn string(&mut self, node: Node) -> Option<Tall> {
        let span = self.span(&node);
        let mut height = 0;
        let mut parts = Vec::new();
        let mut inner = Cursor::new(node);
        if let Some(raw) = inner.take(Rule::raw) {
            let hashes = raw.as_str().bytes().take_while(|b| *b == b'#').count() + 1;
            let text = raw.as_str().get(hashes..raw.as_str().len() - hashes)?;
            push_text(&mut parts, text.replace("\r\n", "\n"));
        } else if let Some(block) = inner.take(Rule::block) {
            let block: Vec<Node> = block.into_inner().collect();
            height = self.block(&block, &mut parts)?;
        } else {
            while let Some(part) = inner.next() {
                if part.as_rule() == Rule::hole {
                    height = height.max(self.hole(part, &mut parts)?);
                } else {
                    let lo = part.as_span().start();
                    let mut text = String::with_capacity(part.as_str().len());
                    self.unescape(part.as_str(), lo, &mut text);
                    push_text(&mut parts, text);
                }
            }
        }
        Some(self.grown(span, ExprKind::Str(parts), height))
    }

    fn hole(&mut self, node: Node, parts: &mut Vec<StrPart>) -> Option<u32> {
        let tall = self.tall(Cursor::new(node).next()?)?;
        parts.push(StrPart::Expr(tall.expr));
        Some(tall.height)
    }

    /// Resolves the escapes of a text that begins at this byte of the item.
    fn unescape(&mut self, text: &str, lo: usize, out: &mut String) {
        let mut rest = text;
        while let Some(i) = rest.find('\\') {
            out.push_str(&rest[..i]);
            let at = lo + text.len() - rest.len() + i;
            let (found, length) = escape(&rest[i..]);
            match found {
                Some(c) => out.push(c),
                None => {
                    let span = self.at(at, at + length);
                    self.problems.push(errors::bad_escape(span, &rest[i..i + length]));
                }
            }
            rest = &rest[i + length..];
        }
        out.push_str(rest);
    }

    /// A `"""` block: its first newline is dropped, and the indent of its closing line everywhere.
    fn block(&mut self, nodes: &[Node], parts: &mut Vec<StrPart>) -> Option<u32> {
        let indent = closing_indent(nodes);
        let mut height = 0;
        for (index, node) in nodes.iter().enumerate() {
            if node.as_rule() == Rule::hole {
                height = height.max(self.hole(node.clone(), parts)?);
                continue;
            }
            let mut text = String::with_capacity(node.as_str().len());
            let mut lo = node.as_span().start();
            let last = index + 1 == nodes.len();
            for (number, line) in node.as_str().split_inclusive('\n').enumerate() {
                let ended = line.ends_with('\n');
                let blank = line.trim_matches([' ', '\t', '\r', '\n']).is_empty();
                let opening = index == 0 && number == 0;
                if !(opening && blank && ended) {
                    // A line begins here, unless a `${…}` stands before it.
                    let kept = if opening || number == 0 {
                        line
                    } else {
                        match line.strip_prefix(indent) {
                            Some(kept) => kept,
                            None if blank && (ended || last) => line.trim_start_matches([' ', '\t']),
                            None => {
                                let span = self.at(lo, lo + line.trim_end().len());
                                self.problems.push(errors::indented_too_little(span));
                                line.trim_start_matches([' ', '\t'])
                            }
                        }
                    };
                    let start = lo + line.len() - kept.len();
                    match kept.strip_suffix("\r\n") {
                        Some(cut) => {
                            self.unescape(cut, start, &mut text);
                            text.push('\n');
                        }
                        None => self.unescape(kept, start, &mut text),
                    }
                }
                lo += line.len();
            }
            push_text(parts, text);
        }
        Some(height)
    }
}

fn push_text(parts: &mut Vec<StrPart>, text: String) {
    if !text.is_empty() {
        parts.push(StrPart::Text(text));
    }
}

/// The white space with which the line of the closing quotes begins; none on the opening line.
fn closing_indent<'t>(nodes: &[Node<'t>]) -> &'t str {
    let last = nodes.iter().rev().filter(|n| n.as_rule() != Rule::hole).map(|n| n.as_str()).find(|t| t.contains('\n'));
    let Some((_, line)) = last.and_then(|text| text.rsplit_once('\n')) else { return "" };
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// The character that an escape stands for, and the length of the escape. The text begins with `\`.
fn escape(text: &str) -> (Option<char>, usize) {
    let Some(second) = text[1..].chars().next() else { return (None, 1) };
    let length = 1 + second.len_utf8();
    let found = match second {
        'n' => Some('\n'),
        't' => Some('\t'),
        '\\' | '"' | '$' => Some(second),
        'u' => {
            let digits = text[length..].strip_prefix('{').and_then(|t| t.split_once('}')).map(|(digits, _)| digits);
            let Some(digits) = digits.filter(|d| d.len() <= 6 && d.bytes().all(|b| b.is_ascii_hexdigit())) else {
                return (None, length);
            };
            let found = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
            return (found, length + digits.len() + 2);
        }
        _ => None,
    };
    (found, length)
}

fn number(text: &str) -> Result<ExprKind, Bad> {
    if let Some((left, right)) = text.split_once(':') {
        return ratio(text, left, right);
    }
    let percent = text.strip_suffix('%');
    let body = percent.unwrap_or(text);
    let split = body.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(body.len());
    let (digits, suffix) = body.split_at(split);
    if digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.") {
        return Err(leading_zero(text, digits, suffix));
    }
    if percent.is_some() {
        let value = suffix.is_empty().then(|| digits.parse().ok()).flatten();
        return value.map(ExprKind::Percent).ok_or_else(|| (format!("`{text}` is not a percentage"), None));
    }
    if suffix.is_empty() && !digits.contains('.') {
        let too_large = || (format!("`{text}` is too large"), Some(format!("the largest number is {}", i64::MAX)));
        return digits.parse().map(ExprKind::Int).map_err(|_| too_large());
    }
    if suffix.is_empty() || is_exponent(suffix) {
        let value: Option<f64> = text.parse().ok().filter(|f: &f64| f.is_finite());
        return value.map(ExprKind::Float).ok_or_else(|| (format!("`{text}` is too large"), None));
    }
    if let Some((_, unit)) = DURATIONS.iter().find(|(name, _)| *name == suffix) {
        let value = scaled(digits, *unit).map(ExprKind::Duration);
        return value.ok_or_else(|| (format!("`{text}` is not a whole number of milliseconds, or too long"), None));
    }
    if Quantity::parse(text).is_some() {
        return Ok(ExprKind::Quantity(text.to_owned()));
    }
    Err(bad_suffix(text, digits, suffix))
}

fn is_exponent(suffix: &str) -> bool {
    let digits = suffix.strip_prefix(['e', 'E']).map(|s| s.strip_prefix(['+', '-']).unwrap_or(s));
    digits.is_some_and(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()))
}

fn ratio(text: &str, left: &str, right: &str) -> Result<ExprKind, Bad> {
    match (left.parse(), right.parse()) {
        (Ok(0), _) | (_, Ok(0)) => Err((format!("a side of the ratio `{text}` is zero"), None)),
        (Ok(left), Ok(right)) => Ok(ExprKind::Ratio(left, right)),
        _ => Err((format!("`{text}` is not a ratio"), Some("a ratio is two whole numbers, such as `1:2`".into()))),
    }
}

fn leading_zero(text: &str, digits: &str, suffix: &str) -> Bad {
    let octal = i64::from_str_radix(digits, 8).ok().filter(|_| suffix.is_empty() && digits.len() > 2);
    let help = match octal {
        Some(mode) => format!("numbers are decimal: the octal file mode `{text}` is written `{mode}`"),
        None if suffix.starts_with(['x', 'o', 'b', 'X']) => "numbers are decimal".to_owned(),
        None => format!("write `{}`", text.trim_start_matches('0')),
    };
    (format!("the number `{text}` begins with a zero"), Some(help))
}

/// A decimal number times a whole one, when the result is whole and fits.
fn scaled(digits: &str, factor: u64) -> Option<u64> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let divisor = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let joined: u128 = format!("{whole}{fraction}").parse().ok()?;
    let product = joined.checked_mul(u128::from(factor))?;
    let value = u64::try_from(product / divisor).ok()?;
    (product % divisor == 0 && value <= i64::MAX as u64).then_some(value)
}

fn bad_suffix(text: &str, digits: &str, suffix: &str) -> Bad {
    if SUFFIXES.contains(&suffix) {
        return (format!("the quantity `{text}` is too large or finer than a thousandth"), None);
    }
    let lower = suffix.to_lowercase();
    let known = SUFFIXES.iter().copied();
    let near = known.clone().find(|s| s.to_lowercase() == lower.trim_end_matches('b'));
    let near = near
        .or_else(|| known.clone().find(|s| *s == lower))
        .or_else(|| diag::did_you_mean(suffix, known).filter(|_| suffix.len() > 1));
    let units =
        "quantities end in `m`, `k`, `M`, `G`, `T`, `Ki`, `Mi`, `Gi`, `Ti`, durations in `ms`, `s`, `min`, `h`, `d`";
    let help = match near {
        _ if suffix.contains('_') => "write the digits without `_`".to_owned(),
        Some(near) => format!("did you mean `{digits}{near}`? {units}"),
        None => units.to_owned(),
    };
    (format!("`{text}` has no known unit"), Some(help))
}
