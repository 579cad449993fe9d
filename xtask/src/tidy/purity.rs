//! Proof that the core's purity is linted and not promised: the configuration is in force, and forbidden code is caught.

use super::Finding;
use crate::process::Run;
use crate::workspace::{self, Member};
use anyhow::{Context, Result, bail};

const CONFIGURATION: &str = "crates/core/clippy.toml";

/// What the lint must forbid in the core.
const FORBIDDEN_TYPES: &[&str] =
    &["f32", "f64", "std::collections::HashMap", "std::collections::HashSet", "std::time::Instant", "std::time::SystemTime"];

/// Code of which every line must be caught.
const IMPURE: &str = "\
pub fn float() -> f64 { 0.5 }
pub fn single() -> f32 { 0.5 }
pub fn map() -> usize { std::collections::HashMap::<u8, u8>::new().len() }
pub fn set() -> usize { std::collections::HashSet::<u8>::new().len() }
pub fn clock() -> bool { std::time::Instant::now().elapsed().is_zero() }
pub fn wall() -> bool { std::time::SystemTime::now().elapsed().is_ok() }
pub fn spawn() { drop(std::thread::spawn(|| {})); }
pub fn environment() -> bool { std::env::var(\"HOME\").is_ok() }
";

/// Checks that the lint's configuration names what it must and that every crate is under it.
pub fn check_configuration(members: &[Member]) -> Result<Vec<Finding>> {
    let configuration = workspace::read(CONFIGURATION)?;
    let root: toml::Table = toml::from_str(&workspace::read("Cargo.toml")?)?;
    let mut found = judge_configuration(&configuration)?;
    for lint in ["disallowed_types", "disallowed_methods"] {
        if root["workspace"]["lints"]["clippy"].get(lint).and_then(toml::Value::as_str) != Some("deny") {
            found.push(finding("Cargo.toml", format!("workspace.lints.clippy.{lint} is not \"deny\"")));
        }
    }
    if root["workspace"]["lints"]["rust"].get("unsafe_code").and_then(toml::Value::as_str) != Some("forbid") {
        found.push(finding("Cargo.toml", "workspace.lints.rust.unsafe_code is not \"forbid\"".to_owned()));
    }
    for member in members {
        let inherits = member.manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool);
        if inherits != Some(true) {
            found.push(finding(&format!("{}/Cargo.toml", member.folder), "has no `[lints] workspace = true`".to_owned()));
        }
        let own = format!("{}/clippy.toml", member.folder);
        if member.folder.starts_with("crates/core/") && workspace::root().join(&own).exists() {
            found.push(finding(&own, "a crate's own clippy.toml would replace the core's".to_owned()));
        }
    }
    Ok(found)
}

fn judge_configuration(text: &str) -> Result<Vec<Finding>> {
    let configuration: toml::Table = toml::from_str(text).context(CONFIGURATION)?;
    let types = configuration.get("disallowed-types").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let named: Vec<_> = types.iter().filter_map(|entry| entry.get("path").and_then(toml::Value::as_str)).collect();
    let absent = FORBIDDEN_TYPES.iter().filter(|path| !named.contains(path));
    Ok(absent.map(|path| finding(CONFIGURATION, format!("`{path}` is not forbidden"))).collect())
}

fn finding(path: &str, detail: String) -> Finding {
    Finding { rule: "purity", path: path.to_owned(), line: 0, detail }
}

/// Puts impure code under the core's configuration and expects the lint to catch every line of it.
///
/// # Errors
/// A line got through: the lint does not work.
pub fn prove() -> Result<()> {
    let folder = workspace::target().join("purity-proof");
    std::fs::create_dir_all(folder.join("src"))?;
    let manifest = "[package]\nname = \"purity-proof\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n\
                    [lints.clippy]\ndisallowed_types = \"deny\"\ndisallowed_methods = \"deny\"\n";
    std::fs::write(folder.join("Cargo.toml"), manifest)?;
    std::fs::write(folder.join("src/lib.rs"), IMPURE)?;
    std::fs::copy(workspace::root().join(CONFIGURATION), folder.join("clippy.toml"))?;
    // A build that passed before would not be linted again.
    let run = Run::cargo().args(["clippy", "--offline", "--message-format", "short"]).folder(&folder);
    let (passed, said) = run.env("CARGO_TARGET_DIR", folder.join("target")).outcome()?;
    if passed {
        bail!("the purity lint let forbidden code through:\n{said}");
    }
    let missed: Vec<_> = (1..=IMPURE.lines().count()).filter(|line| !said.contains(&format!("src/lib.rs:{line}:"))).collect();
    if !missed.is_empty() {
        bail!("the purity lint did not catch lines {missed:?} of\n{IMPURE}it said:\n{said}");
    }
    println!("purity: {} forbidden lines of {} caught", IMPURE.lines().count(), IMPURE.lines().count());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_that_forgets_a_type_is_found() {
        let all = FORBIDDEN_TYPES.iter().map(|path| format!("{{ path = \"{path}\" }},")).collect::<String>();
        assert_eq!(judge_configuration(&format!("disallowed-types = [{all}]")).unwrap(), []);
        assert_eq!(judge_configuration("disallowed-types = [{ path = \"f32\" }]").unwrap().len(), FORBIDDEN_TYPES.len() - 1);
        assert_eq!(judge_configuration("").unwrap().len(), FORBIDDEN_TYPES.len());
    }
}
