//! One test for each kind of clause and each promise of the solver.

use super::testing::*;
use super::{ClauseKind, Preference, Problem, solve, verify};
use crate::link::Link;
use crate::source::Span;

#[test]
fn pods_fill_the_tightest_machine() {
    check(&with(cluster("a/r1 8 8 2"), vec![group("g", &["1x2"], vec![])]), "m2");
}

#[test]
fn capacity_counts_every_resource() {
    let mut problem = with(cluster("a/r1 8 8"), vec![group("g", &["1x1*2"], vec![])]);
    problem.machines[0].free[2] = 1;
    problem.machines[1].free[0] = 1;
    check(&problem, "m0, m1");
    problem.groups[0].roles[0].instances = 3;
    check(&problem, "none");
}

#[test]
fn closed_and_ineligible_machines_stay_empty() {
    let mut problem = with(cluster("a/r1 8! 8 8"), vec![group("g", &["1x8"], vec![])]);
    check(&problem, "m1");
    problem.eligible[0][1] = false;
    check(&problem, "m2");
    problem.eligible[0][2] = false;
    check(&problem, "none");
}

#[test]
fn instances_stay_in_a_domain() {
    let clause = ClauseKind::Instances { role: 0, level: RACK };
    check(&with(cluster("a/r1 8, a/r2 8, a/r3 8 8"), vec![group("g", &["2x8"], vec![clause.clone()])]), "m2 m3");
    check(&with(cluster("a/r1 8, a/r2 8, a/r3 8"), vec![group("g", &["2x8"], vec![clause.clone()])]), "none");
    check(&with(cluster("a/- 8 8, a/r3 8 8"), vec![group("g", &["2x8"], vec![clause])]), "m2 m3");
}

#[test]
fn better_links_are_preferred() {
    let mut g = group("g", &["1x8", "1x8"], vec![]);
    g.edges = vec![edge(0, 1, None)];
    check(&with(cluster("a/r1 8, a/r2 8 8, b/r1 8"), vec![g]), "m1 | m2");
}

#[test]
fn a_floor_is_kept() {
    let mut g = group("g", &["1x8", "1x8*2"], vec![]);
    g.edges = vec![edge(0, 1, Some(Link::Rdma))];
    check(&with(cluster("a/r1 8 8, a/r2 8 8, b/r1 8 8 8"), vec![g.clone()]), "m4 | m5, m6");
    check(&with(cluster("a/r1 8 8, a/r2 8 8, b/r1 8 8"), vec![g]), "none");
}

#[test]
fn plans_of_plans_move_nothing() {
    let groups = vec![group("g", &["2x4*2", "1x2*3"], vec![ClauseKind::Instances { role: 0, level: RACK }])];
    let mut problem = with(cluster("a/r1 8 8, a/r2 8 8, b/r1 8 8"), groups);
    let first = plan(&problem);
    settle(&mut problem, &first);
    let second = solve(&problem).expect("a plan");
    assert_eq!((second.groups, second.moves), (first.groups, vec![]));
    assert_eq!(verify::moves(&problem, &plan(&problem).groups), []);
}

#[test]
fn all_pods_of_roles_share_a_domain() {
    let clause = ClauseKind::Together { roles: vec![0, 1], level: RACK };
    let groups = vec![group("g", &["1x8*2", "1x4"], vec![clause])];
    check(&with(cluster("a/r1 8 8, a/r2 8 8 4, b/r1 4 4"), groups.clone()), "m2, m3 | m4");
    check(&with(cluster("a/r1 8 8, a/r2 8 4"), groups), "none");
}

#[test]
fn cells_share_a_domain() {
    let clause = ClauseKind::Cells { shares: vec![(0, 1), (1, 2)], level: RACK };
    let groups = vec![group("g", &["1x8*2", "1x4*4"], vec![clause])];
    check(&with(cluster("a/r1 8 8, a/r2 8 8, a/r3 8"), groups.clone()), "m0, m2 | m1, m1, m3, m3");
    check(&with(cluster("a/r1 8 8, a/r2 8, a/r3 8"), groups), "none");
}

