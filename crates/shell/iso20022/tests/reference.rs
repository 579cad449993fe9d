//! The page of business rules is written from the rules themselves.

#![allow(missing_docs, clippy::unwrap_used)] // a test that cannot go on has failed

#[test]
fn the_committed_page_is_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../docs/reference/business-rules.md");
    let page = iso20022::rules::reference_page();
    if std::env::var_os("LUOHU_BLESS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    assert!(
        std::fs::read_to_string(path).is_ok_and(|committed| committed == page),
        "run with LUOHU_BLESS=1 to write {path} again"
    );
}
