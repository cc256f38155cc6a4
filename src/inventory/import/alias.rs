//! Which node labels are levels, how they are normally called, and what is told by other labels.
//!
//! The order of levels comes from nesting (see `levels`); the ranks here only decide between labels
//! that divide the nodes alike. The keys come from the documentation of each system.

/// A label that is known to be a level.
#[derive(Debug, Clone, Copy)]
pub struct Alias {
    /// The key of the label.
    pub label: &'static str,
    /// Names of the level, the preferred one first.
    pub names: &'static [&'static str],
    /// Wider levels have the smaller rank.
    pub rank: u8,
    /// Each value names one domain in the whole cluster.
    pub unique: bool,
    /// What the level is about.
    pub kind: Kind,
}

/// What a level is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A place: region, zone, data centre.
    Place,
    /// Switches of the network between nodes.
    Fabric,
    /// Accelerators that NVLink connects across nodes.
    Nvlink,
}

const fn alias(label: &'static str, names: &'static [&'static str], rank: u8, unique: bool, kind: Kind) -> Alias {
    Alias { label, names, rank, unique, kind }
}

/// All known labels. Of two that divide the nodes alike and have the same rank the first one is the
/// wider.
#[rustfmt::skip]
pub const ALIASES: &[Alias] = &[
    // Kubernetes, well-known labels.
    alias("topology.kubernetes.io/region", &["region"], 0, true, Kind::Place),
    alias("topology.kubernetes.io/zone", &["zone"], 2, true, Kind::Place),
    // NVIDIA topograph before 1.0, and what Koordinator documents.
    alias("network.topology.nvidia.com/datacenter", &["datacenter"], 1, true, Kind::Place),
    alias("network.topology.nvidia.com/core", &["core"], 3, true, Kind::Fabric),
    alias("network.topology.nvidia.com/spine", &["spine"], 4, true, Kind::Fabric),
    alias("network.topology.nvidia.com/block", &["block"], 5, true, Kind::Fabric),
    alias("network.topology.nvidia.com/leaf", &["rack", "leaf"], 5, true, Kind::Fabric),
    alias("network.topology.nvidia.com/accelerator", &["nvlink", "nvl-domain"], 7, true, Kind::Nvlink),
    // NVIDIA topograph from 1.0; its tiers above the third are found by their prefix.
    alias("fabric.topograph.run/tier-2", &["core"], 3, true, Kind::Fabric),
    alias("fabric.topograph.run/tier-1", &["block"], 4, true, Kind::Fabric),
    alias("fabric.topograph.run/tier-0", &["rack"], 5, true, Kind::Fabric),
    alias("accelerator.topograph.run/domain", &["nvlink", "nvl-domain"], 7, true, Kind::Nvlink),
    alias("accelerator.topograph.run/sub-domain", &["nvl-rack"], 8, true, Kind::Nvlink),
    // Google GKE.
    alias("cloud.google.com/gce-topology-block", &["block"], 4, true, Kind::Fabric),
    alias("cloud.google.com/gce-topology-subblock", &["rack", "subblock"], 5, true, Kind::Fabric),
    // Amazon EKS: the first layer is the widest; some types have a fourth.
    alias("topology.k8s.aws/network-node-layer-1", &["core"], 3, true, Kind::Fabric),
    alias("topology.k8s.aws/network-node-layer-2", &["block", "core"], 4, true, Kind::Fabric),
    alias("topology.k8s.aws/network-node-layer-3", &["rack", "block"], 5, true, Kind::Fabric),
    alias("topology.k8s.aws/network-node-layer-4", &["rack"], 6, true, Kind::Fabric),
    alias("topology.k8s.aws/ultraserver-id", &["nvlink", "ultraserver"], 7, true, Kind::Nvlink),
    // Oracle OKE.
    alias("oci.oraclecloud.com/rdma.hpc_island_id", &["core", "island"], 3, true, Kind::Fabric),
    alias("oci.oraclecloud.com/rdma.network_block_id", &["block"], 4, true, Kind::Fabric),
    alias("oci.oraclecloud.com/rdma.local_block_id", &["rack"], 5, true, Kind::Fabric),
    alias("oci.oraclecloud.com/host.network_block_id", &["block"], 4, true, Kind::Fabric),
    alias("oci.oraclecloud.com/host.rack_id", &["rack"], 5, true, Kind::Fabric),
    // CoreWeave.
    alias("ib.coreweave.cloud/fabric", &["fabric"], 3, true, Kind::Fabric),
    alias("ib.coreweave.cloud/superpod", &["superpod"], 4, false, Kind::Fabric),
    alias("ib.coreweave.cloud/leafgroup", &["leafgroup"], 5, false, Kind::Fabric),
    alias("node.coreweave.cloud/rack", &["rack"], 6, false, Kind::Place),
    alias("ds.coreweave.com/nvlink.domain", &["nvlink", "nvl-domain"], 7, false, Kind::Nvlink),
    // Alibaba ACK.
    alias("alibabacloud.com/hpn-zone", &["hpn-zone"], 3, true, Kind::Fabric),
    // Azure has no label of its fabric; proximity placement groups are the nearest thing.
    alias("kubernetes.azure.com/ppg", &["ppg"], 4, false, Kind::Place),
    // Volcano's discovery by labels, for Ascend.
    alias("volcano.sh/hypercluster", &["hypercluster"], 4, false, Kind::Fabric),
    alias("volcano.sh/hypernode", &["hypernode"], 6, false, Kind::Fabric),
    alias("volcano.sh/tor", &["rack", "tor"], 5, false, Kind::Fabric),
    // NVIDIA's GPU feature discovery: `<cluster>.<clique>`.
    alias("nvidia.com/gpu.clique", &["nvlink"], 9, true, Kind::Nvlink),
];

/// The tiers of topograph, 0 the closest.
pub const TIER: &str = "fabric.topograph.run/tier-";
/// The accelerator domain of topograph.
pub const ACCELERATOR: &str = "accelerator.topograph.run/domain";
/// What levels without a label of their own are labelled with.
pub const OWN: &str = "topology.rbgc.dev/";

/// What is known about a label.
pub fn alias_of(label: &str) -> Option<&'static Alias> {
    ALIASES.iter().find(|alias| alias.label == label)
}