#[test]
fn near_is_beside_some_instance() {
    let clause = ClauseKind::Near { role: 0, to: 1, level: RACK };
    let groups = vec![group("g", &["1x4*2", "1x8"], vec![clause])];
    check(&with(cluster("a/r1 4 4 4, a/r2 8 4 4"), groups.clone()), "m4, m5 | m3");
    check(&with(cluster("a/r1 4 4 4, a/r2 8 4"), groups), "none");
}

#[test]
fn spread_bounds_the_difference() {
    let spread = |max_skew, at_least| ClauseKind::Spread { role: 0, level: RACK, max_skew, at_least };
    let with_clause = |text: &str, clause| with(cluster(text), vec![group("g", &["1x8*3"], vec![clause])]);
    check(&with_clause("a/r1 8 8 8, a/r2 8 8", spread(Some(1), None)), "m3, m0, m4");
    check(&with_clause("a/r1 8 8 8, a/r2 8, a/r3 0", spread(Some(1), None)), "none");
    check(&with_clause("a/r1 8 8 8, a/r2 8, a/r3 0!", spread(Some(1), None)), "m3, m0, m1");
    check(&with_clause("a/r1 8 8 8, a/r2 8", spread(None, Some(2))), "m3, m0, m1");
    check(&with_clause("a/r1 8 8 8, a/r2 0", spread(None, Some(2))), "none");
    check(&with_clause("a/r1 8 8 8, a/- 8", spread(None, Some(2))), "none");
}

#[test]
fn apart_keeps_domains_distinct() {
    let apart = |from| ClauseKind::Apart { role: 0, from, level: RACK };
    let two = |from| vec![group("g", &["1x4*2", "1x4"], vec![apart(from)])];
    check(&with(cluster("a/r1 8 8, a/r2 4"), two(None)), "m2, m0 | m0");
    check(&with(cluster("a/r1 8 8, a/r2 4"), two(Some(1))), "m0, m0 | m2");
    check(&with(cluster("a/r1 8 8 8"), two(Some(1))), "none");
}

#[test]
fn exclusive_holds_in_both_directions() {
    let exclusive = ClauseKind::Exclusive { level: RACK };
    let problem = |text: &str| {
        with(cluster(text), vec![group("g", &["1x8"], vec![exclusive.clone()]), group("h", &["1x8"], vec![])])
    };
    check(&problem("a/r1 8 8"), "none");
    check(&problem("a/r1 8 8, a/r2 8"), "m2");
    let mut held = problem("a/r1 8, a/r2 8, a/r3 8");
    held.occupied[RACK].insert(0);
    check(&held, "m1");
    held.taken[RACK].insert(1);
    check(&held, "m2");
    held.taken[RACK].insert(0);
    check(&held, "none");
}

#[test]
fn pods_without_accelerators_may_be_beside_an_exclusive_group() {
    let exclusive = vec![ClauseKind::Exclusive { level: RACK }];
    let groups = vec![group("g", &["1x8"], exclusive), group("h", &["1x0"], vec![])];
    check(&with(cluster("a/r1 8"), groups), "m0");
}

#[test]
fn survivors_stand_elsewhere() {
    let survive = |count| vec![ClauseKind::Survive { count, level: RACK }];
    let problem = |text: &str, count| with(cluster(text), vec![group("g", &["1x4*3"], survive(count))]);
    check(&problem("a/r1 8 8, a/r2 4", 1), "m2, m0, m0");
    check(&problem("a/r1 8 8", 1), "none");
    check(&problem("a/r1 8 8, a/r2 4", 2), "none");
    check(&problem("a/r1 8, a/r2 4, b/r1 4", 2), "m2, m1, m0");
    check(&problem("a/r1 8 8, a/- 4", 1), "none");
}

#[test]
fn a_lost_machine_moves_what_stood_there() {
    let within = vec![ClauseKind::Instances { role: 0, level: RACK }];
    let groups = vec![group("g", &["2x8*2"], within.clone()), group("h", &["1x8*2"], vec![])];
    let mut problem = with(cluster("a/r1 8 8, a/r2 8 8 8, b/r1 8 8, b/r2 8 8 8"), groups);
    let first = plan(&problem);
    settle(&mut problem, &first);
    let lost = first.groups[0][0][1][0];
    problem.machines[lost].closed = Some("not ready");
    assert_eq!(moves(&problem), ["g/r0/1: `m7` is not ready"]);
}

