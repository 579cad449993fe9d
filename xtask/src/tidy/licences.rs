//! Licences and origins of everything that is built in: judged from cargo's own metadata against `deny.toml`, so that no
//! further program is needed. Known vulnerabilities need an advisory list from the network; SECURITY.md says how.

use super::Finding;
use crate::process::Run;
use crate::workspace;
use anyhow::{Context, Result};

/// Checks every package of the dependency graph.
pub fn check() -> Result<Vec<Finding>> {
    let rules: toml::Table = toml::from_str(&workspace::read("deny.toml")?)?;
    let allowed = texts(&rules["licenses"]["allow"]);
    let banned: Vec<String> = rules["bans"]["deny"]
        .as_array()
        .context("bans.deny is a list")?
        .iter()
        .filter_map(|entry| entry.get("crate").or(Some(entry)).and_then(toml::Value::as_str).map(str::to_owned))
        .collect();
    let metadata = Run::cargo().args(["metadata", "--format-version", "1", "--locked", "--quiet"]).output()?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    let packages = metadata["packages"].as_array().context("packages is a list")?;
    Ok(packages.iter().flat_map(|package| judge(package, &allowed, &banned)).collect())
}

fn texts(value: &toml::Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(toml::Value::as_str).map(str::to_owned).collect()
}

fn judge(package: &serde_json::Value, allowed: &[String], banned: &[String]) -> Vec<Finding> {
    let text = |key: &str| package[key].as_str().unwrap_or_default();
    let finding = |detail| Finding { rule: "licences", path: "Cargo.lock".to_owned(), line: 0, detail };
    let mut found = Vec::new();
    if !is_satisfied(text("license"), allowed) {
        found.push(finding(format!("`{}` is under `{}`, which deny.toml does not allow", text("name"), text("license"))));
    }
    if banned.iter().any(|name| name == text("name")) {
        found.push(finding(format!("`{}` is banned by deny.toml", text("name"))));
    }
    let source = text("source");
    if !source.is_empty() && !source.starts_with("registry+") && !source.starts_with("sparse+") {
        found.push(finding(format!("`{}` comes from `{source}`, not from the registry", text("name"))));
    }
    found
}

/// Whether an SPDX expression can be met: one side of every `OR`, both of every `AND`. Parentheses nest at most once in
/// the wild; an expression this does not understand is not met.
fn is_satisfied(expression: &str, allowed: &[String]) -> bool {
    let expression = expression.replace('/', " OR ");
    let mut tokens = expression.replace('(', " ( ").replace(')', " ) ").split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    tokens.reverse();
    any_of(&mut tokens, allowed) && tokens.is_empty()
}

fn any_of(tokens: &mut Vec<String>, allowed: &[String]) -> bool {
    let mut met = all_of(tokens, allowed);
    while tokens.last().is_some_and(|token| token == "OR") {
        tokens.pop();
        met |= all_of(tokens, allowed);
    }
    met
}

fn all_of(tokens: &mut Vec<String>, allowed: &[String]) -> bool {
    let mut met = one(tokens, allowed);
    while tokens.last().is_some_and(|token| token == "AND") {
        tokens.pop();
        met &= one(tokens, allowed);
    }
    met
}

fn one(tokens: &mut Vec<String>, allowed: &[String]) -> bool {
    let Some(token) = tokens.pop() else { return false };
    if token == "(" {
        let met = any_of(tokens, allowed);
        return tokens.pop().is_some_and(|token| token == ")") && met;
    }
    let mut name = token;
    if tokens.last().is_some_and(|token| token == "WITH") {
        tokens.pop();
        let Some(exception) = tokens.pop() else { return false };
        name = format!("{name} WITH {exception}");
    }
    allowed.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_judged() {
        let allowed = ["MIT".to_owned(), "ISC".to_owned(), "Apache-2.0 WITH LLVM-exception".to_owned()];
        for good in ["MIT", "GPL-3.0 OR MIT", "MIT/Apache-2.0", "ISC AND (Apache-2.0 OR MIT)", "Apache-2.0 WITH LLVM-exception"] {
            assert!(is_satisfied(good, &allowed), "{good}");
        }
        for bad in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT", "Apache-2.0", "MIT AND (Apache-2.0 OR GPL-3.0)"] {
            assert!(!is_satisfied(bad, &allowed), "{bad}");
        }
    }

    #[test]
    fn bans_and_origins_are_judged() {
        let package = serde_json::json!({"name": "openssl", "license": "MIT", "source": "git+https://example.com/x"});
        assert_eq!(judge(&package, &["MIT".to_owned()], &["openssl".to_owned()]).len(), 2);
        let fine = serde_json::json!({"name": "sha2", "license": "MIT", "source": "registry+index"});
        assert_eq!(judge(&fine, &["MIT".to_owned()], &["openssl".to_owned()]), []);
    }
}
