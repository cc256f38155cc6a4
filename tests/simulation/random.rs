//! Random groups, the changes of a commit, and who comes after whom.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use rbgc::kinds::Target;

use crate::scheduler::dice::Dice;

/// The component of what warms nodes up for a role.
pub const WARM_UP: &str = "warm-up";

/// Group, role and component; an empty component stands for all but [`WARM_UP`].
pub type Node = (String, String, String);

/// Who starts after whom.
pub type Edges = Vec<(Node, Node)>;

/// Whether a workload's node is what an edge names.
pub fn is(node: &Node, named: &Node) -> bool {
    let all = named.2.is_empty() && node.2 != WARM_UP;
    (&node.0, &node.1) == (&named.0, &named.1) && (all || node.2 == named.2)
}

/// How a role is written.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Shape {
    Interchangeable,
    Stable,
    Apart,
    LeaderAndWorkers,
    /// The same, scaled by an autoscaler from some number on.
    Scaled,
    Components,
}

impl Shape {
    /// What a target has: LeaderWorkerSets know no components, and only they scale instances of several
    /// pods. The controller of RoleBasedGroups starts components at once.
    fn of(target: Target) -> &'static [Shape] {
        use Shape::*;
        match target {
            Target::Native => &[Interchangeable, Stable, Apart, LeaderAndWorkers, Components],
            Target::Lws => &[Interchangeable, Stable, Apart, LeaderAndWorkers, LeaderAndWorkers, Scaled],
            Target::Rbg => &[Interchangeable, Stable, Apart, LeaderAndWorkers],
        }
    }
}

/// What a role comes after beside roles of groups.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Beyond {
    /// All roles of a group.
    Group(usize),
    /// All groups of the family.
    Family,
    /// One of them.
    Element(usize),
    /// A role of one.
    Member(usize, usize),
}

/// `group fam x 2`: two groups of two roles, the second of which comes after the first.
#[derive(Debug, Clone)]
struct Family {
    /// Of the images of the two roles.
    versions: [usize; 2],
}

/// Groups of the family.
const ELEMENTS: usize = 2;

#[derive(Debug, Clone)]
struct Role {
    name: String,
    shape: Shape,
    replicas: usize,
    version: usize,
    /// Groups and roles.
    after: Vec<(usize, usize)>,
    /// Whether its pods wait for them whenever they start.
    waits: bool,
    beyond: Vec<Beyond>,
    /// Whether only the pod of an instance that fails starts anew, where the target can choose.
    alone: bool,
}

/// Some groups.
#[derive(Debug, Clone)]
pub struct Program {
    /// What it is compiled for.
    pub target: Target,
    family: Family,
    groups: Vec<Vec<Role>>,
    /// For each group the two roles that are coordinated.
    coordinated: Vec<Option<Pair>>,
}

/// Two roles that are coordinated, the first of which may come before the second.
#[derive(Debug, Clone, Copy)]
struct Pair {
    roles: (usize, usize),
    /// Whether they are updated in step.
    in_step: bool,
}

impl Pair {
    fn has(self, role: usize) -> bool {
        role == self.roles.0 || role == self.roles.1
    }
}

/// How far roles that are updated in step may be apart at the end of a step, in percent: what two,
/// three or four instances can keep of two, three or four others.
pub const MOST_SKEW: f64 = 30.0;

