//! Versions of an output follow each other, with edits by others and failures between them; a model
//! says what must be there.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::tests::Disk;
use super::*;
use crate::diag::Code;
use crate::emit::{Files, Lock};

const NAMES: [&str; 3] = ["a", "b", "c"];

/// Groups with files of few names and texts, so that versions meet.
fn groups() -> impl Strategy<Value = Vec<Group>> {
    let own = prop::collection::btree_map("(r/)?[xyz]\\.yaml", "[01]", 0..4);
    let one = (own, prop::option::of("[01]"));
    prop::collection::btree_map(prop::sample::select(&NAMES[..]), one, 0..4).prop_map(|groups| {
        let make = |(name, (own, delivery)): (&str, (BTreeMap<String, String>, Option<String>))| {
            let mut files: Files = own.into_iter().map(|(path, text)| (format!("{name}/{path}"), text)).collect();
            files.extend(delivery.map(|text| (format!("argocd/{name}.yaml"), text)));
            Group::new(name, files, Lock::default())
        };
        groups.into_iter().map(make).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn versions_follow_each_other(versions in prop::collection::vec((groups(), "[abc]/(r/)?[xyz]\\.yaml", any::<usize>()), 1..5)) {
        let disk = Disk::new();
        // What must be there: path and text, as far as we know it.
        let mut model: BTreeMap<String, String> = BTreeMap::new();
        let mut locks: BTreeMap<String, Files> = BTreeMap::new();
        for (groups, edited, fail) in versions {
            disk.put(&edited, "edited");
            model.insert(edited.clone(), "edited".into());
            let before = disk.snapshot();
            if disk.write_until(&groups, fail % 40).0.is_none() {
                prop_assert_eq!(disk.snapshot(), before.clone());
                let (changes, problems) = disk.write(&groups);
                if changes.is_none() {
                    // Only a file that nobody's lock names can be refused here.
                    let code = |c: Code| problems.iter().all(|p| p.starts_with('W') || p.starts_with(c.text()));
                    prop_assert!(code(Code::ForeignFile), "{:?}", problems);
                    prop_assert_eq!(disk.snapshot(), before);
                    continue;
                }
            }
            for group in &groups {
                for (path, text) in locks.insert(group.name.clone(), group.files.clone()).unwrap_or_default() {
                    if model.get(&path) == Some(&text) {
                        model.remove(&path);
                    }
                }
            }
            for group in &groups {
                model.extend(group.files.clone());
                model.insert(group.lock_path(), group.lock.render());
            }
            let found: BTreeMap<String, String> = disk
                .paths()
                .into_iter()
                .filter(|path| disk.out().join(path).is_file())
                .map(|path| { let text = disk.text(&path); (path, text) })
                .collect();
            prop_assert_eq!(&found, &model);
            let (differences, _) = disk.run(|s, out| compare(s, out, &groups, &Options::default()));
            prop_assert_eq!(differences, Some(Vec::new()));
            let after = disk.snapshot();
            let (changes, problems) = disk.write(&groups);
            prop_assert_eq!(changes.map(|c| c.written.len() + c.deleted.len() + c.kept.len()), Some(0));
            prop_assert_eq!((problems, disk.snapshot()), (Vec::new(), after));
        }
    }
}
