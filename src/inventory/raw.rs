//! The inventory file as it is written. The doc comments here are the descriptions in the schema.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::tree::{At, Entries, FromTree, Reader, Scalar, Tree, Value, record, words};

record! {
    /// The machines of one cluster and how they are connected.
    #[schemars(rename = "ClusterInventory")]
    RawInventory "the inventory" {
        /// Version of this format.
        api_version "apiVersion" [required]: ApiVersion,
        /// Always `ClusterInventory`.
        kind "kind" [required]: DocumentKind,
        /// Name of the cluster.
        metadata "metadata" [required]: RawMetadata,
        /// Version of Kubernetes as major and minor, in quotes: "1.33".
        kubernetes "kubernetes" [required]: At<String>,
        /// CRDs that the compiler may use, as group and version: `gateway.networking.k8s.io/v1`.
        capabilities "capabilities": Vec<At<String>>,
        /// Topology levels, widest first. A domain is the tuple of values down to its level. The
        /// level of the label `kubernetes.io/hostname` is the node itself; when it is not listed
        /// it is added at the end under the name `node`.
        levels "levels": Vec<RawLevel>,
        /// The best link between two pods that share a domain of a level and no narrower one.
        links "links": Entries<RawLink>,
        /// What the words of the language are called in this cluster.
        resources "resources": RawResources,
        /// The node label that tells the accelerator product; `nvidia.com/gpu.product` by default.
        gpu_label "gpuLabel": At<String>,
        /// Machines that are alike.
        pools "pools": Vec<RawPool>,
        /// Machines one by one.
        nodes "nodes": Vec<RawNode>,
        /// What pods must keep away from.
        reserved "reserved": RawReserved,
        /// Namespaces of others, for network policies.
        namespaces "namespaces": RawNamespaces,
        /// The Gateway that HTTPRoutes are attached to.
        gateway "gateway": RawGateway,
        /// The controller that Ingresses are meant for.
        ingress "ingress": RawIngress,
        /// What Prometheus reads its monitors by.
        monitoring "monitoring": RawMonitoring,
    }
}

words! {
    /// Version of the inventory format.
    ApiVersion "apiVersion" {
        /// The first version.
        V1 "rbgc.dev/v1",
    }
}

words! {
    /// The kind of the document.
    DocumentKind "kind" {
        /// One cluster.
        ClusterInventory "ClusterInventory",
    }
}

record! {
    /// What the cluster is called.
    #[schemars(rename = "Metadata")]
    RawMetadata "`metadata`" {
        /// Name of the cluster, a DNS label.
        name "name" [required]: At<String>,
    }
}

record! {
    /// A topology level.
    #[schemars(rename = "Level")]
    RawLevel "a level" {
        /// The word in sources: `rack`.
        name "name" [required]: At<String>,
        /// The node label whose value names the domain: `topology.kubernetes.io/zone`.
        label "label" [required]: At<String>,
        /// Each value names one domain in the whole cluster, so that the same value below two
        /// wider domains is a mistake. By default only true for `nvidia.com/gpu.clique`.
        unique "unique": bool,
    }
}

/// A link: its class, or the class and what it needs to exist.
#[derive(Debug)]
pub struct RawLink {
    /// The class.
    pub class: LinkClass,
    /// What must be emitted for it.
    pub needs: Option<Need>,
}

record! {
    /// A link that exists only when something is emitted for it.
    #[schemars(rename = "LinkNeeding")]
    RawLinkNeeding "a link" {
        /// The class.
        class "class" [required]: LinkClass,
        /// What must be emitted for it; without that the next wider level's link counts.
        needs "needs": Need,
    }
}

words! {
    /// The class of a link, best first.
    LinkClass "link class" {
        /// NVLink.
        Nvlink "nvlink",
        /// PCI Express within a node.
        Pcie "pcie",
        /// Remote direct memory access.
        Rdma "rdma",
        /// The ordinary network.
        Vpc "vpc",
    }
}

