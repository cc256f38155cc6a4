//! Kinds of links between two pods: the order that "NVLink > PCIe > RDMA > VPC" means.

/// Kinds of links between two pods, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Link {
    /// The ordinary network.
    Vpc,
    /// Remote direct memory access.
    Rdma,
    /// PCI Express within a node.
    Pcie,
    /// NVLink.
    Nvlink,
}

impl Link {
    /// All, worst first.
    pub const ALL: [Link; 4] = [Link::Vpc, Link::Rdma, Link::Pcie, Link::Nvlink];

    /// The word in sources and inventories.
    pub fn name(self) -> &'static str {
        match self {
            Link::Vpc => "vpc",
            Link::Rdma => "rdma",
            Link::Pcie => "pcie",
            Link::Nvlink => "nvlink",
        }
    }
}
