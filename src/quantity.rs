//! Kubernetes quantities: exact, with the canonical text that the API server would write.
//!
//! Rules from `k8s.io/apimachinery/pkg/api/resource`: a binary suffix stays binary, a decimal one
//! decimal, and the largest suffix without a fraction is written.

use std::cmp::Ordering;
use std::fmt;

/// An amount of a resource, in thousandths of its unit.
#[derive(Debug, Clone, Copy)]
pub struct Quantity {
    /// Thousandths: of a core, a byte, a device.
    pub milli: i128,
    /// Written with `Ki`, `Mi`, … rather than `k`, `M`, ….
    pub binary: bool,
}

const BINARY: [(&str, i128); 6] =
    [("Ki", 1 << 10), ("Mi", 1 << 20), ("Gi", 1 << 30), ("Ti", 1 << 40), ("Pi", 1 << 50), ("Ei", 1 << 60)];
const DECIMAL: [(&str, i128); 6] = [
    ("k", 1_000),
    ("M", 1_000_000),
    ("G", 1_000_000_000),
    ("T", 1_000_000_000_000),
    ("P", 1_000_000_000_000_000),
    ("E", 1_000_000_000_000_000_000),
];
const LARGEST: i128 = (i64::MAX as i128) * 1_000;

impl Quantity {
    /// A whole number of units.
    pub fn units(units: i64) -> Self {
        Quantity { milli: i128::from(units) * 1_000, binary: false }
    }

    /// A number of bytes, written with a binary suffix.
    pub fn bytes(bytes: i64) -> Self {
        Quantity { milli: i128::from(bytes) * 1_000, binary: true }
    }

    /// Reads `80Gi`, `500m`, `0.5`, `1e3` or `-1`. `None` when malformed, finer than a thousandth
    /// or larger than 2^63.
    pub fn parse(text: &str) -> Option<Self> {
        let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
        let (number, suffix) = text.split_at(split);
        let (scale, binary) = match suffix {
            "" => (1_000, false),
            "m" => (1, false),
            _ => match BINARY.iter().find(|(s, _)| *s == suffix) {
                Some((_, factor)) => (factor * 1_000, true),
                None => (decimal_scale(suffix)?, false),
            },
        };
        let negative = number.starts_with('-');
        let digits = number.strip_prefix(['-', '+']).unwrap_or(number);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if digits.starts_with(['-', '+']) || whole.len() + fraction.len() == 0 || whole.len() > 19 || fraction.len() > 9
        {
            return None;
        }
        let joined: i128 = format!("{whole}{fraction}").parse().ok()?;
        let scaled = joined.checked_mul(scale)?;
        let divisor = 10_i128.pow(fraction.len() as u32);
        if scaled % divisor != 0 || scaled / divisor > LARGEST {
            return None;
        }
        let milli = scaled / divisor;
        Some(Quantity { milli: if negative { -milli } else { milli }, binary })
    }

    /// The whole number of units, rounded up.
    pub fn ceil(self) -> i64 {
        i64::try_from(self.milli.div_euclid(1_000) + i128::from(self.milli.rem_euclid(1_000) != 0)).unwrap_or(i64::MAX)
    }

    /// Whether this is a whole number of units.
    pub fn is_whole(self) -> bool {
        self.milli % 1_000 == 0
    }

    /// The number of units without a suffix, for readers that know no quantities: `0.5`.
    pub fn decimal(self) -> String {
        let (units, rest) = (self.milli / 1_000, (self.milli % 1_000).abs());
        let sign = if self.milli < 0 && units == 0 { "-" } else { "" };
        match format!("{rest:03}").trim_end_matches('0') {
            "" => format!("{units}"),
            fraction => format!("{sign}{units}.{fraction}"),
        }
    }

    /// The sum, written like the left side; `None` when too large.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.checked(self.milli.checked_add(other.milli)?)
    }

    /// The difference, written like the left side; `None` when too large.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.checked(self.milli.checked_sub(other.milli)?)
    }

    /// The product with a whole number; `None` when too large.
    pub fn checked_mul(self, factor: i64) -> Option<Self> {
        self.checked(self.milli.checked_mul(i128::from(factor))?)
    }

    /// The quotient by a whole number, rounded down to a thousandth (a unit, when binary).
    pub fn checked_div(self, divisor: i64) -> Option<Self> {
        let milli = self.milli.checked_div(i128::from(divisor))?;
        self.checked(if self.binary { milli - milli % 1_000 } else { milli })
    }

    fn checked(self, milli: i128) -> Option<Self> {
        (milli.abs() <= LARGEST).then_some(Quantity { milli, binary: self.binary })
    }
}

fn decimal_scale(suffix: &str) -> Option<i128> {
    if let Some((_, factor)) = DECIMAL.iter().find(|(s, _)| *s == suffix) {
        return Some(factor * 1_000);
    }
    let exponent: u32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    (exponent <= 18).then(|| 10_i128.pow(exponent) * 1_000)
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_whole() {
            return write!(f, "{}m", self.milli);
        }
        let units = self.milli / 1_000;
        let suffixes = if self.binary { &BINARY } else { &DECIMAL };
        let fit = suffixes.iter().rev().find(|(_, factor)| units != 0 && units % factor == 0);
        match fit {
            Some((suffix, factor)) => write!(f, "{}{suffix}", units / factor),
            None => write!(f, "{units}"),
        }
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.milli == other.milli
    }
}
impl Eq for Quantity {}
impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.milli.cmp(&other.milli)
    }
}

/// A duration as Go writes it, without parts that are zero.
pub fn go_duration(seconds: u64) -> String {
    let parts = [(seconds / 3600, 'h'), (seconds / 60 % 60, 'm'), (seconds % 60, 's')];
    let text: String = parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n}{unit}")).collect();
    if text.is_empty() { "0s".into() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, canonical: &str) {
        assert_eq!(Quantity::parse(text).expect(text).to_string(), canonical);
    }

    #[test]
    fn writes_the_canonical_form() {
        check("0.5", "500m");
        check("1024Mi", "1Gi");
        check("1000m", "1");
        check("2000", "2k");
        check("1.5Gi", "1536Mi");
        check("1e3", "1k");
        check("1E", "1E");
        check("0", "0");
        check("-5m", "-5m");
        check("1.5", "1500m");
    }

    #[test]
    fn refuses_what_is_not_one() {
        for text in ["", "m", "--1", "+-1", "1.2.3", "1Kib", "0.0001", "1e99", "9223372036854775808E", "1 Gi", "１"] {
            assert!(Quantity::parse(text).is_none(), "{text}");
        }
    }
}
