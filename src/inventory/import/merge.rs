//! From what files say to one set of machines.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::alias::GPUS;
use super::found::{Found, Machine, Matrix};
use super::levels::Levels;
use super::{MAX_NODES, Machines, pools, problems};
use crate::diag::Diagnostic;
use crate::inventory::HOSTNAME;
use crate::inventory::hostlist::Hostlist;
use crate::naming::is_dns_subdomain;
use crate::source::Span;
use crate::tree::{At, shown};

/// Puts everything together that was found, by machine.
pub fn machines(found: &mut Found) -> Machines {
    let objects = std::mem::take(&mut found.objects);
    let named = std::mem::take(&mut found.named);
    let mut machines =
        if objects.is_empty() { alone(named, &mut found.problems) } else { joined(objects, named, found) };
    usage(&mut machines, found);
    for matrix in std::mem::take(&mut found.matrices) {
        connect(&mut machines, &matrix, &mut found.problems);
    }
    machines
}

/// Machines without Node objects: the names in the files are theirs, in lower case.
fn alone(named: Machines, problems: &mut Vec<Diagnostic>) -> Machines {
    let mut machines = Machines::new();
    for (name, machine) in named {
        let lower = At { value: name.to_ascii_lowercase(), span: machine.span };
        match machines.get(&lower.value) {
            Some(first) => problems.push(problems::two_objects(&lower, first.span)),
            None if is_dns_subdomain(&lower.value) => drop(machines.insert(lower.value, machine)),
            None => {
                problems.push(problems::malformed(machine.span, format!("{} is not the name of a node", shown(&name))))
            }
        }
    }
    machines
}

/// Adds what other files say to the Node objects.
fn joined(mut objects: Machines, named: Machines, found: &mut Found) -> Machines {
    let instances: BTreeMap<String, String> =
        objects.iter().filter_map(|(name, object)| Some((object.instance.clone()?, name.clone()))).collect();
    let mut unknown: Vec<(String, Span)> = Vec::new();
    let carried = |label: &str, objects: &Machines| objects.values().any(|object| object.labels.contains_key(label));
    let mut missing: Vec<String> = found.described.iter().filter(|label| !carried(label, &objects)).cloned().collect();
    for (name, machine) in named {
        let lower = name.to_ascii_lowercase();
        let own =
            [&name, &lower].into_iter().chain(instances.get(&name)).find(|own| objects.contains_key(*own)).cloned();
        let Some((own, object)) = own.and_then(|own| Some((own.clone(), objects.get_mut(&own)?))) else {
            unknown.push((name, machine.span));
            continue;
        };
        missing.retain(|label| match machine.labels.get(label) {
            Some(value) => {
                found.problems.push(problems::unlabelled(label, &own, value));
                false
            }
            None => true,
        });
        join(&own, object, machine, &mut found.problems);
    }
    left_out(&unknown, &mut found.problems);
    objects
}

/// Adds what another file says of a machine.
fn join(name: &str, object: &mut Machine, other: Machine, problems: &mut Vec<Diagnostic>) {
    for (label, value) in other.labels {
        match object.labels.get(&label) {
            Some(own) if own.value != value.value => problems.push(problems::two_values(name, &label, own, &value)),
            Some(_) => {}
            None => object.labels.insert(label, value),
        }
    }
    for (resource, amount) in other.allocatable {
        match object.allocatable.get(&resource) {
            Some(own) if *own != amount => {
                let what = format!("different amounts of `{resource}`");
                problems.push(problems::two_facts(name, &what, object.span, other.span));
            }
            _ => object.allocatable.insert(resource, amount),
        }
    }
    object.used.extend(other.used);
    object.not_ready |= other.not_ready;
    object.cordoned |= other.cordoned;
}

/// Adds what pods use.
fn usage(machines: &mut Machines, found: &mut Found) {
    let mut unknown = Vec::new();
    for (node, (span, amounts)) in std::mem::take(&mut found.usage) {
        match machines.get_mut(&node) {
            None => unknown.push((node, span)),
            Some(machine) if !machine.used.is_empty() => {
                found.problems.push(problems::two_facts(&node, "what is used", machine.span, span));
            }
            Some(machine) => machine.used = amounts,
        }
    }
    left_out(&unknown, &mut found.problems);
}