words! {
    /// What a link needs to exist.
    Need "need of a link" {
        /// A ComputeDomain and its claim, for NVLink across nodes.
        ComputeDomain "compute-domain",
        /// Pods of one node that see each other's devices.
        SharedDevices "shared-devices",
    }
}

record! {
    /// Kubernetes names of the resources that sources ask for.
    #[schemars(rename = "Resources")]
    RawResources "`resources`" {
        /// Accelerators; `nvidia.com/gpu` by default.
        gpu "gpu": At<String>,
        /// RDMA adapters, such as `rdma/hca`.
        rdma "rdma": At<String>,
        /// Huge pages, such as `hugepages-2Mi`.
        hugepages "hugepages": At<String>,
    }
}

record! {
    /// Machines that are alike. Without `nodes` the pool holds the nodes that name it.
    #[schemars(rename = "Pool")]
    RawPool "a pool" {
        /// Its name.
        name "name" [required]: At<String>,
        /// Names of its machines as a hostlist: `gpu-[001-128]`, `a[1-3,7],b[01-02]`.
        nodes "nodes": At<String>,
        /// The accelerator product by the name that sources use: `H200`.
        gpu "gpu": At<String>,
        /// Labels that all its machines carry.
        labels "labels": Entries<At<String>>,
        /// Taints of all its machines.
        taints "taints": Vec<RawTaint>,
        /// Only pods of this compiler run here. False by default: foreign pods come and go.
        dedicated "dedicated": bool,
        /// An autoscaler makes and removes its machines.
        elastic "elastic": bool,
        /// Its machines may be taken away at any time.
        spot "spot": bool,
        /// `unlimited` when pods may lock memory without a capability.
        memlock "memlock": Memlock,
        /// Per level the value of each machine, in the order of `nodes`: `a` for all of them, or
        /// `r[01-16] x8` for 16 racks of eight machines; the number must match.
        domains "domains": Entries<At<String>>,
        /// What pods may use of one machine, by resource name.
        allocatable "allocatable": Entries<At<RawAmount>>,
        /// Names of the RDMA adapters of each machine as a hostlist, in the order of the rails:
        /// `mlx5_[0-7]`.
        nics "nics": At<String>,
        /// Links between the accelerators of each machine.
        gpu_links "gpu-links": RawGpuLinks,
    }
}

record! {
    /// A machine. What it does not say is taken from the pool that it names.
    #[schemars(rename = "Node")]
    RawNode "a node" {
        /// Name of the Node object.
        name "name" [required]: At<String>,
        /// The pool that it belongs to.
        pool "pool": At<String>,
        /// The accelerator product by the name that sources use: `H200`.
        gpu "gpu": At<String>,
        /// Labels beside those of the pool.
        labels "labels": Entries<At<String>>,
        /// Taints; replaces those of the pool.
        taints "taints": Vec<RawTaint>,
        /// Only pods of this compiler run here.
        dedicated "dedicated": bool,
        /// An autoscaler makes and removes it.
        elastic "elastic": bool,
        /// It may be taken away at any time.
        spot "spot": bool,
        /// `unlimited` when pods may lock memory without a capability.
        memlock "memlock": Memlock,
        /// Per level the value of its label.
        domains "domains": Entries<At<String>>,
        /// What pods may use, by resource name; adds to and replaces what the pool says.
        allocatable "allocatable": Entries<At<RawAmount>>,
        /// What pods that are not of this compiler use already.
        used "used": Entries<At<RawAmount>>,
        /// Its Ready condition; true by default.
        ready "ready": bool,
        /// It is cordoned; false by default.
        unschedulable "unschedulable": bool,
        /// Names of its RDMA adapters as a hostlist, in the order of the rails; replaces those of
        /// the pool.
        nics "nics": At<String>,
        /// Links between its accelerators; replaces those of the pool.
        gpu_links "gpu-links": RawGpuLinks,
    }
}