/// So many groups of some roles, each after some that stand before it.
pub fn program(target: Target, groups: usize, dice: &mut Dice) -> Program {
    let family = Family { versions: [1, 1] };
    let mut program = Program { target, family, groups: Vec::new(), coordinated: Vec::new() };
    for _ in 0..groups {
        let roles = 2 + dice.below(4);
        program.groups.push(Vec::new());
        (0..roles).for_each(|_| program.add(program.groups.len() - 1, dice));
        let (one, other) = (dice.below(roles), dice.below(roles));
        let (a, b) = (one.min(other), one.max(other));
        let group = program.groups.len() - 1;
        // The controller of RoleBasedGroups updates roles in step by itself.
        let in_step = target != Target::Rbg && dice.below(3) > 0 && !program.comes_between(group, (a, b));
        let fixed = [a, b].iter().all(|role| program.groups[group][*role].shape != Shape::Scaled);
        let pair = Pair { roles: (a, b), in_step };
        program.coordinated.push(Some(pair).filter(|_| fixed && a < b && dice.below(3) > 0));
    }
    for (group, pair) in program.coordinated.iter().enumerate() {
        for (pair, role) in pair.iter().flat_map(|pair| [(pair, pair.roles.0), (pair, pair.roles.1)]) {
            program.groups[group][role].replicas = 2 + if pair.in_step { dice.below(3) } else { 0 };
        }
    }
    program
}

impl Program {
    fn add(&mut self, group: usize, dice: &mut Dice) {
        let mut role = Role {
            name: format!("r{}", self.groups[group].len()),
            shape: *dice.of(Shape::of(self.target)),
            replicas: 1 + dice.below(3),
            version: 1,
            after: Vec::new(),
            waits: dice.below(2) == 0,
            beyond: Vec::new(),
            alone: self.target == Target::Lws && dice.below(3) == 0,
        };
        while dice.below(5) < 2 {
            let (element, member) = (dice.below(ELEMENTS), dice.below(2));
            let all = [Beyond::Family, Beyond::Element(element), Beyond::Member(element, member)];
            let whole = (0..group).map(Beyond::Group);
            let all: Vec<Beyond> = all.into_iter().chain(whole.clone()).chain(whole).collect();
            let one = *dice.of(&all);
            if !role.beyond.contains(&one) {
                role.beyond.push(one);
            }
        }
        // Who waits for a whole group waits for roles that come to it later, too; and RoleBasedGroups
        // cannot wait for each other.
        let waiting = self.groups.iter().flatten().any(|role| role.beyond.contains(&Beyond::Group(group)));
        let whole = waiting || self.target == Target::Rbg;
        let earlier: Vec<(usize, usize)> = self.roles().filter(|(g, _)| !whole || *g <= group).collect();
        for _ in 0..dice.below(3).min(earlier.len()) {
            // Mostly of the same group.
            let own: Vec<_> = earlier.iter().filter(|(g, _)| *g == group || dice.below(5) == 0).copied().collect();
            if !own.is_empty() {
                role.after.push(*dice.of(&own));
            }
        }
        role.after.sort_unstable();
        role.after.dedup();
        self.groups[group].push(role);
    }

    fn roles(&self) -> impl Iterator<Item = (usize, usize)> {
        self.groups.iter().enumerate().flat_map(|(g, roles)| (0..roles.len()).map(move |r| (g, r)))
    }

    /// Whether the second role comes after another one that comes after the first: no step could
    /// update both.
    fn comes_between(&self, group: usize, (a, b): (usize, usize)) -> bool {
        let before = |(g, r): (usize, usize)| self.groups[g][r].after.iter().copied();
        let mut open: Vec<(usize, usize)> = before((group, b)).filter(|id| *id != (group, a)).collect();
        while let Some(id) = open.pop() {
            if id == (group, a) {
                return true;
            }
            open.extend(before(id));
        }
        false
    }

    /// Another commit: new images, other numbers, more roles, more and fewer dependencies, and a
    /// role that goes.
    pub fn change(&mut self, dice: &mut Dice) {
        for (g, r) in self.roles().collect::<Vec<_>>() {
            let free = !self.coordinated(g, r);
            let role = &mut self.groups[g][r];
            if dice.below(2) == 0 {
                role.version += 1;
            }
            if free && dice.below(4) == 0 {
                role.replicas = 1 + dice.below(3);
            }
            if dice.below(4) == 0 {
                role.after.pop();
                role.beyond.pop();
            }
        }
        self.family.versions.iter_mut().for_each(|version| *version += dice.below(2));
        for group in 0..self.groups.len() {
            let last = self.groups[group].len() - 1;
            let used = self.groups.iter().flatten().any(|role| role.after.contains(&(group, last)));
            let free = self.coordinated[group].is_none_or(|pair| pair.roles.1 != last);
            if free && !used && last > 0 && dice.below(3) == 0 {
                self.groups[group].pop();
            } else if dice.below(3) == 0 {
                self.add(group, dice);
                // What existed may come after what is new, where that makes no circle.
                let first = self.groups[group].len() - 1;
                if self.groups[group][first].after.is_empty() && self.groups[group][first].beyond.is_empty() {
                    self.groups[group][0].after = vec![(group, first)];
                }
            }
        }
    }

