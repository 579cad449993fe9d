//! Pages written from tables of this crate are the committed ones.

#![allow(missing_docs, clippy::unwrap_used)] // a test that cannot go on has failed

fn is_committed(name: &str, page: &str) {
    let path = format!("{}/../../../docs/reference/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("LUOHU_BLESS").is_some() {
        std::fs::write(&path, page).unwrap();
    }
    assert!(
        std::fs::read_to_string(&path).is_ok_and(|committed| committed == page),
        "run with LUOHU_BLESS=1 to write {path} again"
    );
}

#[test]
fn the_committed_page_is_the_table() {
    is_committed("business-rules.md", &iso20022::rules::reference_page());
}

/// The golden list of all sets with their counts.
#[test]
fn the_committed_page_of_code_sets_is_that_of_the_enums() {
    is_committed("code-sets.md", &iso20022::codes::reference_page());
}
