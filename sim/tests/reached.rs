//! The page of what the simulator reaches is the one its list gives. `LUOHU_BLESS=1` writes it anew.

use sim::reached;
use std::path::Path;

#[test]
fn the_page_is_what_the_list_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the simulator is in the repository");
    let missing = reached::read_missing(&root.join("sim/not-reached.txt")).expect("the list reads");
    let (page, wanted) = (root.join("docs/reference/simulated.md"), reached::page(&missing));
    if std::env::var_os("LUOHU_BLESS").is_some() {
        std::fs::write(&page, &wanted).expect("the page is written");
    }
    let committed = std::fs::read_to_string(&page).unwrap_or_default();
    assert!(committed == wanted, "docs/reference/simulated.md differs: cargo xtask bless -p sim");
}
