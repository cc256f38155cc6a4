//! The order of keys in upstream's file.
//!
//! Upstream writes it with yaml.v2, whose `sorter.go` compares two keys where they first differ:
//! letters come behind all else, and digits count as the number that they begin. That is no order
//! of more than two keys: of `r12`, `r1b` and `r2` each comes before the next, and the last before
//! the first. Upstream writes such keys in an order that differs from run to run; here it is
//! that of the source as far as nothing else is said.

/// Brings items into the order of their keys.
pub fn sorted<T>(items: impl IntoIterator<Item = T>, key: impl Fn(&T) -> &str) -> Vec<T> {
    let mut sorted: Vec<T> = Vec::new();
    for item in items {
        // The methods of slices that sort may panic when the comparison is no order.
        let at = sorted.partition_point(|other| !precedes(key(&item), key(other)));
        sorted.insert(at, item);
    }
    sorted
}

fn precedes(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let same = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (shared, a, b) = (&a[..same], &a[same..], &b[same..]);
    let (Some(x), Some(y)) = (a.first(), b.first()) else { return a.len() < b.len() };
    let letters = (x.is_ascii_alphabetic(), y.is_ascii_alphabetic());
    if letters != (false, false) {
        return (letters.0, x) < (letters.1, y);
    }
    let mut before = shared.iter().rev().take_while(|byte| byte.is_ascii_digit());
    let inside = before.any(|digit| *digit != b'0');
    (number(a, inside), x) < (number(b, inside), y)
}

/// The number with which a text begins, as something to compare: how many digits count, these, and
/// how many it has. Zeros in front count `inside` of a number.
fn number(text: &[u8], inside: bool) -> (usize, &[u8], usize) {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let digits = &text[..length];
    let zeros = if inside { 0 } else { digits.iter().take_while(|digit| **digit == b'0').count() };
    (length - zeros, &digits[zeros..], length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(keys: &[&str]) {
        let mut reversed = keys.to_vec();
        reversed.reverse();
        assert_eq!(sorted(reversed, |key| key), keys);
    }

    #[test]
    fn keys_are_in_the_order_of_upstreams_library() {
        check(&["port80", "port443"]);
        check(&["http", "http_1", "http2", "http10", "https"]);
        check(&["r12", "r1b"]);
        check(&["r1", "r2", "r02", "r002", "r3"]);
        check(&["a1_", "a10", "a12", "a100"]);
        check(&["a0_", "a00", "a1"]);
        check(&["", "a", "a-b", "ab"]);
    }

    #[test]
    fn keys_without_an_order_are_all_there() {
        let mut keys = sorted(["r1b", "r2", "r12"], |key| key);
        keys.sort_unstable();
        assert_eq!(keys, ["r12", "r1b", "r2"]);
    }
}
