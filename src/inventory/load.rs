//! Loading: from the text of an inventory file to an [`Inventory`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::facts::{self, checked, is_group_version};
use super::levels::{Levels, levels, links};
use super::machines::machines;
use super::pools::Context;
use super::raw::{RawGateway, RawInventory, RawNamespaces, RawResources};
use super::{Gateway, Inventory, Namespaces, ResourceNames, Routing, domains, yaml};
use crate::diag::{Code, Session};
use crate::naming::{is_dns_label, is_dns_subdomain, is_qualified_name};
use crate::source::FileId;
use crate::tree::{At, FromTree, Reader};

/// The label of GPU feature discovery that tells the product.
const GPU_LABEL: &str = "nvidia.com/gpu.product";
/// The resource of NVIDIA's device plugin.
const GPU: &str = "nvidia.com/gpu";

/// Reads the inventory at `path`, which is called `name` in messages. Every mistake is reported at
/// its place; `None` when there was any.
pub fn load(session: &mut Session<'_>, path: &Path, name: &str) -> Option<Inventory> {
    let file = session.read(path, name, None)?;
    parse(session, file)
}

/// The same of a text that has been read.
pub fn parse(session: &mut Session<'_>, file: FileId) -> Option<Inventory> {
    let mut reader = Reader::new(Code::BadInventory, session.sources.file(file));
    let inventory = read(&mut reader);
    let sound = reader.sound();
    for problem in reader.finish() {
        session.report(problem);
    }
    inventory.filter(|_| sound)
}

fn read(reader: &mut Reader<'_>) -> Option<Inventory> {
    let tree = yaml::parse(reader)?;
    let raw = RawInventory::from_tree(tree, reader)?;
    let name = raw.metadata.and_then(|metadata| metadata.name);
    let name = name.and_then(|name| checked(name, is_dns_label, "a DNS label", reader));
    let kubernetes = raw.kubernetes.and_then(|text| facts::version(&text, reader));
    let capabilities = texts(raw.capabilities, is_group_version, "an API group and version", reader);
    let gpu_label = match raw.gpu_label {
        Some(label) => checked(label, is_qualified_name, "the key of a label", reader).map(|label| label.value),
        None => Some(GPU_LABEL.to_owned()),
    };
    let mut levels: Levels = levels(raw.levels.unwrap_or_default(), reader);
    links(raw.links.unwrap_or_default(), &mut levels, reader);
    let resources = resources(raw.resources, reader);
    let ports = raw.reserved.and_then(|reserved| reserved.ports);
    let reserved_ports = ports.map_or(Vec::new(), |ports| facts::ports(&ports, reader));
    let namespaces = namespaces(raw.namespaces, reader);
    let class = raw.ingress.and_then(|ingress| ingress.class);
    let monitor_labels = raw.monitoring.and_then(|monitoring| monitoring.labels);
    let routing = Routing {
        gateway: raw.gateway.and_then(|gateway| self::gateway(gateway, reader)),
        ingress_class: class.and_then(|class| subdomain(class, "the name of an IngressClass", reader)),
        monitor_labels: monitor_labels.map_or_else(BTreeMap::new, |labels| {
            facts::labels(labels, reader).into_iter().map(|(key, value)| (key, value.value)).collect()
        }),
    };
    let context = Context { levels: &levels, gpu_label: gpu_label.as_deref().unwrap_or(GPU_LABEL) };
    let (pools, mut nodes) = machines(raw.pools.unwrap_or_default(), raw.nodes.unwrap_or_default(), &context, reader);
    let domains = domains::build(&levels, &mut nodes, reader);
    Some(Inventory {
        name: name?.value,
        kubernetes: kubernetes?,
        capabilities: capabilities.into_iter().collect::<BTreeSet<String>>(),
        levels: levels.list,
        resources,
        gpu_label: gpu_label?,
        pools,
        nodes,
        domains,
        namespaces,
        routing,
        reserved_ports,
    })
}

fn texts(
    raw: Option<Vec<At<String>>>,
    legal: fn(&str) -> bool,
    expected: &str,
    reader: &mut Reader<'_>,
) -> Vec<String> {
    let texts = raw.unwrap_or_default().into_iter();
    texts.filter_map(|text| checked(text, legal, expected, reader)).map(|text| text.value).collect()
}

fn resources(raw: Option<RawResources>, reader: &mut Reader<'_>) -> ResourceNames {
    let Some(raw) = raw else { return ResourceNames { gpu: GPU.to_owned(), rdma: None, hugepages: None } };
    let mut named = |name: Option<At<String>>| name.and_then(|name| facts::resource(name, reader));
    ResourceNames {
        gpu: named(raw.gpu).unwrap_or_else(|| GPU.to_owned()),
        rdma: named(raw.rdma),
        hugepages: named(raw.hugepages),
    }
}

fn namespaces(raw: Option<RawNamespaces>, reader: &mut Reader<'_>) -> Namespaces {
    let Some(raw) = raw else { return Namespaces::default() };
    Namespaces {
        gateway: texts(raw.gateway, is_dns_label, "the name of a namespace", reader),
        monitoring: texts(raw.monitoring, is_dns_label, "the name of a namespace", reader),
    }
}

fn gateway(raw: RawGateway, reader: &mut Reader<'_>) -> Option<Gateway> {
    let name = raw.name.and_then(|name| subdomain(name, "the name of a Gateway", reader));
    let namespace = raw.namespace.and_then(|name| checked(name, is_dns_label, "the name of a namespace", reader));
    let section = raw.section.and_then(|name| subdomain(name, "the name of a listener", reader));
    Some(Gateway { name: name?, namespace: namespace?.value, section })
}

fn subdomain(text: At<String>, expected: &str, reader: &mut Reader<'_>) -> Option<String> {
    checked(text, is_dns_subdomain, expected, reader).map(|text| text.value)
}
