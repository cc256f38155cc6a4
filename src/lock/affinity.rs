//! What the pods of a workload were told about nodes, so that it can be told to them again.
//!
//! An affinity is a part of the pod template: another text restarts the pods, even when it means the
//! same. So it is kept as it was written, and not only the nodes that it was derived from.
//!
//! ```text
//! affinity prefill/0/leader asked:9f86d081884c7d65 need:zone=a&x/rack=r1 like:100:kubernetes.io/hostname=n1|n2
//! affinity router/-/pod asked:2c26b46b68ffc68f need:pool!=gpu spread:zone:1:-:required
//! ```

use std::fmt;

/// Pods with one template: those of a part of an instance, or of all instances of a role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Site {
    /// Name of the role.
    pub role: String,
    /// Index of the instance; `None` where all instances share a template.
    pub index: Option<u32>,
    /// The part: `pod`, `leader`, `worker` or the name of a component.
    pub part: String,
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            Some(index) => write!(f, "{}/{index}/{}", self.role, self.part),
            None => write!(f, "{}/-/{}", self.role, self.part),
        }
    }
}

/// All of a pod template that depends on the inventory.
///
/// Keys, values and topologies are not empty (but for values, which may be) and have no blanks and
/// none of `= ! | & :`; see [`Affinity::is_writable`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Affinity {
    /// A digest of what the sources asked for. Another one means that they want something else now.
    pub asked: u64,
    /// A node must satisfy one of these; any node will do when there is none.
    pub required: Vec<Term>,
    /// Wishes and their weights, 1 to 100.
    pub preferred: Vec<(u32, Term)>,
    /// Conditions on the pods that are near.
    pub pods: Vec<PodTerm>,
    /// How the pods of a shared template are spread.
    pub spread: Vec<Spread>,
    /// Taints that are tolerated.
    pub taints: Vec<Taint>,
    /// The pods have the right to lock memory.
    pub lock_memory: bool,
}

/// Conditions on the labels of a node that hold together; never empty.
pub type Term = Vec<Expression>;

/// A condition on a label of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    /// The label.
    pub key: String,
    /// One of these values; none of them when `not` is set. Never empty.
    pub values: Vec<String>,
    /// Turns the condition round.
    pub not: bool,
}

/// A condition on the pods of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodTerm {
    /// The node label of the level.
    pub topology: String,
    /// Which pods.
    pub pods: Pods,
    /// Such a pod must be there; else none may be.
    pub near: bool,
}

/// Pods that a condition speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pods {
    /// Those with accelerators of all other groups: `*`.
    OtherGroups,
    /// Those of a role of the same group, by its name.
    Role(String),
    /// Those of the same instance: of a part, or all of them: `own/leader`, `own/*`.
    Instance(Option<String>),
    /// Those of the other instances of the same role: `others/*`.
    OtherInstances,
}

impl fmt::Display for Pods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pods::OtherGroups => f.write_str("*"),
            Pods::Role(role) => f.write_str(role),
            Pods::Instance(part) => write!(f, "own/{}", part.as_deref().unwrap_or("*")),
            Pods::OtherInstances => f.write_str("others/*"),
        }
    }
}

/// An even spread over the domains of a level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spread {
    /// The node label of the level.
    pub topology: String,
    /// Largest difference between two domains.
    pub max_skew: u32,
    /// Least number of domains.
    pub domains: Option<u32>,
    /// Required; else preferred.
    pub required: bool,
}

/// A taint that is tolerated.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Taint {
    /// Key.
    pub key: String,
    /// Value; may be empty.
    pub value: String,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: String,
}

impl Affinity {
    /// Whether every text in it can stand in a lock. One that cannot is not remembered.
    pub fn is_writable(&self) -> bool {
        let terms = self.required.iter().chain(self.preferred.iter().map(|(_, term)| term));
        let mut expressions = terms.clone().flatten();
        terms.into_iter().all(|term| !term.is_empty())
            && expressions.all(|e| is_key(&e.key) && !e.values.is_empty() && e.values.iter().all(|v| is_text(v)))
            && self.pods.iter().all(|t| is_key(&t.topology) && is_key(&t.pods.to_string()))
            && self.spread.iter().all(|s| is_key(&s.topology))
            && self.taints.iter().all(|t| is_key(&t.key) && is_text(&t.value) && is_key(&t.effect))
    }
}

/// Whether a text may stand between the separators of an affinity.
pub(super) fn is_text(text: &str) -> bool {
    text.len() <= 1024 && text.bytes().all(|b| b.is_ascii_graphic() && !b"=!|&:".contains(&b))
}

pub(super) fn is_key(text: &str) -> bool {
    !text.is_empty() && is_text(text)
}

impl fmt::Display for Affinity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "asked:{:016x}", self.asked)?;
        self.required.iter().try_for_each(|term| write!(f, " need:{}", Shown(term)))?;
        self.preferred.iter().try_for_each(|(weight, term)| write!(f, " like:{weight}:{}", Shown(term)))?;
        for term in &self.pods {
            let word = if term.near { "near" } else { "apart" };
            write!(f, " {word}:{}:{}", term.topology, term.pods)?;
        }
        for spread in &self.spread {
            write!(f, " spread:{}:{}:", spread.topology, spread.max_skew)?;
            match spread.domains {
                Some(domains) => write!(f, "{domains}")?,
                None => f.write_str("-")?,
            }
            f.write_str(if spread.required { ":required" } else { ":preferred" })?;
        }
        self.taints.iter().try_for_each(|t| write!(f, " taint:{}={}:{}", t.key, t.value, t.effect))?;
        if self.lock_memory { f.write_str(" lock-memory") } else { Ok(()) }
    }
}

/// A term as it stands in a lock.
struct Shown<'t>(&'t Term);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, expression) in self.0.iter().enumerate() {
            let and = if index > 0 { "&" } else { "" };
            let equals = if expression.not { "!=" } else { "=" };
            write!(f, "{and}{}{equals}{}", expression.key, expression.values.join("|"))?;
        }
        Ok(())
    }
}
