//! House rules that no compiler knows. Each rule is a pure function from text to findings, so that each is tested on
//! text that breaks it.

mod arrows;
mod licences;
mod purity;
mod refusals;
mod sources;
mod text;

use crate::workspace;
use anyhow::{Result, bail};

/// A place where a rule is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule's name.
    pub rule: &'static str,
    /// File, from the root.
    pub path: String,
    /// Line, from 1; 0 when the whole file is meant.
    pub line: usize,
    /// What is wrong and what would be right.
    pub detail: String,
}

/// Runs every rule over the repository.
///
/// # Errors
/// A rule is broken, or a file could not be read.
pub fn run() -> Result<()> {
    let members = workspace::members()?;
    let mut findings = arrows::check(&members);
    findings.extend(purity::check_configuration(&members)?);
    findings.extend(licences::check()?);
    let mut files = 0;
    for folder in ["apps", "crates", "fuzz/targets", "tests", "xtask"] {
        for path in workspace::files(folder, ".rs")? {
            findings.extend(sources::check(&path, &workspace::read(&path)?));
            files += 1;
        }
    }
    findings.extend(refusal_codes()?);
    for member in &members {
        findings.extend(sources::check_header(member));
    }
    purity::prove()?;
    for Finding { rule, path, line, detail } in &findings {
        println!("{path}:{line}: {rule}: {detail}");
    }
    match findings.len() {
        0 => {
            println!("tidy: {} crates, {files} files, nothing found", members.len());
            Ok(())
        }
        count => bail!("{count} house rules broken"),
    }
}

fn refusal_codes() -> Result<Vec<Finding>> {
    let mut files = Vec::new();
    for folder in ["apps", "crates", "tests"] {
        for ending in [".rs", ".txt"] {
            for path in workspace::files(folder, ending)? {
                let text = workspace::read(&path)?;
                files.push((path, text));
            }
        }
    }
    Ok(refusals::check(files.iter().map(|(path, text)| (path.as_str(), text.as_str()))))
}