record! {
    /// Links between the accelerators of one node, in the words of `nvidia-smi topo -m`: `NV18`,
    /// `PIX`, `PXB`, `PHB`, `NODE`, `SYS`, and `X` for the device itself.
    #[schemars(rename = "GpuLinks")]
    RawGpuLinks "`gpu-links`" {
        /// A row for each accelerator, with its link to each: `X NV18 NV18 NV18`.
        gpus "gpus" [required]: Vec<At<String>>,
        /// By name of a network adapter its link to each accelerator.
        nics "nics": Entries<At<String>>,
    }
}

record! {
    /// A taint.
    #[schemars(rename = "Taint")]
    RawTaint "a taint" {
        /// Key.
        key "key" [required]: At<String>,
        /// Value; empty by default.
        value "value": At<String>,
        /// What it does to pods that do not tolerate it.
        effect "effect" [required]: Effect,
    }
}

words! {
    /// What a taint does to pods that do not tolerate it.
    Effect "effect of a taint" {
        /// They are not placed here.
        NoSchedule "NoSchedule",
        /// They are placed here when nothing else is left.
        PreferNoSchedule "PreferNoSchedule",
        /// They are evicted.
        NoExecute "NoExecute",
    }
}

words! {
    /// How much memory pods may lock.
    Memlock "limit of locked memory" {
        /// As much as they want.
        Unlimited "unlimited",
    }
}

record! {
    /// What pods must keep away from.
    #[schemars(rename = "Reserved")]
    RawReserved "`reserved`" {
        /// Ports that pods on the host network must not use: "30000-32767", "8472,30000-32767".
        ports "ports": At<String>,
    }
}

record! {
    /// Namespaces that may reach the groups.
    #[schemars(rename = "Namespaces")]
    RawNamespaces "`namespaces`" {
        /// Where gateways run.
        gateway "gateway": Vec<At<String>>,
        /// Where monitoring runs.
        monitoring "monitoring": Vec<At<String>>,
    }
}

record! {
    /// The Gateway that HTTPRoutes are attached to.
    #[schemars(rename = "Gateway")]
    RawGateway "`gateway`" {
        /// Name of the Gateway.
        name "name" [required]: At<String>,
        /// Its namespace, whose Gateway must allow routes from those of the groups.
        namespace "namespace" [required]: At<String>,
        /// The listener; all that admit the host by default.
        section "section": At<String>,
    }
}

record! {
    /// The controller that Ingresses are meant for.
    #[schemars(rename = "Ingress")]
    RawIngress "`ingress`" {
        /// Name of the IngressClass.
        class "class" [required]: At<String>,
    }
}

record! {
    /// What Prometheus reads its monitors by.
    #[schemars(rename = "Monitoring")]
    RawMonitoring "`monitoring`" {
        /// Labels that its `podMonitorSelector` asks for: `{ release: kube-prometheus-stack }`.
        labels "labels": Entries<At<String>>,
    }
}

/// An amount of a resource, as a number or a quantity in Kubernetes' notation.
#[derive(Debug)]
pub struct RawAmount(pub Scalar);

impl FromTree for RawAmount {
    fn from_tree(tree: Tree, reader: &mut Reader<'_>) -> Option<Self> {
        Scalar::from_tree(tree, reader).map(RawAmount)
    }
}

impl JsonSchema for RawAmount {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Quantity".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": ["string", "number"], "minimum": 0 })
    }
}

impl FromTree for RawLink {
    fn from_tree(tree: Tree, reader: &mut Reader<'_>) -> Option<Self> {
        if let Value::Map(_) = tree.value {
            let link = RawLinkNeeding::from_tree(tree, reader)?;
            return Some(RawLink { class: link.class?, needs: link.needs });
        }
        Some(RawLink { class: LinkClass::from_tree(tree, reader)?, needs: None })
    }
}

impl JsonSchema for RawLink {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Link".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let forms = [generator.subschema_for::<LinkClass>(), generator.subschema_for::<RawLinkNeeding>()];
        schemars::json_schema!({ "anyOf": forms })
    }
}
