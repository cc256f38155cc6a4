//! A plan as a page: one HTML file with a picture of the machines, which needs no network.
//!
//! The picture is plain SVG in the page, so that it can be read and printed without the script;
//! the script adds what needs a reader: selection, the links of a group, a filter, the keyboard.

use std::collections::BTreeSet;
use std::fmt::Write;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;
use serde_json::{Value, json};

use super::capacity::Accelerators;
use super::links::{self, Traffic};
use super::loss::Aftermath;
use super::{Overview, Scene, text, topology};
use layout::Area;
use paint::{Paint, Paints};

mod layout;
mod paint;

const TEMPLATE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");

/// With more instances their table is longer than anybody reads; `--table` prints it.
const LISTED: usize = 2_000;

/// What the template is filled with.
#[derive(Serialize)]
struct Page<'s> {
    style: &'static str,
    script: &'static str,
    overview: &'s Overview,
    loss: Option<&'s Aftermath>,
    /// Numbers of the heading, with what they count.
    counts: Vec<(usize, String)>,
    /// How far the objective is from its bounds.
    gaps: Vec<Option<String>>,
    shares: Vec<Share>,
    paints: &'s [Paint],
    groups: Vec<Legend>,
    cluster: Area,
    compact: bool,
    links: Vec<Link>,
    instances: Vec<Row>,
    data: Value,
}

/// A part of the accelerators.
#[derive(Serialize)]
struct Share {
    what: &'static str,
    number: i64,
    /// In hundredths of a percent of all.
    width: i64,
}

/// A group in the legend.
#[derive(Serialize)]
struct Legend {
    name: String,
    namespace: String,
    key: usize,
    pods: usize,
    accelerators: i64,
    roles: Vec<Swatch>,
}

/// A role in the legend.
#[derive(Serialize)]
struct Swatch {
    name: String,
    instances: usize,
    paint: usize,
}

/// A line of the table of links.
#[derive(Serialize)]
struct Link {
    group: usize,
    name: String,
    edge: String,
    floor: Option<&'static str>,
    class: &'static str,
    /// The narrowest level that the ends share.
    level: Option<String>,
    pairs: u64,
}

/// A line of the table of instances.
#[derive(Serialize)]
struct Row {
    group: usize,
    name: String,
    role: String,
    index: usize,
    reserved: bool,
    pods: Vec<(String, String)>,
    domain: String,
}

/// The page. Equal plans give equal bytes.
///
/// # Errors
/// The template is wrong, which is a mistake of the compiler.
pub fn page(scene: &Scene<'_>, overview: &Overview) -> Result<String, minijinja::Error> {
    let usage = super::usage::usage(scene);
    let paints = Paints::new(scene);
    let traffic = links::traffic(scene);
    let cluster = layout::cluster(scene, &usage, &paints);
    let accelerators = &overview.capacity.accelerators;
    let page = Page {
        style: STYLE,
        script: SCRIPT,
        overview,
        loss: overview.without.as_ref(),
        counts: counts(scene, overview),
        gaps: overview.objective.iter().map(|c| text::gap(c.value, c.bound)).collect(),
        shares: shares(accelerators),
        paints: paints.list(),
        groups: (0..overview.groups.len()).map(|g| legend(scene, &paints, g)).collect(),
        compact: layout::is_compact(scene),
        cluster,
        links: traffic.iter().flat_map(|t| link_rows(scene, t)).collect(),
        instances: instances(scene, overview),
        data: data(scene, &traffic),
    };
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.add_filter("thousands", thousands);
    environment.add_filter("code", code);
    // The ending of the name switches the escaping of HTML on.
    environment.template_from_named_str("page.html", TEMPLATE)?.render(minijinja::value::Serde(&page))
}

