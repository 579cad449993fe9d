//! The README's commands, run as a reader would run them, top to bottom, in an empty folder in which `cargo` means this
//! workspace: what they leave behind is not in the way of what the developer has running here.
//!
//! A fenced `sh` block is run when an HTML comment `<!-- ci: run -->` or `<!-- ci: serve -->` stands right above it.
//! `serve` starts the block and leaves it running until the end; `run` must end with status 0, and every line of a
//! `<!-- ci: expect TEXT -->` comment right below it must be found in what it wrote.

use crate::workspace;
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PAGE: &str = "README.md";
const SERVE_TIMEOUT: Duration = Duration::from_secs(420);

/// What to do with a block.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Mode {
    Run,
    Serve,
}

/// One block to execute.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Block {
    mode: Mode,
    script: String,
    expected: Vec<String>,
}

/// Executes every marked block of the README.
///
/// # Errors
/// A command failed or did not write what the README says.
pub fn run() -> Result<()> {
    let blocks = blocks(&workspace::read(PAGE)?)?;
    if !blocks.iter().any(|block| block.mode == Mode::Serve) || !blocks.iter().any(|block| block.mode == Mode::Run) {
        bail!("{PAGE} has no marked commands to run");
    }
    let folder = scratch_folder()?;
    let mut served: Vec<Child> = Vec::new();
    let outcome = blocks.iter().try_for_each(|block| match block.mode {
        Mode::Run => run_block(block, &folder),
        Mode::Serve => {
            let (child, outcome) = serve(block, &folder)?;
            served.push(child);
            outcome
        }
    });
    served.iter_mut().for_each(end);
    outcome?;
    println!("readme: {} blocks executed", blocks.len());
    Ok(())
}

/// An empty folder but for a link to what cargo builds, so that `target/release/luohu` is where the README says.
fn scratch_folder() -> Result<PathBuf> {
    let folder = workspace::target().join("readme");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    std::os::unix::fs::symlink(workspace::target(), folder.join("target"))?;
    Ok(folder)
}

/// A shell in a process group of its own, in which `cargo` knows the workspace.
fn shell(block: &Block, folder: &Path) -> Command {
    let manifest = workspace::root().join("Cargo.toml");
    let cargo = format!("cargo() {{ command cargo \"$1\" --manifest-path '{}' \"${{@:2}}\"; }}", manifest.display());
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", &format!("{cargo}\n{}", block.script)]);
    command.current_dir(folder).env("CARGO_TARGET_DIR", workspace::target()).stdin(Stdio::null()).process_group(0);
    command
}

fn run_block(block: &Block, folder: &Path) -> Result<()> {
    println!("$ {}", block.script.trim_end().replace('\n', "\n  "));
    let output = shell(block, folder).output()?;
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{}", said.trim_end());
    if !output.status.success() {
        bail!("the block ended with {}", output.status);
    }
    expect(block, &said)
}

fn expect(block: &Block, said: &str) -> Result<()> {
    match block.expected.iter().find(|text| !said.contains(*text)) {
        None => Ok(()),
        Some(text) => bail!("`{text}` was promised and not written"),
    }
}

/// Starts a block and waits until it has written everything it promises.
fn serve(block: &Block, folder: &Path) -> Result<(Child, Result<()>)> {
    println!("$ {}  (left running)", block.script.trim_end());
    let mut child = shell(block, folder).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn()?;
    let stdout = child.stdout.take().context("piped")?;
    let (send, lines) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(std::io::Result::ok) {
            println!("{line}");
            // Once nobody waits any more, reading goes on, so that the server never blocks on a full pipe.
            drop(send.send(line));
        }
    });
    let until = Instant::now() + SERVE_TIMEOUT;
    let mut said = String::new();
    let outcome = loop {
        if expect(block, &said).is_ok() {
            break Ok(());
        }
        match lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(line) => said.push_str(&format!("{line}\n")),
            Err(_) => break expect(block, &said).context("the server ended or stayed silent"),
        }
    };
    Ok((child, outcome))
}

/// Asks its process group to end as Ctrl-C would, then insists.
fn end(child: &mut Child) {
    let group = format!("-{}", child.id());
    let _ = Command::new("kill").args(["-INT", "--", &group]).status();
    let until = Instant::now() + Duration::from_secs(20);
    while Instant::now() < until {
        if matches!(child.try_wait(), Ok(Some(_))) {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
    let _ = child.wait();
}

/// The marked blocks of a page, in order.
fn blocks(text: &str) -> Result<Vec<Block>> {
    let mut found: Vec<Block> = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(word) = comment(line) else { continue };
        let mode = match word.split_once(' ').map_or(word, |(first, _)| first) {
            "run" => Mode::Run,
            "serve" => Mode::Serve,
            "expect" => {
                let text = word.trim_start_matches("expect").trim();
                found.last_mut().context("an expectation follows a block")?.expected.push(text.to_owned());
                continue;
            }
            other => bail!("{PAGE}: `ci: {other}` is not run, serve or expect"),
        };
        if !lines.next().is_some_and(|fence| fence.starts_with("```sh")) {
            bail!("{PAGE}: `{line}` stands above no sh block");
        }
        let script: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
        found.push(Block { mode, script: script.join("\n"), expected: Vec::new() });
    }
    Ok(found)
}

fn comment(line: &str) -> Option<&str> {
    line.trim().strip_prefix("<!-- ci: ")?.strip_suffix(" -->")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marked_blocks_are_found_in_order() {
        let page = "x\n<!-- ci: serve -->\n```sh\nserver\n```\n<!-- ci: expect ready -->\n```sh\nnot run\n```\n<!-- ci: run -->\n```sh\na\nb\n```\n";
        let blocks = blocks(page).unwrap();
        assert_eq!(blocks.len(), 2);
        assert_eq!(blocks[0], Block { mode: Mode::Serve, script: "server".into(), expected: vec!["ready".into()] });
        assert_eq!((blocks[1].mode.clone(), blocks[1].script.as_str()), (Mode::Run, "a\nb"));
    }

    #[test]
    fn a_mark_without_a_block_is_an_error() {
        assert!(blocks("<!-- ci: run -->\ntext\n").is_err());
        assert!(blocks("<!-- ci: rum -->\n```sh\n```\n").is_err());
    }

    #[test]
    fn what_fails_or_says_something_else_is_found() {
        let folder = std::env::temp_dir();
        let block =
            |script: &str, expected: &str| Block { mode: Mode::Run, script: script.into(), expected: vec![expected.into()] };
        assert!(run_block(&block("echo yes", "yes"), &folder).is_ok());
        assert!(run_block(&block("echo yes", "no"), &folder).is_err());
        assert!(run_block(&block("false; echo yes", "yes"), &folder).is_err());
    }
}
