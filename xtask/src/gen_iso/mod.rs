//! `gen-iso`: turns the official ISO 20022 schemas and code sets into the Rust of `crates/shell/iso20022/src/generated`.
//!
//! The schemas are input of this step only; the project keeps what it writes. To add a message, add its name to
//! [`MESSAGES`] and run it again.

pub mod codes;
mod emit;
mod merge;
mod pattern;
mod schema;

use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::path::Path;

/// Messages to generate, in the order of the register.
pub const MESSAGES: &[&str] = &[
    "acmt.023.001.02",
    "acmt.024.001.02",
    "admi.002.001.01",
    "admi.004.001.02",
    "admi.006.001.01",
    "admi.007.001.01",
    "admi.011.001.01",
    "camt.003.001.07",
    "camt.004.001.08",
    "camt.005.001.08",
    "camt.006.001.08",
    "camt.025.001.05",
    "camt.029.001.09",
    "camt.050.001.05",
    "camt.052.001.08",
    "camt.053.001.08",
    "camt.054.001.08",
    "camt.055.001.08",
    "camt.056.001.08",
    "camt.060.001.05",
    "head.001.001.02",
    "pacs.002.001.10",
    "pacs.003.001.08",
    "pacs.004.001.09",
    "pacs.008.001.08",
    "pacs.009.001.08",
    "pacs.010.001.03",
    "pacs.028.001.03",
    "pain.001.001.09",
    "pain.002.001.10",
    "pain.009.001.06",
    "pain.010.001.06",
    "pain.011.001.06",
    "pain.012.001.06",
    "pain.013.001.07",
    "pain.014.001.07",
];

/// Where the Rust is, from the root.
pub const OUT: &str = "crates/shell/iso20022/src/generated";

/// Reads `xsd_dir/<message>.xsd`, and the code sets beside that folder, and writes the Rust into `out`.
pub fn run(xsd_dir: &Path, out: &Path) -> Result<()> {
    let files = generate(xsd_dir, MESSAGES)?;
    std::fs::create_dir_all(out)?;
    for name in rust_files(out)?.difference(&files.keys().cloned().collect()) {
        std::fs::remove_file(out.join(name))?;
    }
    for (name, text) in &files {
        std::fs::write(out.join(name), text).with_context(|| name.clone())?;
    }
    println!("{} messages, {} files written to {}", MESSAGES.len(), files.len(), out.display());
    Ok(())
}

/// Whether `out` holds what [`run`] would write: how many files it compared, and the names of those that differ.
pub fn compare(xsd_dir: &Path, out: &Path) -> Result<(usize, Vec<String>)> {
    let files = generate(xsd_dir, MESSAGES)?;
    let is_the_same = |name: &String| {
        let committed = std::fs::read_to_string(out.join(name)).ok();
        committed.as_ref() == files.get(name)
    };
    let names: BTreeSet<String> = files.keys().cloned().chain(rust_files(out)?).collect();
    Ok((names.len(), names.into_iter().filter(|name| !is_the_same(name)).collect()))
}

fn rust_files(folder: &Path) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".rs") {
            found.insert(name);
        }
    }
    Ok(found)
}

fn generate(xsd_dir: &Path, messages: &[&str]) -> Result<emit::Files> {
    let schemas =
        messages.iter().map(|message| schema::read(&xsd_dir.join(format!("{message}.xsd")))).collect::<Result<Vec<_>>>()?;
    let mut files = emit::emit(&schemas, &merge::merge(&schemas)?)?;
    files.extend(codes::emit(&codes::find(xsd_dir)?, &schemas)?);
    let module = emit::module(&schemas, &files);
    files.insert("mod.rs".into(), module);
    Ok(files)
}
