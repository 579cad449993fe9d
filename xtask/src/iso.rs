//! Agreement with the official ISO 20022 schemas: our verdict on every sample beside xmllint's; and with the code sets: the
//! generated Rust is what the schemas and sets give, and the committed list of sets has the sets' own counts.
//!
//! Schemas and samples are not part of the repository. They are looked for in `LUOHU_SHARED` or in `../shared`; without
//! them this step says so, and fails in continuous integration.

use crate::gen_iso::{self, MESSAGES};
use crate::process::Run;
use crate::tally::Tally;
use crate::workspace;
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Runs the comparison. Every sample is one test.
pub fn agreement() -> (Tally, Result<()>) {
    let Some(shared) = workspace::shared() else {
        println!("!!! schemas and samples are absent: neither LUOHU_SHARED nor ../shared has a folder iso20022");
        println!("!!! nothing was compared with the official schemas");
        let outcome = if workspace::in_ci() { Err(anyhow::anyhow!("absent in continuous integration")) } else { Ok(()) };
        return (Tally { failed: u64::from(outcome.is_err()), ..Tally::default() }, outcome);
    };
    let compared = generated_is_committed(&shared).and_then(|_| counts_are_the_sets(&shared)).and_then(|sets| {
        let tally = compare_all(&shared)?;
        Ok(Tally { passed: tally.passed + sets, ..tally })
    });
    match compared {
        Ok(tally) => (tally, Ok(())),
        Err(error) => (Tally { failed: 1, ..Tally::default() }, Err(error)),
    }
}

/// Somebody wrote into a generated file by hand, or the generator was changed and not run.
fn generated_is_committed(shared: &Path) -> Result<usize> {
    let out = workspace::root().join(gen_iso::OUT);
    let (files, differ) = gen_iso::compare(&shared.join("iso20022/xsd"), &out)?;
    if !differ.is_empty() {
        bail!("{} is not what `cargo xtask gen-iso` writes: {}", gen_iso::OUT, differ.join(", "));
    }
    println!("{files} generated files are what the schemas and code sets give");
    Ok(files)
}

/// The page of code sets, which a test holds against the enums, beside the published file. Every set is one test.
fn counts_are_the_sets(shared: &Path) -> Result<u64> {
    let published = gen_iso::codes::counts(&gen_iso::codes::find(&shared.join("iso20022/xsd"))?)?;
    let listed = listed_counts(&workspace::read("docs/reference/code-sets.md")?)?;
    for (set, count) in &listed {
        match published.get(set) {
            Some(known) if known == count => {}
            known => bail!("{set}: {count} codes are listed, {known:?} are published"),
        }
    }
    println!("{} code sets have as many codes as were published", listed.len());
    Ok(listed.len() as u64)
}

/// Set and number of codes of each row: ``| `ExternalPurpose1Code` | `Purpose` | 366 | … |``.
fn listed_counts(page: &str) -> Result<BTreeMap<String, usize>> {
    let mut counts = BTreeMap::new();
    for row in page.lines().filter(|line| line.starts_with("| `External")) {
        let cells: Vec<&str> = row.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let [_, set, _, count, ..] = cells.as_slice() else { bail!("a row of the page of code sets: {row}") };
        counts.insert((*set).to_owned(), count.parse().with_context(|| row.to_owned())?);
    }
    if counts.is_empty() {
        bail!("the page of code sets lists none");
    }
    Ok(counts)
}

