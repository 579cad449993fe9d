//! Where things are: the repository's root, its crates, shared data beside it.

use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// The folder that holds the workspace's `Cargo.toml`.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace's root")
}

/// Where cargo puts what it builds.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(named) => root().join(named),
        None => root().join("target"),
    }
}

/// The release build of the product.
pub fn release_binary() -> PathBuf {
    target().join("release").join("luohu")
}

/// The unoptimised build of the product.
pub fn debug_binary() -> PathBuf {
    target().join("debug").join("luohu")
}

/// Whether nobody watches: then everything absent that a step needs is a failure.
pub fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false" && value != "0")
}

/// Official schemas and samples that some checks compare with; never needed by a build.
pub fn shared() -> Option<PathBuf> {
    let named = std::env::var_os("LUOHU_SHARED").map(PathBuf::from);
    let beside = root().parent().map(|parent| parent.join("shared"));
    named.or(beside).filter(|path| path.join("iso20022").is_dir())
}

/// A workspace member.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its package name.
    pub name: String,
    /// Its folder, from the root.
    pub folder: String,
    /// Its parsed `Cargo.toml`.
    pub manifest: toml::Table,
}

impl Member {
    /// Names in one of its dependency tables.
    pub fn dependencies(&self, table: &str) -> Vec<String> {
        self.manifest.get(table).and_then(toml::Value::as_table).map(|table| table.keys().cloned().collect()).unwrap_or_default()
    }
}

/// All members, found the way cargo finds them: a `Cargo.toml` in the folders that the root names.
pub fn members() -> Result<Vec<Member>> {
    let manifest: toml::Table = toml::from_str(&read("Cargo.toml")?)?;
    let patterns = manifest["workspace"]["members"].as_array().context("workspace.members is a list")?;
    let mut members = Vec::new();
    for pattern in patterns.iter().filter_map(toml::Value::as_str) {
        for folder in folders(pattern)? {
            members.push(member(folder)?);
        }
    }
    Ok(members)
}

fn folders(pattern: &str) -> Result<Vec<String>> {
    let Some(parent) = pattern.strip_suffix("/*") else { return Ok(vec![pattern.to_owned()]) };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root().join(parent)).with_context(|| parent.to_owned())? {
        let entry = entry?;
        if entry.path().join("Cargo.toml").is_file() {
            found.push(format!("{parent}/{}", entry.file_name().to_string_lossy()));
        }
    }
    found.sort();
    Ok(found)
}

fn member(folder: String) -> Result<Member> {
    let manifest: toml::Table = toml::from_str(&read(&format!("{folder}/Cargo.toml"))?).with_context(|| folder.clone())?;
    let name = manifest["package"]["name"].as_str().context("package.name is text")?.to_owned();
    Ok(Member { name, folder, manifest })
}

/// A file's text, by its path from the root.
pub fn read(path: &str) -> Result<String> {
    std::fs::read_to_string(root().join(path)).with_context(|| path.to_owned())
}

/// All files below a folder whose name ends so, by their paths from the root, sorted. What git ignores is left out by
/// name: `target`, `node_modules`, data folders and hidden ones.
pub fn files(folder: &str, ending: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(path) = open.pop() {
        for entry in std::fs::read_dir(&path).with_context(|| path.display().to_string())? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type()?.is_dir() {
                if !matches!(name.as_str(), "target" | "node_modules" | "luohu-data") && !name.starts_with('.') {
                    open.push(entry.path());
                }
            } else if name.ends_with(ending) {
                let path = entry.path();
                let relative = path.strip_prefix(root()).expect("found below the root");
                found.push(relative.to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}