/// `10,240`.
fn thousands(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::from(if number < 0 { "-" } else { "" });
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A text as HTML, with what stands in backticks marked as code.
fn code(text: &str) -> minijinja::Value {
    let mut out = String::new();
    for (at, part) in text.split('`').enumerate() {
        let part = minijinja::HtmlEscape(part);
        let _ = if at % 2 == 1 { write!(out, "<code>{part}</code>") } else { write!(out, "{part}") };
    }
    minijinja::Value::from_safe_string(out)
}

fn counts(scene: &Scene<'_>, overview: &Overview) -> Vec<(usize, String)> {
    let instances: usize = overview.groups.iter().flat_map(|g| &g.roles).map(|r| r.instances.len()).sum();
    let used: BTreeSet<usize> = scene.seats().map(|seat| seat.machine).collect();
    let count = |number: usize, word: &str| (number, if number == 1 { word.to_owned() } else { format!("{word}s") });
    vec![
        count(overview.groups.len(), "group"),
        count(instances, "instance"),
        count(scene.seats().count(), "pod"),
        (used.len(), format!("of {} nodes", thousands(scene.inventory.nodes.len() as i64))),
    ]
}

fn shares(a: &Accelerators) -> Vec<Share> {
    let width = |number: i64| i64::try_from(i128::from(number) * 10_000 / i128::from(a.total.max(1))).unwrap_or(0);
    let share = |what, number| Share { what, number, width: width(number) };
    let all = [
        share("planned", a.planned),
        share("reserved", a.reserved),
        share("others", a.others),
        share("closed", a.closed),
        share("free", a.free),
    ];
    all.into_iter().filter(|share| share.number > 0).collect()
}

fn legend(scene: &Scene<'_>, paints: &Paints, g: usize) -> Legend {
    let group = &scene.model().groups[g];
    let placed = &scene.placement.groups[g];
    let roles = group.roles.iter().enumerate().map(|(r, role)| Swatch {
        name: role.name.clone(),
        instances: placed[r].iter().filter(|pods| !pods.is_empty()).count(),
        paint: paints.of(g, r),
    });
    let requests = &scene.problem().groups[g].roles;
    let gpus = |r: usize, pods: &Vec<usize>| -> i64 {
        let asked = requests[r].pods.iter().take(pods.len());
        asked.map(|pod| pod.request.get(scene.problem().gpu).copied().unwrap_or(0)).sum()
    };
    Legend {
        name: group.stem.clone(),
        namespace: group.namespace.clone(),
        key: g + 1,
        pods: placed.iter().flatten().map(Vec::len).sum(),
        accelerators: placed.iter().enumerate().flat_map(|(r, all)| all.iter().map(move |p| gpus(r, p))).sum(),
        roles: roles.collect(),
    }
}

fn link_rows(scene: &Scene<'_>, traffic: &Traffic) -> Vec<Link> {
    let group = &scene.model().groups[traffic.group];
    let role = |role: usize| group.roles[role].name.as_str();
    let edge = match traffic.inside {
        true => format!("inside {}", role(traffic.from)),
        false => format!("{} → {}", role(traffic.from), role(traffic.to)),
    };
    let row = |(level, pairs): &(Option<usize>, u64)| Link {
        group: traffic.group,
        name: group.stem.clone(),
        edge: edge.clone(),
        floor: traffic.floor.map(crate::link::Link::name),
        class: links::class(scene, *level).name(),
        level: level.map(|level| scene.inventory.levels[level].name.clone()),
        pairs: *pairs,
    };
    traffic.pairs.iter().map(row).collect()
}

fn instances(scene: &Scene<'_>, overview: &Overview) -> Vec<Row> {
    let mut rows = Vec::new();
    for (g, group) in overview.groups.iter().enumerate() {
        for (r, role) in group.roles.iter().enumerate() {
            for instance in &role.instances {
                let index = instance.index as usize;
                let machines = &scene.placement.groups[g][r][index];
                let domain = topology::common(scene.inventory, machines);
                rows.push(Row {
                    group: g,
                    name: group.name.clone(),
                    role: role.name.clone(),
                    index,
                    reserved: instance.reserved,
                    pods: instance.pods.iter().map(|pod| (pod.name.clone(), pod.node.clone())).collect(),
                    domain: domain
                        .into_iter()
                        .map(|(level, name)| format!("{level} {name}"))
                        .collect::<Vec<_>>()
                        .join(" · "),
                });
            }
        }
    }
    if rows.len() > LISTED { Vec::new() } else { rows }
}

/// What the script needs: the domains of nodes, the classes of levels, the machines of instances.
fn data(scene: &Scene<'_>, traffic: &[Traffic]) -> Value {
    let mut edges: Vec<Vec<[usize; 2]>> = vec![Vec::new(); scene.placement.groups.len()];
    traffic.iter().filter(|t| !t.inside).for_each(|t| edges[t.group].push([t.from, t.to]));
    let roles = |group: &crate::check::Group| group.roles.iter().map(|role| role.name.clone()).collect::<Vec<_>>();
    json!({
        "roles": scene.model().groups.iter().map(roles).collect::<Vec<_>>(),
        "links": scene.problem().links.iter().map(|link| link.name()).collect::<Vec<_>>(),
        "nodes": scene.inventory.nodes.iter().map(|node| &node.domains).collect::<Vec<_>>(),
        "places": scene.placement.groups,
        "edges": edges,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_backticks_are_code_and_nothing_is_markup() {
        assert_eq!(code("a `<b>` & `c").to_string(), "a <code>&lt;b&gt;</code> &amp; <code>c</code>");
    }

    #[test]
    fn large_numbers_are_grouped() {
        assert_eq!(
            [0, 12, 999, 1000, 10_240, -1_234_567].map(thousands),
            ["0", "12", "999", "1,000", "10,240", "-1,234,567"]
        );
    }
}
