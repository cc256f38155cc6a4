//! What makes two partial plans, or two machines in one, the same for the rest of the search.
//!
//! Every fact that can still matter is a mark on a domain: what is free on a machine, which scope is
//! bound there, who touches it. The hash of a domain is made of its marks and of the hashes of the
//! domains in it, in any order; so plans that differ by an exchange of equal domains get one hash, and
//! machines with equal hashes on the whole way down are exchangeable.

use super::state::State;

/// Marks by level and domain, and what they sum up to.
pub(super) struct Symmetry {
    /// For each level the hash of each domain with all that is in it.
    hashes: Vec<Vec<u128>>,
    nested: bool,
}

impl Symmetry {
    /// The hashes of a partial plan.
    pub fn new(state: &State) -> Self {
        let topology = &state.index.topology;
        let mut hashes: Vec<Vec<u128>> = topology.sizes.iter().map(|n| vec![0; *n]).collect();
        let leaf = topology.machine_level();
        for (machine, hash) in hashes[leaf].iter_mut().enumerate() {
            *hash = machine_hash(state, machine);
        }
        state.each_mark(|level, domain, mark| add(&mut hashes[level][domain], mark));
        let mut symmetry = Symmetry { hashes, nested: topology.nested };
        symmetry.gather(state);
        symmetry
    }

    fn gather(&mut self, state: &State) {
        let topology = &state.index.topology;
        for level in (0..topology.levels).rev() {
            for domain in 0..topology.sizes[level] {
                let area = super::topology::Area { level, domain };
                let mut sum = mix(self.hashes[level][domain], u64::from(topology.is_known(area)));
                if !self.nested {
                    // Without nesting nothing is exchanged: each domain is itself.
                    sum = mix(sum, ((level as u64) << 32) + domain as u64);
                }
                if level + 1 < topology.levels {
                    for child in topology.inside(area, level + 1) {
                        sum = sum.wrapping_add(mix(self.hashes[level + 1][*child as usize], 2));
                    }
                }
                self.hashes[level][domain] = mix(sum, 3);
            }
        }
    }

    /// The hash of the whole plan.
    pub fn whole(&self) -> u128 {
        let all = self.hashes.iter().flatten().fold(0u128, |sum, h| sum.wrapping_add(mix(*h, 4)));
        mix(self.hashes[0][0].wrapping_add(all), 5)
    }

    /// Equal for machines that can be exchanged without any difference to the rest of the search.
    pub fn orbit(&self, state: &State, machine: usize) -> u128 {
        let path = state.index.topology.path(machine).iter().enumerate();
        path.fold(0, |sum, (level, domain)| mix(sum ^ self.hashes[level][*domain as usize], 6))
    }
}

/// What is free on a machine, and which pods may use it.
fn machine_hash(state: &State, machine: usize) -> u128 {
    let index = state.index;
    let mut hash = 0;
    for free in &state.free[machine * index.columns..][..index.columns] {
        hash = mix(hash, *free as u64);
    }
    for set in &index.problem.eligible {
        hash = mix(hash, u64::from(set.get(machine).copied().unwrap_or(false)));
    }
    mix(hash, u64::from(index.problem.machines[machine].closed.is_some()))
}

/// Adds a mark; the order of marks does not matter.
fn add(hash: &mut u128, mark: &[u64]) {
    *hash = hash.wrapping_add(mark.iter().fold(7, |sum, word| mix(sum, *word)));
}

/// A mixer of 128 bits: two rounds of multiplication and folding.
pub(super) fn mix(hash: u128, word: u64) -> u128 {
    const A: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
    const B: u128 = 0xd6e8_feb8_6659_fd93_c2b2_ae3d_27d4_eb4f;
    let mut x = (hash ^ (u128::from(word).wrapping_add(1)).wrapping_mul(A)).wrapping_mul(B);
    x ^= x >> 71;
    x = x.wrapping_mul(A);
    x ^ (x >> 61)
}
