//! Documents: generated ones are the committed ones, links lead somewhere, every page is reachable, every law is listed.

use crate::process::Run;
use crate::{ci, workspace};
use anyhow::{Result, bail};
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// Checks the documents, or writes the generated ones anew.
///
/// # Errors
/// Something is wrong; every finding has been printed.
pub fn run(write: bool) -> Result<()> {
    if write {
        return ci::bless(&[]);
    }
    let pages = pages()?;
    let mut findings = broken_links(&pages)?;
    findings.extend(unreachable_pages(&pages)?);
    findings.extend(unlisted_laws()?);
    findings.extend(uncommitted()?);
    findings.iter().for_each(|finding| println!("{finding}"));
    if !findings.is_empty() {
        bail!("{} findings in the documents", findings.len());
    }
    println!("docs: {} pages, all links lead somewhere", pages.len());
    Run::cargo().args(["doc", "--workspace", "--no-deps", "--quiet"]).env("RUSTDOCFLAGS", "-D warnings").show().map(drop)
}

fn pages() -> Result<Vec<String>> {
    workspace::files("", ".md")
}

fn broken_links(pages: &[String]) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for page in pages {
        for link in links(&workspace::read(page)?) {
            if let Err(reason) = follow(page, &link) {
                findings.push(format!("{page}: link `{link}`: {reason}"));
            }
        }
    }
    Ok(findings)
}

/// Targets of Markdown links and images, outside code, that stay in the repository.
fn links(text: &str) -> Vec<String> {
    let prose = without_code(text);
    let mut found = Vec::new();
    for (at, _) in prose.match_indices("](") {
        let target = prose[at + 2..].split(')').next().unwrap_or_default().trim();
        let leaves = target.contains("://") || target.starts_with("mailto:");
        if !leaves && !target.is_empty() {
            found.push(target.to_owned());
        }
    }
    found
}

fn without_code(text: &str) -> String {
    let mut out = String::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            out.extend(line.split('`').step_by(2));
            out.push('\n');
        }
    }
    out
}

/// Where a link leads, as a path from the root.
fn resolve(page: &str, link: &str) -> PathBuf {
    let file = link.split('#').next().unwrap_or_default();
    if file.is_empty() {
        return PathBuf::from(page);
    }
    let mut out = PathBuf::new();
    for part in Path::new(page).parent().unwrap_or(Path::new("")).join(file).components() {
        match part {
            Component::ParentDir => drop(out.pop()),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
            Component::Normal(name) => out.push(name),
        }
    }
    out
}

fn follow(page: &str, link: &str) -> std::result::Result<(), String> {
    let target = resolve(page, link);
    let path = workspace::root().join(&target);
    if !path.exists() {
        return Err("nothing there".to_owned());
    }
    let Some((_, anchor)) = link.split_once('#') else { return Ok(()) };
    let text = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
    if anchors(&text).contains(anchor) { Ok(()) } else { Err(format!("no heading `#{anchor}` there")) }
}

/// Anchors of a page's headings, the way GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let slug = |heading: &str| -> String {
        let kept =
            heading.to_lowercase().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_')).collect::<String>();
        kept.replace(' ', "-")
    };
    headings.map(slug).collect()
}

/// Pages that nobody finds by following links from the README.
fn unreachable_pages(pages: &[String]) -> Result<Vec<String>> {
    let mut seen = BTreeSet::new();
    let mut open = vec!["README.md".to_owned()];
    while let Some(page) = open.pop() {
        if !seen.insert(page.clone()) {
            continue;
        }
        let targets =
            links(&workspace::read(&page)?).into_iter().map(|link| resolve(&page, &link).to_string_lossy().into_owned());
        open.extend(targets.filter(|target| pages.contains(target)));
    }
    Ok(pages
        .iter()
        .filter(|page| !seen.contains(*page))
        .map(|page| format!("{page}: no link leads here from README.md"))
        .collect())
}

/// Laws named in the code that `docs/reference/laws.md` does not list.
fn unlisted_laws() -> Result<Vec<String>> {
    let listed = laws(&workspace::read("docs/reference/laws.md")?);
    let mut named = BTreeSet::new();
    for path in workspace::files("crates", ".rs")? {
        named.extend(laws(&workspace::read(&path)?));
    }
    Ok(named
        .difference(&listed)
        .map(|law| format!("docs/reference/laws.md: does not list {law}, which the code names"))
        .collect())
}

/// Ids such as `LED-01`: three capitals of a known family, a hyphen, two digits.
fn laws(text: &str) -> BTreeSet<String> {
    const FAMILIES: [&str; 8] = ["LED-", "PAY-", "QUO-", "LIQ-", "ORD-", "CHN-", "RET-", "STM-"];
    let mut found = BTreeSet::new();
    for family in FAMILIES {
        for (at, _) in text.match_indices(family) {
            let number: String = text[at + family.len()..].chars().take_while(char::is_ascii_digit).collect();
            if number.len() == 2 {
                found.insert(format!("{family}{number}"));
            }
        }
    }
    found
}

/// In continuous integration the tree is as committed: a test that wrote a document or a golden file is found here.
fn uncommitted() -> Result<Vec<String>> {
    if !workspace::in_ci() {
        return Ok(Vec::new());
    }
    let status = Run::new("git").args(["status", "--porcelain"]).output()?;
    Ok(status.lines().map(|line| format!("not as committed: {line}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_outside_code() {
        let text = "[a](x.md) `[b](y.md)` ![c](img/z.png)\n```\n[d](w.md)\n```\n[e](https://example.com) [f](#part)";
        assert_eq!(links(text), ["x.md", "img/z.png", "#part"]);
    }

    #[test]
    fn links_are_resolved_from_their_page() {
        assert_eq!(resolve("docs/adr/0001.md", "../../README.md#x"), Path::new("README.md"));
        assert_eq!(resolve("docs/a.md", "#x"), Path::new("docs/a.md"));
        assert!(follow("README.md", "absent.md").is_err());
    }

    #[test]
    fn anchors_are_made_as_readers_see_them() {
        let anchors = anchors("# Where do I change…?\n## A payment in five minutes\n");
        assert!(anchors.contains("where-do-i-change") && anchors.contains("a-payment-in-five-minutes"), "{anchors:?}");
    }

    #[test]
    fn laws_are_recognised() {
        let found = laws("LED-01, PAY-04; CHN-1 and CLR-1001 are none");
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["LED-01", "PAY-04"]);
    }
}