fn left_out(unknown: &[(String, Span)], problems: &mut Vec<Diagnostic>) {
    let names: Vec<&str> = unknown.iter().map(|(name, _)| name.as_str()).collect();
    if let Some(first) = unknown.iter().map(|(_, span)| *span).min() {
        problems.push(problems::no_object(&names, first));
    }
}

/// Tells the machines that a matrix is about how their accelerators are connected.
fn connect(machines: &mut Machines, matrix: &Matrix, problems: &mut Vec<Diagnostic>) {
    let count = matrix.links.gpus.len() as i64;
    let gpus =
        |machine: &Machine| GPUS.iter().find_map(|gpu| machine.allocatable.get(gpu)).map_or(0, |amount| amount.ceil());
    let chosen: Vec<String> = match &matrix.of {
        None => machines.iter().filter(|(_, m)| gpus(m) == count).map(|(name, _)| name.clone()).collect(),
        Some(of) => {
            let pool = machines.iter().filter(|(_, m)| pools::base_name(m) == *of);
            let pool: Vec<String> = pool.map(|(name, _)| name.clone()).collect();
            let listed = Hostlist::parse(of).ok().filter(|list| list.count() <= MAX_NODES);
            if pool.is_empty() { listed.map(|list| list.expand()).unwrap_or_default() } else { pool }
        }
    };
    let mut any = false;
    for name in chosen {
        let Some(machine) = machines.get_mut(&name) else {
            problems.push(problems::no_object(&[&name], matrix.span));
            continue;
        };
        any = true;
        match &machine.gpu_links {
            Some(links) if **links != *matrix.links => {
                problems.push(problems::two_facts(&name, "different links", machine.span, matrix.span));
            }
            _ if gpus(machine) != 0 && gpus(machine) != count => {
                let message =
                    format!("the matrix has {count} accelerators, the node {} has {}", shown(&name), gpus(machine));
                problems.push(problems::malformed(matrix.span, message));
            }
            _ => machine.gpu_links = Some(Arc::clone(&matrix.links)),
        }
    }
    if !any {
        let message = format!("no node has the {count} accelerators of this matrix");
        problems.push(problems::left_out(
            matrix.span,
            message,
            "say whose it is: `--gpu-links POOL=FILE` or `--gpu-links HOSTLIST=FILE`",
        ));
    }
}

/// Reports what is odd about the machines together.
pub fn check(machines: &Machines, levels: &Levels, found: &mut Found) {
    hostnames(machines, &mut found.problems);
    let closed: Vec<(&str, &str)> =
        machines.iter().filter_map(|(name, m)| Some((name.as_str(), why_closed(m)?))).collect();
    if let Some((first, _)) = closed.first() {
        found.problems.push(problems::closed(&closed, machines[*first].span));
    }
    levels.report_missing(machines, &mut found.problems);
}

fn why_closed(machine: &Machine) -> Option<&'static str> {
    match (machine.not_ready, machine.cordoned) {
        (true, _) => Some("not ready"),
        (false, true) => Some("cordoned"),
        (false, false) => None,
    }
}

/// The label `kubernetes.io/hostname`, by which affinities choose: one for each, and not always the name.
fn hostnames(machines: &Machines, problems: &mut Vec<Diagnostic>) {
    let mut first: BTreeMap<&str, (&str, Span)> = BTreeMap::new();
    let mut other: Vec<(&str, &str)> = Vec::new();
    for (name, machine) in machines {
        let own = At { value: name.clone(), span: machine.span };
        let label = machine.labels.get(HOSTNAME).filter(|hostname| !hostname.value.is_empty());
        let hostname = label.unwrap_or(&own);
        if hostname.value != *name {
            other.push((name, machine.labels[HOSTNAME].value.as_str()));
        }
        let key = label.map_or(name.as_str(), |label| label.value.as_str());
        match first.get(key) {
            Some((twin, span)) => problems.push(problems::shared_hostname(hostname, (twin, name), *span)),
            None => drop(first.insert(key, (name, hostname.span))),
        }
    }
    if let Some((name, _)) = other.first() {
        let span = machines[*name].labels[HOSTNAME].span;
        problems.push(problems::other_hostname(&other, span));
    }
}
