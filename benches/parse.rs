//! How fast a text becomes a tree: about 1.1 MB of realistic source.

use std::io;
use std::path::{Path, PathBuf};

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use rbgc::diag::Session;
use rbgc::source::World;
use rbgc::syntax::parse;

struct Nothing;

impl World for Nothing {
    fn read(&self, _: &Path, _: u64) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }
    fn resolve(&self, _: &Path) -> io::Result<PathBuf> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// A group of about forty lines, many times.
fn source() -> String {
    let group = include_str!("service.rbg");
    (0..650).map(|i| group.replace("deepseek-r1", &format!("deepseek-r1-{i}"))).collect()
}

#[divan::bench]
fn parse_source(bencher: Bencher) {
    let text = source();
    bencher.counter(BytesCount::new(text.len())).bench_local(|| {
        let mut session = Session::new(&Nothing, "");
        let file = session.sources.add("a.rbg", text.as_str()).expect("the text fits");
        let ast = parse::parse(&mut session, file);
        assert!(!session.failed());
        black_box(ast)
    });
}

fn main() {
    divan::main();
}