#[test]
fn a_new_group_moves_nobody_without_need() {
    let mut problem = with(cluster("a/r1 8 8, a/r2 8"), vec![group("g", &["1x4*2"], vec![])]);
    let first = plan(&problem);
    settle(&mut problem, &first);
    problem.groups.push(group("h", &["1x8*2"], vec![ClauseKind::Instances { role: 0, level: RACK }]));
    let second = plan(&problem);
    assert_eq!((&second.groups[0], second.moves.len()), (&first.groups[0], 0));
}

#[test]
fn room_is_made_by_the_fewest_moves() {
    let mut problem =
        with(cluster("a/r1 8 8, a/r2 8 8"), vec![group("g", &["1x8"], vec![]), group("h", &["1x8"], vec![])]);
    problem.groups[0].roles[0].previous = vec![vec![Some(0)]];
    problem.groups[1].roles[0].previous = vec![vec![Some(2)]];
    problem.groups.push(group("i", &["2x8"], vec![ClauseKind::Instances { role: 0, level: RACK }]));
    let second = plan(&problem);
    assert_eq!(second.moves.len(), 1);
    assert_eq!((second.objective[2].name, second.objective[2].value), ("moved pods", 1));
}

#[test]
fn what_does_not_fit_may_be_left_out() {
    let groups = vec![group("g", &["1x8*3"], vec![]), group("h", &["1x8", "1x4*2"], vec![])];
    let mut problem = with(cluster("a/r1 8 8"), groups);
    assert!(solve(&problem).is_err());
    problem.partial = true;
    let partial = plan(&problem);
    assert_eq!((partial.unplaced, partial.objective[0].value), (vec![0], 3));
    assert_eq!(partial.groups[0], vec![vec![Vec::<usize>::new(); 3]]);
    let mut lie = plan(&problem);
    lie.unplaced.clear();
    assert_eq!(verify::verify(&problem, &lie), [verify::Violation::Shape]);
    lie = plan(&problem);
    problem.partial = false;
    assert_eq!(verify::verify(&problem, &lie), [verify::Violation::Shape]);
}

#[test]
fn locality_may_move_for_a_better_link() {
    let mut g = group("g", &["1x8", "1x8"], vec![]);
    g.edges = vec![edge(0, 1, None)];
    g.roles[0].previous = vec![vec![Some(0)]];
    g.roles[1].previous = vec![vec![Some(2)]];
    let mut problem = with(cluster("a/r1 8 8, b/r1 8"), vec![g]);
    assert_eq!(moves(&problem), [""; 0]);
    problem.groups[0].locality = true;
    assert_eq!(moves(&problem), ["g/r1/0: better links: the objective is locality"]);
}

#[test]
fn pods_without_accelerators_keep_away_from_them() {
    check(&with(cluster("a/r1 8 8, a/r2 0"), vec![group("g", &["1x0*2"], vec![])]), "m2, m2");
}

#[test]
fn preferences_choose_among_plans() {
    let mut problem = with(cluster("a/r1 8 8, a/r2 8 8"), vec![group("g", &["1x8*2"], vec![])]);
    check(&problem, "m0, m1");
    problem.groups[0].clauses = vec![required(ClauseKind::Apart { role: 0, from: None, level: RACK })];
    problem.groups[0].clauses[0].prefer = Some(1);
    check(&problem, "m0, m2");
}

#[test]
fn a_machine_at_the_end_changes_nothing() {
    let groups = vec![group("g", &["2x8*2", "1x2*3"], vec![ClauseKind::Instances { role: 0, level: RACK }])];
    let small = with(cluster("a/r1 8 8, a/r2 8 8, b/r1 8"), groups.clone());
    let large = with(cluster("a/r1 8 8, a/r2 8 8, b/r1 8, c/r1 8"), groups);
    assert_eq!(plan(&small).groups, plan(&large).groups);
}

/// Checks the problem that is shown: message, remark at the role, help.
#[track_caller]
fn explains(problem: &Problem, message: &str, remark: &str, help: &str) {
    let conflicts = solve(problem).expect_err("no plan");
    let diagnostic = conflicts[0].diagnostic(problem);
    let shown =
        (diagnostic.message.as_str(), diagnostic.labels[0].message.as_str(), diagnostic.help.unwrap_or_default());
    assert_eq!(shown, (message, remark, help.to_string()));
    let places = [conflicts[0].clauses.len(), conflicts[0].edges.len(), conflicts[0].rivals.len()];
    assert_eq!(diagnostic.labels.len(), 1 + places.iter().sum::<usize>());
}

