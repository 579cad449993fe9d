//! Agreement with the official schemas: our verdicts beside those of libxml2 (`xmllint`), on samples and on thousands of
//! mutations of them.
//!
//! Schemas and samples are not part of the repository: they are looked for in `LUOHU_SHARED` and in `../shared` beside the
//! checkout. Without them these tests say so, and fail where `CI` is set.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod support;

use iso20022::check::{Verdict, check_bytes};
use iso20022::{Judged, Limits, MessageType, judge_all};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use support::{Random, mutate, shared, xmllint};

#[test]
fn mutants_get_the_verdict_of_their_index() {
    let Some(shared) = shared() else { return };
    let folder = shared.join("samples/pacs008-mutants");
    let index = std::fs::read_to_string(folder.join("EXPECTED.md")).unwrap();
    let mut compared = 0;
    for line in index.lines().filter(|line| line.contains(".xml |")) {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let (file, expected) = (columns[1], columns[2]);
        let report = check_bytes(file, &std::fs::read(folder.join(file)).unwrap());
        let expected = match (file, expected) {
            // Valid for pacs.008.001.09, whose schema is not built in.
            ("wrong_ns.xml", _) => Verdict::NotJudged,
            (_, "valid") => Verdict::Valid,
            (_, _) => Verdict::Invalid,
        };
        assert_eq!(report.verdict, expected, "{}", report.to_text());
        compared += 1;
    }
    assert!(compared >= 54, "only {compared} mutants in the index");
}

#[test]
fn valid_samples_have_no_invalid_message() {
    let Some(shared) = shared() else { return };
    let mut supported = 0;
    for folder in ["fedwire-valid", "swiss-sepa-valid"] {
        for file in support::xml_files(&shared.join("samples").join(folder)) {
            let report = check_bytes(&file.display().to_string(), &std::fs::read(&file).unwrap());
            assert_ne!(report.verdict, Verdict::Invalid, "{}", report.to_text());
            supported += usize::from(report.verdict == Verdict::Valid);
        }
    }
    assert!(supported >= 30, "only {supported} valid samples could be judged");
}

/// Every message inside every sample, cut out of its envelope, beside xmllint.
#[test]
fn every_message_found_agrees_with_libxml2() {
    let Some(shared) = shared() else { return };
    let mut cases: BTreeMap<MessageType, Vec<(String, bool)>> = BTreeMap::new();
    let mut files = support::xml_files(&support::data());
    for folder in ["fedwire-valid", "swiss-sepa-valid", "xsd-invalid", "pacs008-mutants"] {
        files.extend(support::xml_files(&shared.join("samples").join(folder)));
    }
    for file in &files {
        let source = std::fs::read(file).unwrap();
        let Ok(all) = judge_all(&source, Limits::DEFAULT) else { continue };
        let texts = iso20022::split(&source, Limits::DEFAULT).unwrap();
        assert_eq!(all.len(), texts.len(), "{}", file.display());
        for (judged, text) in all.iter().zip(&texts) {
            match judged {
                Judged::Valid(message) => cases.entry(message.message_type()).or_default().push((text.as_str().to_owned(), true)),
                Judged::Invalid(kind, _) => cases.entry(*kind).or_default().push((text.as_str().to_owned(), false)),
                Judged::Unsupported(_) => {}
            }
        }
    }
    let compared = compare(&shared, cases);
    assert!(compared >= 140, "only {compared} messages compared");
}

#[test]
fn what_we_write_validates() {
    let Some(shared) = shared() else { return };
    let mut cases: BTreeMap<MessageType, Vec<(String, bool)>> = BTreeMap::new();
    for file in support::xml_files(&support::data()) {
        let message = iso20022::read_message(&std::fs::read(&file).unwrap(), Limits::DEFAULT).unwrap();
        cases.entry(message.message_type()).or_default().push((message.to_xml(), true));
    }
    for message in support::built_messages() {
        cases.entry(message.message_type()).or_default().push((message.to_xml(), true));
    }
    assert_eq!(cases.len(), MessageType::ALL.len(), "every message is written at least once");
    compare(&shared, cases);
}

/// Random changes to valid messages: deleted, doubled, moved and renamed elements, odd values, odd bytes.
#[test]
fn mutations_get_the_verdict_of_libxml2() {
    let Some(shared) = shared() else { return };
    let rounds: usize = std::env::var("MUTATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(150);
    let seed = std::env::var("SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(2026);
    let mut random = Random(seed);
    let mut cases: BTreeMap<MessageType, Vec<(String, bool)>> = BTreeMap::new();
    for file in support::xml_files(&support::data()) {
        let source = std::fs::read_to_string(&file).unwrap();
        let kind = iso20022::read_message(source.as_bytes(), Limits::DEFAULT).unwrap().message_type();
        for _ in 0..rounds {
            let mutant = mutate(&source, &mut random);
            let ours = match iso20022::read_message(mutant.as_bytes(), Limits::DEFAULT) {
                Ok(message) => message.message_type() == kind,
                Err(violation) => {
                    // Limits and refusals of our own are no disagreement; mutations avoid them.
                    assert!(!violation.rule.code().starts_with("LIMIT") && violation.rule.code() != "XML-DTD", "{violation}");
                    false
                }
            };
            cases.entry(kind).or_default().push((mutant, ours));
        }
    }
    let valid: usize = cases.values().flatten().filter(|(_, valid)| *valid).count();
    let compared = compare(&shared, cases);
    println!("{compared} mutations compared, {valid} of them valid");
    assert!(valid * 20 > compared, "mutations that are all invalid prove little");
}

/// Panics with every case in which xmllint differs; returns how many were compared.
fn compare(shared: &Path, cases: BTreeMap<MessageType, Vec<(String, bool)>>) -> usize {
    let scratch = support::Scratch::new();
    let mut differences = Vec::new();
    let mut compared = 0;
    for (kind, texts) in cases {
        let schema = shared.join("xsd").join(format!("{}.xsd", kind.id()));
        let files: Vec<PathBuf> = (0..texts.len()).map(|at| scratch.path(&format!("{}-{at}.xml", kind.id()))).collect();
        for (file, (text, _)) in files.iter().zip(&texts) {
            std::fs::write(file, text).unwrap();
        }
        for ((file, (text, ours)), theirs) in files.iter().zip(&texts).zip(xmllint(&schema, &files)) {
            compared += 1;
            let why = iso20022::read_message(text.as_bytes(), Limits::DEFAULT).map(|_| ());
            if *ours != theirs.valid && !theirs.is_known_deviation(why.clone().map_err(|violation| violation.rule)) {
                let kept = support::keep(file);
                differences.push(format!("{}: we say {ours}, {why:?}; libxml2 says {}", kept.display(), theirs.said));
            }
        }
    }
    assert!(differences.is_empty(), "{} disagreements:\n{}", differences.len(), differences.join("\n"));
    compared
}
