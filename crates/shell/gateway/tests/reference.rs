//! Generated documents are the committed ones. `LUOHU_BLESS=1` writes them anew.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;

#[test]
fn the_page_of_refusals_is_the_committed_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/reference/refusals.md");
    let page = gateway::refusals_page();
    if std::env::var_os("LUOHU_BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), page, "run `cargo xtask bless` and look at what moved");
}
