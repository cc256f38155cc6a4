//! What resources, labels and products are called in the cluster.

use std::collections::{BTreeMap, BTreeSet};

use super::alias::{GPUS, PRODUCT_LABELS, is_rdma};
use super::before::Before;
use super::found::Machine;
use super::{Machines, problems};
use crate::diag::Diagnostic;
use crate::source::Span;
use crate::tree::shown;

/// The names of the cluster.
#[derive(Debug, Default)]
pub struct Names {
    /// The resource that is an accelerator.
    pub gpu: Option<String>,
    /// The adapter with remote direct memory access.
    pub rdma: Option<String>,
    /// Huge pages.
    pub hugepages: Option<String>,
    /// The label that tells the product.
    pub product_label: Option<String>,
    /// By the label's value the name that sources use.
    pub products: BTreeMap<String, String>,
}

impl Names {
    /// The value of the label that tells a machine's product.
    pub fn product<'m>(&self, machine: &'m Machine) -> Option<&'m str> {
        let value = machine.labels.get(self.product_label.as_deref()?)?;
        Some(value.value.as_str()).filter(|value| !value.is_empty())
    }
}

/// Finds the names. Those of the inventory that stands are kept as long as machines know them. Where
/// there are several and one can be given, the others are reported.
pub fn names(machines: &Machines, before: Option<&Before>, found: &mut Vec<Diagnostic>) -> Names {
    let mut totals: BTreeMap<&str, (i128, Span)> = BTreeMap::new();
    for machine in machines.values() {
        for (resource, amount) in machine.allocatable.iter().filter(|(_, amount)| amount.milli > 0) {
            totals.entry(resource).or_insert((0, machine.span)).0 += amount.milli;
        }
    }
    let gpus: Vec<&str> = GPUS.iter().copied().filter(|gpu| totals.contains_key(gpu)).collect();
    let named = before.map(|before| &before.inventory.resources);
    let kept = |name: Option<&String>| name.filter(|name| totals.contains_key(name.as_str())).cloned();
    let most =
        gpus.iter().copied().max_by_key(|gpu| (totals[gpu].0, std::cmp::Reverse(gpus.iter().position(|g| g == gpu))));
    let gpu = kept(named.map(|names| &names.gpu));
    let most = gpu.as_deref().or(most);
    for other in gpus.iter().filter(|gpu| Some(**gpu) != most) {
        found.push(two_names("accelerators", other, most.unwrap_or_default(), totals[other].1));
    }
    let mut one = |what: &str, old: Option<&String>, is: &dyn Fn(&str) -> bool| {
        if let Some(old) = kept(old) {
            return Some(old);
        }
        let names: Vec<&str> = totals.keys().copied().filter(|name| is(name)).collect();
        match names.as_slice() {
            [name] => Some((*name).to_owned()),
            [] => old.cloned(),
            [first, second, ..] => {
                found.push(no_name(what, first, second, totals[first].1));
                None
            }
        }
    };
    let rdma = one("rdma", named.and_then(|names| names.rdma.as_ref()), &is_rdma);
    let hugepages =
        one("hugepages", named.and_then(|names| names.hugepages.as_ref()), &|name| name.starts_with("hugepages-"));
    let carries = |label: &&str| machines.values().any(|machine| machine.labels.contains_key(label));
    let old = before.map(|before| before.inventory.gpu_label.as_str());
    let product_label = old.into_iter().chain(PRODUCT_LABELS.iter().copied()).find(carries);
    let values: BTreeSet<&str> = product_label
        .iter()
        .flat_map(|label| machines.values().filter_map(|m| Some(m.labels.get(label)?.value.as_str())))
        .collect();
    let mut products = products(&values);
    products.extend(before.map(Before::products).unwrap_or_default());
    let gpu = most.map(str::to_owned);
    Names { gpu, rdma, hugepages, product_label: product_label.map(str::to_owned), products }
}

/// The short name of each product: `H200` of `NVIDIA-H200`, where no other product has the same.
fn products(values: &BTreeSet<&str>) -> BTreeMap<String, String> {
    let mut by_name: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for value in values {
        by_name.entry(short(value)).or_default().push(value);
    }
    let named = |value: &&str| match by_name[short(value)].len() {
        1 => short(value).to_owned(),
        _ => (*value).to_owned(),
    };
    values.iter().map(|value| ((*value).to_owned(), named(value))).collect()
}

/// The first part that looks like the name of a chip: capitals, then digits, perhaps a capital.
pub fn short(value: &str) -> &str {
    let is_chip = |part: &&str| {
        let letters = part.bytes().take_while(u8::is_ascii_uppercase).count();
        let digits = part.bytes().skip(letters).take_while(u8::is_ascii_digit).count();
        let rest = &part[letters + digits..];
        (1..=2).contains(&letters)
            && (1..=4).contains(&digits)
            && rest.len() <= 1
            && rest.bytes().all(|b| b.is_ascii_uppercase())
    };
    value.split('-').find(is_chip).unwrap_or(value)
}

fn two_names(what: &str, other: &str, taken: &str, span: Span) -> Diagnostic {
    let message = format!("{what} are called {} and {} here; {} was taken", shown(taken), shown(other), shown(taken));
    problems::left_out(
        span,
        message,
        "an inventory knows one: change `resources.gpu`, or describe the others as a cluster of their own",
    )
}

fn no_name(what: &str, first: &str, second: &str, span: Span) -> Diagnostic {
    let message =
        format!("several resources may be `{what}`, such as {} and {}; none was taken", shown(first), shown(second));
    problems::left_out(
        span,
        message,
        format!("write the one that sources mean into the inventory, as `resources.{what}`"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_have_short_names_that_tell_them_apart() {
        assert_eq!(short("NVIDIA-H100-80GB-HBM3"), "H100");
        assert_eq!(short("A100-SXM4-40GB"), "A100");
        assert_eq!(short("NVIDIA-GB200"), "GB200");
        assert_eq!(short("Tesla-V100-SXM2-32GB"), "V100");
        assert_eq!(short("NVIDIA-GeForce-RTX-3090"), "NVIDIA-GeForce-RTX-3090");
        assert_eq!(short("NVIDIA-L40S"), "L40S");
        let values = ["A100-SXM4-40GB", "A100-SXM4-80GB", "NVIDIA-H200"].into();
        let named = products(&values);
        assert_eq!(named["A100-SXM4-40GB"], "A100-SXM4-40GB");
        assert_eq!(named["NVIDIA-H200"], "H200");
    }
}