#[test]
fn a_rack_too_small_is_explained() {
    let within = vec![ClauseKind::Instances { role: 0, level: RACK }];
    let mut problem = with(cluster("a/r1 8 8 8 8! 4, a/r2 8 8"), vec![group("x", &["4x8"], within)]);
    problem.machines[4].holders = vec!["svc-b".into()];
    explains(
        &problem,
        "role `r0` of group `x`: 4 nodes with 8 free `nvidia.com/gpu` each in one `rack`; the best is `a/r1` with 3",
        "`m3` is cordoned; `m4` has 4 `nvidia.com/gpu` free and holds `svc-b`; wider: `a` with 5, all together 5",
        "it fits with `m3` back in use, or with `zone` in `instances of r0 within` (1 level wider), \
         or with 1 node more like `m0` in `a/r1`",
    );
}

#[test]
fn other_groups_in_the_way_are_named() {
    let within = vec![ClauseKind::Instances { role: 0, level: RACK }];
    let groups = vec![group("x", &["2x8*2"], within), group("y", &["1x8"], vec![])];
    explains(
        &with(cluster("a/r1 8 8, a/r2 8 8"), groups),
        "role `r0` of group `y`: 1 node with 8 free `nvidia.com/gpu`; there is none, beside the other groups",
        "`m0`, `m1` and 2 more go to group `x`",
        "it fits with 1 node more like `m0`, the other groups where they are",
    );
}

#[test]
fn counting_proves_on_large_clusters() {
    let racks: Vec<String> = (0..30).map(|r| format!("z{}/r{r} 8 8 8", r / 10)).collect();
    let within = vec![ClauseKind::Instances { role: 0, level: RACK }];
    let groups = vec![group("x", &["4x8"], within), group("y", &["1x8"], vec![])];
    explains(
        &with(cluster(&racks.join(", ")), groups),
        "role `r0` of group `x`: 4 nodes with 8 free `nvidia.com/gpu` each in one `rack`; the best is `z0/r0` with 3",
        "wider: `z0` with 30, all together 90",
        "it fits with `zone` in `instances of r0 within` (1 level wider), or with 2 nodes more like `m0` in `z0/r0`, \
         the other groups where they are",
    );
}

#[test]
fn a_rack_that_is_held_alone_is_told() {
    let exclusive = ClauseKind::Exclusive { level: RACK };
    explains(
        &with(cluster("a/r1 8 8"), vec![group("g", &["1x8"], vec![exclusive.clone()]), group("h", &["1x8"], vec![])]),
        "role `r0` of group `h`: 1 node with 8 free `nvidia.com/gpu`; there is none, beside the other groups",
        "`m0` goes to group `g`; `m1` lies where group `g` is and cannot be shared with",
        "it fits with `prefer` before `exclusive` of group `g`, the other groups where they are",
    );
}

#[test]
fn what_conflicts_twice_gives_way_together() {
    let within = |role| ClauseKind::Instances { role, level: RACK };
    explains(
        &with(cluster("a/r1 8, a/r2 8, b/r1 8, b/r2 8"), vec![group("x", &["2x8"; 2], vec![within(0), within(1)])]),
        "role `r0` of group `x`: 2 nodes with 8 free `nvidia.com/gpu` each in one `rack`; the best is `a/r1` with 1",
        "wider: `a` with 2, all together 4",
        "it fits with `prefer` before `instances of r0 within` and `instances of r1 within`, \
         or with 3 nodes more like `m0` in `a/r1`",
    );
}

#[test]
fn replicas_that_fit_are_told() {
    explains(
        &with(cluster("a/r1 8 8, a/r2 8"), vec![group("x", &["1x8*5"], vec![])]),
        "role `r0` of group `x`: 5 nodes with 8 free `nvidia.com/gpu` each; there are 3",
        "",
        "it fits with 3 instances of `r0` (2 fewer), or with 2 nodes more like `m0`",
    );
}

