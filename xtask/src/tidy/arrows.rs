//! Arrows between crates: apps → shell → core, and only those named here. A new arrow is its own commit.

use super::Finding;
use crate::workspace::Member;

/// Which crates of this workspace a crate may use, besides its tests.
const ARROWS: &[(&str, &[&str])] = &[
    // core
    ("planted", &[]),
    ("money", &[]),
    ("ledger", &["money", "planted"]),
    ("chain", &[]),
    ("clearing", &["money", "ledger", "chain", "planted"]),
    // shell
    ("world", &[]),
    ("iso20022", &["chain", "money"]),
    ("risk", &["clearing", "money"]),
    ("signing", &["chain"]),
    ("directory", &["chain", "clearing", "risk", "signing"]),
    ("ordering", &["chain", "clearing", "planted"]),
    ("consortium", &["chain", "clearing", "money", "ordering"]),
    ("history", &["chain", "clearing", "ledger", "money", "ordering", "planted"]),
    ("monitor", &["chain", "clearing", "history", "money", "risk"]),
    (
        "gateway",
        &["chain", "clearing", "directory", "history", "iso20022", "money", "ordering", "planted", "risk", "signing", "world"],
    ),
    ("node", &["clearing", "consortium", "gateway", "history", "money", "ordering", "signing", "world"]),
    ("banklink", &["chain", "iso20022", "money", "planted", "signing", "world"]),
    ("bank", &["banklink", "chain", "iso20022", "money", "planted", "risk", "world"]),
    // apps and tools
    (
        "luohu",
        &[
            "bank",
            "banklink",
            "chain",
            "clearing",
            "consortium",
            "directory",
            "gateway",
            "history",
            "iso20022",
            "ledger",
            "money",
            "monitor",
            "node",
            "ordering",
            "risk",
            "signing",
            "world",
        ],
    ),
    (
        "sim",
        &[
            "bank", "banklink", "chain", "clearing", "gateway", "history", "iso20022", "money", "node", "ordering", "planted",
            "risk", "signing", "world",
        ],
    ),
    (
        "sim-consortium",
        &["bank", "chain", "clearing", "consortium", "gateway", "history", "node", "ordering", "risk", "signing", "sim"],
    ),
    ("e2e", &["banklink", "chain", "iso20022", "money", "signing"]),
    ("fuzzing", &["bank", "banklink", "chain", "clearing", "gateway", "iso20022", "money", "ordering", "signing"]),
    ("xtask", &[]),
];

/// Everything from outside that the core may use, and why.
const CORE_EXTERNALS: &[(&str, &str)] = &[
    ("thiserror", "error enums; code generation only"),
    ("sha2", "SHA-256 for blocks and trees"),
    ("ed25519-dalek", "checking the signature under a checkpoint"),
];

/// Everything from outside that the core's tests may use.
const CORE_TEST_EXTERNALS: &[&str] = &["proptest", "criterion", "hdrhistogram", "mimalloc"];

/// Checks every member's dependencies against the table.
pub fn check(members: &[Member]) -> Vec<Finding> {
    members.iter().flat_map(|member| check_member(member, members)).collect()
}

fn check_member(member: &Member, members: &[Member]) -> Vec<Finding> {
    let path = format!("{}/Cargo.toml", member.folder);
    let finding = |detail| Finding { rule: "arrows", path: path.clone(), line: 0, detail };
    let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == member.name) else {
        return vec![finding(format!("`{}` has no row in xtask/src/tidy/arrows.rs", member.name))];
    };
    let core = is_core(member);
    let is_member = |name: &str| members.iter().find(|other| other.name == name);
    let mut found = Vec::new();
    for name in used(member, &["dependencies", "build-dependencies"]) {
        match is_member(&name) {
            Some(_) if allowed.contains(&name.as_str()) => {}
            Some(_) => found.push(finding(format!("`{}` may not use `{name}`", member.name))),
            None if core && CORE_EXTERNALS.iter().all(|(allowed, _)| *allowed != name) => {
                found.push(finding(format!("`{name}` is not among what the core may use from outside")));
            }
            None => {}
        }
    }
    for name in used(member, &["dev-dependencies"]) {
        match is_member(&name) {
            Some(other) if core && !is_core(other) => {
                found.push(finding(format!("the core's tests may not use `{name}` of the shell")));
            }
            None if core && !CORE_TEST_EXTERNALS.contains(&name.as_str()) && CORE_EXTERNALS.iter().all(|(ok, _)| *ok != name) => {
                found.push(finding(format!("`{name}` is not among what the core's tests may use")));
            }
            Some(_) | None => {}
        }
    }
    found
}

fn is_core(member: &Member) -> bool {
    member.folder.starts_with("crates/core/")
}

fn used(member: &Member, tables: &[&str]) -> Vec<String> {
    tables.iter().flat_map(|table| member.dependencies(table)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(folder: &str, name: &str, manifest: &str) -> Member {
        Member { name: name.to_owned(), folder: folder.to_owned(), manifest: toml::from_str(manifest).unwrap() }
    }

    fn world(ledger: &str) -> Vec<Finding> {
        check(&[
            member("crates/core/money", "money", ""),
            member("crates/shell/signing", "signing", ""),
            member("crates/core/ledger", "ledger", ledger),
        ])
    }

    #[test]
    fn allowed_arrows_pass() {
        assert_eq!(world("[dependencies]\nmoney = {}\nthiserror = {}\n[dev-dependencies]\nproptest = {}"), []);
    }

    #[test]
    fn the_core_never_uses_the_shell() {
        assert_eq!(world("[dependencies]\nsigning = {}").len(), 1);
        assert_eq!(world("[dev-dependencies]\nsigning = {}").len(), 1);
    }

    #[test]
    fn the_core_uses_nothing_unlisted_from_outside() {
        assert_eq!(world("[dependencies]\ntokio = {}").len(), 1);
        assert_eq!(world("[dev-dependencies]\ntokio = {}").len(), 1);
        assert_eq!(world("[build-dependencies]\ncc = {}").len(), 1);
    }

    #[test]
    fn a_crate_without_a_row_is_found() {
        assert_eq!(check(&[member("crates/shell/new", "new", "")]).len(), 1);
    }

    #[test]
    fn the_table_points_one_way() {
        for (at, (name, allowed)) in ARROWS.iter().enumerate() {
            for target in *allowed {
                let place = ARROWS.iter().position(|(other, _)| other == target).expect("names a crate of the table");
                let is_earlier = place < at;
                assert!(is_earlier, "`{name}` uses `{target}`, which stands later in the table");
            }
        }
    }
}
