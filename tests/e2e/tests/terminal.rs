//! The command line: help, configuration, checking messages; each with its exit status.

use anyhow::{Context, Result, ensure};
use e2e::{Payment, binary};
use std::process::{Command, Output};

fn luohu(arguments: &[&str]) -> Result<Output> {
    Command::new(binary()?).args(arguments).output().context("starting luohu")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn every_command_has_help() -> Result<()> {
    let help = said(&luohu(&["--help"])?);
    for command in ["pay", "verify", "fsck", "bench", "iso", "config", "certify"] {
        ensure!(help.contains(command), "`{command}` is not in the help:\n{help}");
        ensure!(luohu(&[command, "--help"])?.status.success(), "`{command} --help` fails");
    }
    Ok(())
}

#[test]
fn an_unknown_key_is_refused_with_its_line() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("luohu.toml");
    std::fs::write(&file, "# comment\n[gateway]\nlissten = \"127.0.0.1:1\"\n")?;
    let output = luohu(&["--config", &file.to_string_lossy(), "--data", &folder.path().join("data").to_string_lossy()])?;
    ensure!(
        !output.status.success() && said(&output).contains("lissten") && said(&output).contains("line 3"),
        "{}",
        said(&output)
    );
    Ok(())
}

#[test]
fn the_printed_configuration_is_accepted() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("luohu.toml");
    let printed = luohu(&["config"])?;
    ensure!(printed.status.success());
    std::fs::write(&file, &printed.stdout)?;
    let again = luohu(&["--config", &file.to_string_lossy(), "config"])?;
    ensure!(again.status.success(), "{}", said(&again));
    Ok(())
}

#[test]
fn messages_are_checked() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let write = |name: &str, text: &str| -> Result<String> {
        let path = folder.path().join(name);
        std::fs::write(&path, text)?;
        Ok(path.to_string_lossy().into_owned())
    };
    let xml = Payment::new("HARBHKHHXXX", "PENGCNBSXXX", "100.00", "HKD").xml();
    let good = write("good.xml", &xml)?;
    let bad = write("bad.xml", &xml.replace("<ChrgBr>SLEV</ChrgBr>", "<ChrgBr>OURS</ChrgBr>"))?;
    let unknown = write("unknown.xml", "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.001.001.03\"/>")?;

    let passed = luohu(&["iso", "check", &good])?;
    ensure!(passed.status.code() == Some(0), "{}", said(&passed));
    ensure!(said(&passed).contains("pacs.008.001.08"), "{}", said(&passed));
    let failed = luohu(&["iso", "check", &good, &bad])?;
    ensure!(failed.status.code() == Some(1), "{}", said(&failed));
    ensure!(said(&failed).contains("/Document/FIToFICstmrCdtTrf/CdtTrfTxInf"), "no path: {}", said(&failed));
    let unjudged = luohu(&["iso", "check", &unknown])?;
    ensure!(unjudged.status.code() == Some(2), "{:?} {}", unjudged.status.code(), said(&unjudged));
    let json = luohu(&["iso", "check", "--json", &bad])?;
    ensure!(json.status.code() == Some(1) && String::from_utf8_lossy(&json.stdout).contains("ChrgBr"), "{}", said(&json));
    Ok(())
}