#[test]
fn a_mistyped_count_costs_nothing() {
    explains(
        &with(cluster("a/r1 8 8!"), vec![group("x", &["1x8*1000000000"], vec![])]),
        "role `r0` of group `x`: 1000000000 nodes with 8 free `nvidia.com/gpu` each; there is 1",
        "`m1` is cordoned",
        "",
    );
}

#[test]
fn a_cluster_without_machines_has_no_place() {
    let mut problem = with(cluster("a/r1"), vec![group("x", &["1x8"], vec![])]);
    explains(&problem, "role `r0` of group `x`: 1 node with 8 free `nvidia.com/gpu`; there is none", "", "");
    problem.groups.clear();
    assert_eq!(plan(&problem).groups, Vec::<Vec<Vec<Vec<usize>>>>::new());
}

#[test]
fn large_clusters_lose_a_machine_without_a_stir() {
    let racks: Vec<String> = (0..40).map(|r| format!("z{}/r{r} 8 8 8 8", r / 20)).collect();
    let groups = (0..30).map(|g| {
        let mut group =
            group(&format!("g{g}"), &["2x8", "1x8*2"], vec![ClauseKind::Instances { role: 0, level: RACK }]);
        group.edges = vec![edge(0, 1, None)];
        group
    });
    let mut problem = with(cluster(&racks.join(", ")), groups.collect());
    let first = plan(&problem);
    settle(&mut problem, &first);
    assert_eq!(plan(&problem).groups, first.groups);
    problem.machines[first.groups[7][0][0][0]].closed = Some("not ready");
    assert_eq!(moves(&problem), ["g7/r0/0: `m28` is not ready"]);
}

/// A preference of all pods of a group for some machines.
fn prefer(problem: &mut Problem, group: usize, machines: impl Fn(usize) -> bool, weight: u32) {
    problem.eligible.push((0..problem.machines.len()).map(machines).collect());
    let roles = (0..problem.groups[group].roles.len()).collect();
    let preference = Preference { roles, machines: problem.eligible.len() - 1, weight, span: Span::default() };
    problem.groups[group].preferences.push(preference);
}

#[test]
fn machines_are_preferred() {
    let mut problem = with(cluster("a/r1 8 8 8 8"), vec![group("g", &["1x8*2"], vec![])]);
    prefer(&mut problem, 0, |m| m % 2 == 1, 1);
    check(&problem, "m1, m3");
    prefer(&mut problem, 0, |m| m == 0, 2);
    check(&problem, "m0, m1");
    // Links count more, and who stands stays.
    problem.groups[0].edges = vec![edge(0, 0, None)];
    problem.machines[0].domains[RACK] = None;
    check(&problem, "m1, m3");
    problem.groups[0].roles[0].previous = vec![vec![Some(2)]];
    check(&problem, "m2, m1");
}

#[test]
fn machines_are_preferred_in_large_clusters() {
    let racks: Vec<String> = (0..40).map(|r| format!("z{}/r{r} 8 8 8 8", r / 20)).collect();
    let within = || vec![ClauseKind::Instances { role: 0, level: RACK }];
    let groups = (0..40).map(|g| group(&format!("g{g}"), &[if g < 20 { "2x8" } else { "1x8" }], vec![]));
    let mut talking = group("talking", &["1x8", "1x8*3"], vec![]);
    talking.edges = vec![edge(0, 1, None)];
    let mut problem = with(cluster(&racks.join(", ")), groups.chain([talking]).collect());
    prefer(&mut problem, 40, |m| m / 4 == 30, 1);
    for g in 0..40 {
        if g < 20 {
            problem.groups[g].clauses = within().into_iter().map(required).collect();
            prefer(&mut problem, g, |m| m / 4 % 3 == 1, 3);
        } else {
            prefer(&mut problem, g, |m| m % 4 == 3, 1);
        }
    }
    let plan = plan(&problem);
    assert_eq!(plan.objective[4].value, 0, "{:?}", plan.objective);
    // More than there is room for: the bound knows it.
    prefer(&mut problem, 39, |_| false, 5);
    let plan = super::testing::plan(&problem);
    assert_eq!((plan.objective[4].value, plan.objective[4].bound), (5, 5), "{:?}", plan.objective);
}