/// What a label's level is about, where that is known.
pub fn kind(label: &str) -> Option<Kind> {
    match alias_of(label) {
        Some(alias) => Some(alias.kind),
        None => label.starts_with(TIER).then_some(Kind::Fabric),
    }
}

/// Whether a label is one of those that name levels.
pub fn is_level(label: &str) -> bool {
    alias_of(label).is_some() || label.starts_with(OWN) || tier(label).is_some()
}

/// The number of a tier of topograph.
fn tier(label: &str) -> Option<u8> {
    label.strip_prefix(TIER)?.parse().ok().filter(|tier| *tier < 16)
}

/// Rank among labels that divide the nodes alike: the smaller is the wider.
pub fn rank(label: &str) -> Option<(u8, usize)> {
    if let Some(index) = ALIASES.iter().position(|alias| alias.label == label) {
        return Some((ALIASES[index].rank, index));
    }
    // Tiers above the table are wider than its widest.
    tier(label).map(|tier| (3, usize::MAX - usize::from(tier)))
}

/// The words under which a level without a label may be described in a table, and their labels.
pub const WORDS: &[(&str, &str)] = &[
    ("region", "topology.kubernetes.io/region"),
    ("zone", "topology.kubernetes.io/zone"),
    ("nvlink", "nvidia.com/gpu.clique"),
    ("clique", "nvidia.com/gpu.clique"),
];

/// Words for levels that have no label anywhere; they get one of [`OWN`].
pub const OWN_WORDS: &[&str] = &[
    "datacenter",
    "hall",
    "room",
    "row",
    "building",
    "fabric",
    "superpod",
    "pod",
    "core",
    "spine",
    "block",
    "subblock",
    "rack",
    "leaf",
    "leafgroup",
    "chassis",
];

