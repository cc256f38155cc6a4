//! Random groups, the changes of a commit, and who comes after whom.

use std::fmt::Write as _;

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
    Components,
}

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
}

/// Some groups.
#[derive(Debug, Clone)]
pub struct Program {
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
pub fn program(groups: usize, dice: &mut Dice) -> Program {
    let mut program = Program { groups: Vec::new(), coordinated: Vec::new() };
    for _ in 0..groups {
        let roles = 2 + dice.below(4);
        program.groups.push(Vec::new());
        (0..roles).for_each(|_| program.add(program.groups.len() - 1, dice));
        let (one, other) = (dice.below(roles), dice.below(roles));
        let (a, b) = (one.min(other), one.max(other));
        let group = program.groups.len() - 1;
        let in_step = dice.below(2) == 0 && !program.comes_between(group, (a, b));
        let pair = Pair { roles: (a, b), in_step };
        program.coordinated.push(Some(pair).filter(|_| a < b && dice.below(3) > 0));
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
        let shapes = [Shape::Interchangeable, Shape::Stable, Shape::Apart, Shape::LeaderAndWorkers, Shape::Components];
        let mut role = Role {
            name: format!("r{}", self.groups[group].len()),
            shape: *dice.of(&shapes),
            replicas: 1 + dice.below(3),
            version: 1,
            after: Vec::new(),
            waits: dice.below(2) == 0,
        };
        let earlier: Vec<(usize, usize)> = self.roles().collect();
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
            }
        }
        for group in 0..self.groups.len() {
            let last = self.groups[group].len() - 1;
            let used = self.groups.iter().flatten().any(|role| role.after.contains(&(group, last)));
            let free = self.coordinated[group].is_none_or(|pair| pair.roles.1 != last);
            if free && !used && last > 0 && dice.below(3) == 0 {
                self.groups[group].pop();
            } else if dice.below(3) == 0 {
                self.add(group, dice);
                // What existed may come after what is new, where that makes no circle.
                let new = self.groups[group].last().map(|role| role.after.clone()).unwrap_or_default();
                let first = self.groups[group].len() - 1;
                if new.is_empty() {
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
        let mut text = String::new();
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
        let Role { name, shape, replicas, version, after, waits } = role;
        let image = format!("image = \"example.com/{name}:{version}\"  interpreter = \"bash\"  port http = 8000");
        let _ = writeln!(text, "  role {name} {{\n    {image}\n    replicas = {replicas}");
        match shape {
            Shape::Interchangeable | Shape::Apart => {}
            Shape::Stable => text.push_str("    identity = \"stable\"\n"),
            Shape::LeaderAndWorkers => text.push_str("    pods = 3\n    warm-up {}\n"),
            Shape::Components => {
                text.push_str("    component one { cpu = 1 }\n    component two { cpu = 1  pods = 2  after one }\n");
            }
        }
        for (g, r) in after {
            let name = &self.groups[*g][*r].name;
            let other = if *g == group { name.clone() } else { format!("g{g}.{name}") };
            let _ = writeln!(text, "    after {other}{}", if *waits { " { wait = true }" } else { "" });
        }
        text.push_str("  }\n");
    }

    /// Who comes after whom. Components of a role wait for each other, and roles for their warm-up.
    pub fn edges(&self) -> Edges {
        let node =
            |(g, r): (usize, usize), part: &str| (format!("g{g}"), self.groups[g][r].name.clone(), part.to_owned());
        let mut edges = Vec::new();
        for id in self.roles() {
            let role = &self.groups[id.0][id.1];
            edges.extend(role.after.iter().map(|before| (node(id, ""), node(*before, ""))));
            if role.shape == Shape::LeaderAndWorkers {
                edges.push((node(id, ""), node(id, WARM_UP)));
            }
            // One instance may be ahead of another, unless its role is brought as a whole.
            if role.shape == Shape::Components && !self.coordinated(id.0, id.1) {
                edges.push((node(id, "two"), node(id, "one")));
            }
        }
        edges
    }
}