    fn coordinated(&self, group: usize, role: usize) -> bool {
        self.coordinated[group].is_some_and(|pair| pair.has(role))
    }

    /// The program.
    pub fn source(&self) -> String {
        let mut text = self.family.source(self.target);
        for (g, roles) in self.groups.iter().enumerate() {
            let _ = writeln!(text, "group g{g} {{\n  namespace = \"n{}\"", g % 2);
            for role in roles {
                self.write(g, role, &mut text);
            }
            if let Some(Pair { roles: (a, b), in_step }) = self.coordinated[g] {
                let how = if in_step { format!("rollout {{ max-skew = {MOST_SKEW}% }}") } else { "ratio = 1:1".into() };
                let _ = writeln!(text, "  coordinate r{a}, r{b} {{ {how} }}");
            }
            // Nothing is apart of one instance.
            let apart = roles.iter().filter(|role| role.shape == Shape::Apart && role.replicas > 1);
            apart.for_each(|role| text.push_str(&format!("  place {{ {} apart at node }}\n", role.name)));
            text.push_str("}\n");
        }
        text
    }

    fn write(&self, group: usize, role: &Role, text: &mut String) {
        let Role { name, shape, replicas, version, after, waits, beyond, alone } = role;
        let image = format!("image = \"example.com/{name}:{version}\"  interpreter = \"bash\"  port http = 8000");
        let range = if *shape == Shape::Scaled { format!("{replicas}..4") } else { replicas.to_string() };
        let _ = writeln!(text, "  role {name} {{\n    {image}\n    replicas = {range}");
        match shape {
            Shape::Interchangeable | Shape::Apart => {}
            Shape::Stable => text.push_str("    identity = \"stable\"\n"),
            Shape::LeaderAndWorkers => text.push_str("    pods = 3\n    warm-up {}\n"),
            Shape::Scaled => text.push_str("    pods = 2  cpu = 1  autoscale { cpu = 70% }\n"),
            Shape::Components => {
                text.push_str("    component one { cpu = 1 }\n    component two { cpu = 1  pods = 2  after one }\n");
            }
        }
        if *alone && matches!(shape, Shape::LeaderAndWorkers | Shape::Scaled) {
            text.push_str("    recover = \"pod\"\n");
        }
        for one in beyond {
            let what = match one {
                Beyond::Group(g) => format!("group g{g}"),
                Beyond::Family => "group fam".into(),
                Beyond::Element(element) => format!("group fam[{element}]"),
                Beyond::Member(element, member) => format!("fam[{element}].f{member}"),
            };
            let _ = writeln!(text, "    after {what}");
        }
        // Roles that come in steps cannot wait for each other in their pods.
        let own = self.groups[group].iter().position(|other| other.name == *name);
        let steps = own.is_some_and(|own| self.coordinated(group, own));
        for (g, r) in after {
            let name = &self.groups[*g][*r].name;
            let other = if *g == group { name.clone() } else { format!("g{g}.{name}") };
            let in_step = steps && *g == group && self.coordinated(group, *r);
            let _ = writeln!(text, "    after {other}{}", if *waits && !in_step { " { wait = true }" } else { "" });
        }
        text.push_str("  }\n");
    }