/// Labels that tell the accelerator product.
pub const PRODUCT_LABELS: &[&str] = &[
    "nvidia.com/gpu.product",
    "cloud.google.com/gke-accelerator",
    "amd.com/gpu.product-name",
    "alibabacloud.com/gpu-card-model",
    "huawei.com/npu.name",
];

/// Resources that are accelerators.
pub const GPUS: &[&str] = &[
    "nvidia.com/gpu",
    "amd.com/gpu",
    "gpu.intel.com/i915",
    "gpu.intel.com/xe",
    "habana.ai/gaudi",
    "huawei.com/Ascend910",
    "google.com/tpu",
    "aws.amazon.com/neuron",
    "alibabacloud.com/gpu-count",
];

/// Whether a resource is a network adapter with remote direct memory access.
pub fn is_rdma(resource: &str) -> bool {
    let known = ["rdma/", "networking.gke.io.networks/rdma-", "openshift.io/rdma", "nvidia.com/rdma"];
    resource == "vpc.amazonaws.com/efa" || known.iter().any(|prefix| resource.starts_with(prefix))
}

/// Labels that tell to which pool a node belongs.
pub const POOL_LABELS: &[&str] = &[
    "cloud.google.com/gke-nodepool",
    "eks.amazonaws.com/nodegroup",
    "alpha.eksctl.io/nodegroup-name",
    "karpenter.sh/nodepool",
    "kubernetes.azure.com/agentpool",
    "agentpool",
    "node.coreweave.cloud/nodepool",
    "alibabacloud.com/nodepool-id",
    "node-pool",
    "nodepool",
    "pool",
];

/// Labels and values that say that a node may be taken away at any time.
pub const SPOT: &[(&str, &str)] = &[
    ("cloud.google.com/gke-spot", "true"),
    ("cloud.google.com/gke-preemptible", "true"),
    ("eks.amazonaws.com/capacityType", "SPOT"),
    ("karpenter.sh/capacity-type", "spot"),
    ("kubernetes.azure.com/scalesetpriority", "spot"),
];

/// Labels that only nodes have which an autoscaler makes and removes.
pub const ELASTIC: &[&str] = &["karpenter.sh/nodepool", "karpenter.sh/registered"];

/// Labels that tell the kind of machine.
pub const INSTANCE_TYPE: &str = "node.kubernetes.io/instance-type";

/// Whether a label says nothing that anybody would place by: what is old, changes by itself, or
/// lists every feature of a processor.
pub fn is_noise(label: &str) -> bool {
    let prefixes = [
        "beta.kubernetes.io/",
        "failure-domain.beta.kubernetes.io/",
        "feature.node.kubernetes.io/",
        "nvidia.com/cuda.",
        "nvidia.com/gfd.",
        "nvidia.com/gpu.deploy.",
        "nvidia.com/gpu-driver",
        "nvidia.com/gpu.machine",
        "nvidia.com/gpu.compute.",
        "nvidia.com/gpu.replicas",
        "nvidia.com/vgpu.",
        "nvidia.com/mps.",
        "nvidia.com/mig.",
        "nvidia.com/gpu.sharing",
        "nvidia.com/gpu.imex",
        "topology.ebs.csi.aws.com/",
        "topology.gke.io/",
        "topology.disk.csi.",
        "csi.volume.kubernetes.io/",
        "node.kubernetes.io/exclude-from-",
        "kubernetes.azure.com/node-image",
        "eks.amazonaws.com/nodegroup-image",
        "eks.amazonaws.com/sourceLaunchTemplate",
        "oci.oraclecloud.com/host_id",
        "oci.oraclecloud.com/rdma.host_id",
        "cloud.google.com/gce-topology-host",
        "k8s.io/cloud-provider-",
        "kubernetes.io/os",
    ];
    prefixes.iter().any(|prefix| label.starts_with(prefix))
}
