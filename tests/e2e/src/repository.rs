//! Where the product under test is.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The folder that holds the workspace's `Cargo.toml`.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("tests/e2e lies two folders below the root")
}

/// Where cargo builds to.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |named| root().join(named))
}

/// Where pictures of pages go.
pub fn screenshots() -> PathBuf {
    target().join("screenshots")
}

/// Whether nobody watches: then what is absent is a failure.
pub fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false" && value != "0")
}

/// Official schemas, where they are at hand.
pub fn shared() -> Option<PathBuf> {
    let named = std::env::var_os("LUOHU_SHARED").map(PathBuf::from);
    let beside = root().parent().map(|parent| parent.join("shared"));
    named.or(beside).filter(|path| path.join("iso20022").is_dir())
}

/// The program under test: `LUOHU_BIN`, or else one built now, so that it is never a stale one.
///
/// # Errors
/// It is not there or does not build.
pub fn binary() -> Result<PathBuf> {
    static BUILT: OnceLock<std::result::Result<PathBuf, String>> = OnceLock::new();
    BUILT.get_or_init(|| find().map_err(|error| format!("{error:#}"))).clone().map_err(anyhow::Error::msg)
}

fn find() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("LUOHU_BIN") {
        let path = PathBuf::from(named);
        return if path.is_file() { Ok(path) } else { bail!("LUOHU_BIN names {}, which is not there", path.display()) };
    }
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let built = Command::new(cargo).args(["build", "--quiet", "--release", "--package", "luohu"]).current_dir(root()).status();
    if !built.context("starting cargo")?.success() {
        bail!("the product does not build");
    }
    Ok(target().join("release/luohu"))
}