fn compare_all(shared: &Path) -> Result<Tally> {
    let schemas = shared.join("iso20022/xsd");
    let mut groups: BTreeMap<&str, Vec<PathBuf>> = BTreeMap::new();
    let mut samples = xml_files(&shared.join("iso20022/samples"))?;
    samples.extend(workspace::files("crates/shell/iso20022", ".xml")?.into_iter().map(|path| workspace::root().join(path)));
    for sample in samples {
        let text = std::fs::read(&sample)?;
        if let Some(message) = document_of(&String::from_utf8_lossy(&text)) {
            groups.entry(message).or_default().push(sample);
        }
    }
    let mut tally = Tally::default();
    // A header is no document of its own; the tests of the crate compare it.
    let has_sample = |message: &str| message.starts_with("head.") || groups.contains_key(message);
    if let Some(absent) = MESSAGES.iter().find(|message| !has_sample(message)) {
        bail!("no sample of {absent}");
    }
    for (message, files) in groups {
        let official = xmllint(&schemas.join(format!("{message}.xsd")), &files)?;
        let ours = ours(&files)?;
        for file in &files {
            let (official, ours) = (official.get(file), ours.get(file));
            if official.is_some() && official == ours {
                tally.passed += 1;
            } else {
                println!("{}: xmllint says {official:?}, we say {ours:?}", file.display());
                tally.failed += 1;
            }
        }
        println!("{message}: {} samples compared", files.len());
    }
    if tally.passed + tally.failed < 118 {
        bail!("only {} samples of supported messages found", tally.passed + tally.failed);
    }
    Ok(tally)
}

/// The supported message whose bare `Document` a file is; files with other roots or messages are not compared here.
fn document_of(text: &str) -> Option<&'static str> {
    let body = text.trim_start_matches('\u{feff}');
    let root = body.split('<').skip(1).find(|tag| !tag.starts_with(['?', '!', '/']))?;
    let name = root.split(|c: char| c.is_whitespace() || c == '>').next()?;
    let is_document = name == "Document" || name.ends_with(":Document");
    MESSAGES.iter().copied().find(|message| is_document && root.contains(&format!("urn:iso:std:iso:20022:tech:xsd:{message}\"")))
}

fn xml_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(xml_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "xml") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// xmllint's verdict on each file: `… validates` or `… fails to validate`.
fn xmllint(schema: &Path, files: &[PathBuf]) -> Result<BTreeMap<PathBuf, bool>> {
    let run = Run::new("xmllint").args(["--noout", "--schema", &schema.to_string_lossy()]);
    let (_, said) = run.args(files.iter().map(|file| file.to_string_lossy())).outcome()?;
    let verdict = |file: &PathBuf| {
        let name = file.to_string_lossy();
        let is_valid = said.lines().any(|line| line == format!("{name} validates"));
        (file.clone(), is_valid)
    };
    Ok(files.iter().map(verdict).collect())
}

/// Our own verdict by schema on each file, from the release build's command line.
fn ours(files: &[PathBuf]) -> Result<BTreeMap<PathBuf, bool>> {
    let binary = workspace::release_binary();
    let run = Run::new(&binary.to_string_lossy()).args(["iso", "check", "--json"]);
    let (_, said) = run.args(files.iter().map(|file| file.to_string_lossy())).outcome()?;
    let mut verdicts = BTreeMap::new();
    for line in said.lines().filter(|line| line.starts_with('{')) {
        let report: serde_json::Value = serde_json::from_str(line)?;
        if let (Some(file), Some(valid)) = (report["file"].as_str(), report["valid"].as_bool()) {
            verdicts.insert(PathBuf::from(file), valid);
        }
    }
    Ok(verdicts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_the_page_are_read() {
        let page =
            "# Sets\n\n| Set | Enum | Codes | Messages |\n|---|---|---|---|\n| `ExternalPurpose1Code` | `Purpose` | 366 | x |\n";
        assert_eq!(listed_counts(page).unwrap(), BTreeMap::from([("ExternalPurpose1Code".to_owned(), 366)]));
        assert!(listed_counts("# Sets\n").is_err());
        assert!(listed_counts("| `ExternalPurpose1Code` | `Purpose` | many | x |").is_err());
    }

    #[test]
    fn the_root_decides_what_a_file_is() {
        let namespace = "urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08";
        assert_eq!(
            document_of(&format!("<?xml version=\"1.0\"?>\n<!-- x --><Document xmlns=\"{namespace}\">")),
            Some("pacs.008.001.08")
        );
        assert_eq!(document_of(&format!("<p:Document xmlns:p=\"{namespace}\">")), Some("pacs.008.001.08"));
        assert_eq!(document_of(&format!("<Envelope><Document xmlns=\"{namespace}\">")), None);
        assert_eq!(document_of("<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.001.001.03\">"), None);
    }
}
