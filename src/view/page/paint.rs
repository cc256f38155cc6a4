//! Colours and textures: a colour and a texture for each group, a shade for each role. Where there
//! is one group only, each role has a colour.
//!
//! The colours are the scheme "light" of Paul Tol's technical note SRON/EPS/TN/09-002, which is
//! made to fill labelled cells and is safe for colour-blind readers; its grey is left to others.
//! After eight groups textures tell equal colours apart, after 48 the keys in the cells alone.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::Scene;

const COLOURS: usize = 8;
const TEXTURES: usize = 6;
const SHADES: usize = 3;

/// How a role is drawn.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Paint {
    /// Colour of the style sheet, from 0.
    pub colour: usize,
    /// Shade of it, from 0.
    pub shade: usize,
    /// Texture over it; 0 is none.
    pub texture: usize,
}

/// The paint of every role.
#[derive(Debug)]
pub(super) struct Paints {
    list: Vec<Paint>,
    of: Vec<Vec<usize>>,
}

impl Paints {
    /// Chooses the paints that the groups of a plan need.
    pub(super) fn new(scene: &Scene<'_>) -> Self {
        let alone = scene.model().groups.len() == 1;
        let mut known = BTreeMap::new();
        let mut list = Vec::new();
        let mut paint = |g: usize, r: usize| {
            let (hue, shade) = if alone { (r, 0) } else { (g, r % SHADES) };
            let paint = Paint { colour: hue % COLOURS, shade, texture: hue / COLOURS % TEXTURES };
            *known.entry(paint.clone()).or_insert_with(|| {
                list.push(paint);
                list.len() - 1
            })
        };
        let groups = scene.model().groups.iter().enumerate();
        let of = groups.map(|(g, group)| (0..group.roles.len()).map(|r| paint(g, r)).collect()).collect();
        Paints { list, of }
    }

    /// All paints.
    pub(super) fn list(&self) -> &[Paint] {
        &self.list
    }

    /// The index of the paint of a role.
    pub(super) fn of(&self, group: usize, role: usize) -> usize {
        self.of[group][role]
    }
}