    /// Who comes after whom. Components of a role wait for each other, and roles for their warm-up.
    pub fn edges(&self) -> Edges {
        let node =
            |(g, r): (usize, usize), part: &str| (format!("g{g}"), self.groups[g][r].name.clone(), part.to_owned());
        let mut edges = Vec::new();
        for element in 0..ELEMENTS {
            let member = |member: &str| (format!("fam-{element}"), member.to_owned(), String::new());
            edges.push((member("f1"), member("f0")));
        }
        for id in self.roles() {
            let role = &self.groups[id.0][id.1];
            edges.extend(role.after.iter().map(|before| (node(id, ""), node(*before, ""))));
            if role.shape == Shape::LeaderAndWorkers {
                edges.push((node(id, ""), node(id, WARM_UP)));
            }
            let earlier = role.beyond.iter().flat_map(|one| self.beyond(*one));
            edges.extend(earlier.map(|(group, role)| (node(id, ""), (group, role, String::new()))));
            // One instance may be ahead of another, unless its role is brought as a whole.
            if role.shape == Shape::Components && !self.coordinated(id.0, id.1) {
                edges.push((node(id, "two"), node(id, "one")));
            }
        }
        edges
    }

    /// The groups and roles that something stands for.
    fn beyond(&self, one: Beyond) -> Vec<(String, String)> {
        let member = |element: usize, member: usize| (format!("fam-{element}"), format!("f{member}"));
        match one {
            Beyond::Group(g) => self.groups[g].iter().map(|role| (format!("g{g}"), role.name.clone())).collect(),
            Beyond::Family => (0..ELEMENTS).flat_map(|element| [member(element, 0), member(element, 1)]).collect(),
            Beyond::Element(element) => vec![member(element, 0), member(element, 1)],
            Beyond::Member(element, role) => vec![member(element, role)],
        }
    }

    /// The pairs of kinds of edges that some role has.
    pub fn pairs(&self) -> BTreeSet<(&'static str, &'static str)> {
        let mut pairs = BTreeSet::new();
        for (group, role) in self.roles() {
            let kinds = self.kinds(group, &self.groups[group][role], role);
            let all = kinds.iter().flat_map(|one| kinds.iter().map(move |other| (*one, *other)));
            pairs.extend(all.filter(|(one, other)| one < other));
        }
        pairs
    }

    fn kinds(&self, group: usize, role: &Role, index: usize) -> BTreeSet<&'static str> {
        let far = |other: usize| other % 2 != group % 2;
        let role_kind = |(other, _): &(usize, usize)| match *other {
            other if other == group => KINDS[0],
            other if far(other) => KINDS[1],
            _ => KINDS[2],
        };
        let beyond = |one: &Beyond| match one {
            Beyond::Group(other) if far(*other) => KINDS[3],
            Beyond::Group(_) => KINDS[4],
            Beyond::Family => KINDS[5],
            Beyond::Element(_) => KINDS[6],
            Beyond::Member(..) => KINDS[7],
        };
        let in_step = self.coordinated[group].is_some_and(|pair| pair.in_step && pair.has(index));
        let in_step = in_step.then_some(KINDS[8]);
        role.after.iter().map(role_kind).chain(role.beyond.iter().map(beyond)).chain(in_step).collect()
    }
}

/// Kinds of edges, and what else an order may depend on.
pub const KINDS: [&str; 9] = [
    "a role of the group",
    "a role in another namespace",
    "a role of another group",
    "a group in another namespace",
    "a group",
    "all groups of a family",
    "a group of a family",
    "a role of a group of a family",
    "updated in step",
];

impl Family {
    fn source(&self, target: Target) -> String {
        let [first, second] = self.versions;
        let pods = if target == Target::Native { "" } else { "pods = 2  " };
        format!(
            "group fam x {ELEMENTS} {{\n  namespace = \"n${{index}}\"\n  \
             role f0 {{ image = \"example.com/f0:{first}\"  {pods}replicas = 2 }}\n  \
             role f1 {{ image = \"example.com/f1:{second}\"  after f0 }}\n}}\n"
        )
    }
}
