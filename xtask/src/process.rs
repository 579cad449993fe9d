//! Running other programs: shown, timed, counted, never silently absent.

use crate::tally::Tally;
use crate::workspace;
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

/// A command line in the making, run from the repository's root.
pub struct Run {
    command: Command,
    shown: String,
    /// How lines begin that are told again should it fail.
    verdicts: &'static [&'static str],
}

impl Run {
    /// Starts a command line.
    pub fn new(program: &str) -> Self {
        let mut command = Command::new(program);
        command.current_dir(workspace::root()).stdin(Stdio::null());
        Self { command, shown: program.to_owned(), verdicts: &[] }
    }

    /// `cargo`, the same one that runs us.
    pub fn cargo() -> Self {
        let mut run = Self::new(&std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
        "cargo".clone_into(&mut run.shown);
        run
    }

    /// Adds words.
    pub fn args<S: AsRef<str>>(mut self, words: impl IntoIterator<Item = S>) -> Self {
        for word in words {
            self.command.arg(word.as_ref());
            self.shown.push(' ');
            self.shown.push_str(word.as_ref());
        }
        self
    }

    /// Sets an environment variable for it.
    pub fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it in another folder.
    pub fn folder(mut self, folder: &std::path::Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Lines of its output that begin so say why it failed: the error says them again.
    pub fn verdicts(mut self, beginnings: &'static [&'static str]) -> Self {
        self.verdicts = beginnings;
        self
    }

    /// Runs it, passes its output on line by line and counts the tests it closes with.
    ///
    /// # Errors
    /// It could not be started, or ended with another status than 0.
    pub fn show(self) -> Result<Tally> {
        let (tally, passed) = self.show_any()?;
        match passed {
            Ok(()) => Ok(tally),
            Err(error) if tally == Tally::default() => Err(error),
            Err(error) => Err(error.context(format!("{} passed, {} failed", tally.passed, tally.failed))),
        }
    }

    /// Like [`Run::show`], and the tally also when the program failed.
    pub fn show_any(mut self) -> Result<(Tally, Result<()>)> {
        println!("$ {}", self.shown);
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().with_context(|| format!("could not start `{}`", self.shown))?;
        let heard = Arc::new(Mutex::new(Heard::default()));
        let stdout = child.stdout.take().expect("piped");
        let stderr = child.stderr.take().expect("piped");
        let beside = {
            let heard = Arc::clone(&heard);
            std::thread::spawn(move || pass_on(stderr, self.verdicts, &heard, |line| eprintln!("{line}")))
        };
        pass_on(stdout, self.verdicts, &heard, |line| println!("{line}"));
        let status = child.wait()?;
        beside.join().ok().context("the thread that reads errors died")?;
        let heard = heard.lock().expect("nobody panics while counting");
        Ok((heard.tally, if status.success() { Ok(()) } else { Err(heard.error(&self.shown, status)) }))
    }

    /// Runs it and returns what it wrote to standard output.
    ///
    /// # Errors
    /// It could not be started, or ended with another status than 0; then its standard error is told.
    pub fn output(mut self) -> Result<String> {
        let output = self.command.output().with_context(|| format!("could not start `{}`", self.shown))?;
        if !output.status.success() {
            bail!("`{}` ended with {}: {}", self.shown, output.status, String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs it and returns whether it succeeded and everything it wrote.
    pub fn outcome(mut self) -> Result<(bool, String)> {
        let output = self.command.output().with_context(|| format!("could not start `{}`", self.shown))?;
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.push_str(&String::from_utf8_lossy(&output.stderr));
        Ok((output.status.success(), text))
    }
}

/// What a program's output was about.
#[derive(Default)]
struct Heard {
    tally: Tally,
    verdicts: Vec<String>,
}

impl Heard {
    /// Most verdicts that are told again, and most characters of one: an error is a line.
    const VERDICTS_MAX: usize = 8;
    const VERDICT_CHARS_MAX: usize = 300;

    fn take(&mut self, line: &str, verdicts: &[&str]) {
        self.tally.read(line);
        if self.verdicts.len() < Self::VERDICTS_MAX && verdicts.iter().any(|beginning| line.starts_with(beginning)) {
            self.verdicts.push(line.chars().take(Self::VERDICT_CHARS_MAX).collect());
        }
    }

    fn error(&self, shown: &str, status: std::process::ExitStatus) -> anyhow::Error {
        let error = anyhow::anyhow!("`{shown}` ended with {status}");
        if self.verdicts.is_empty() { error } else { error.context(self.verdicts.join("; ")) }
    }
}

fn pass_on(stream: impl Read, verdicts: &[&str], heard: &Mutex<Heard>, show: impl Fn(&str)) {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\n', '\r']);
        heard.lock().expect("nobody panics while counting").take(text, verdicts);
        show(text);
        line.clear();
    }
}

/// Whether a program can be found.
pub fn is_installed(program: &str) -> bool {
    let Some(path) = std::env::var_os("PATH") else { return false };
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_says_what_the_last_lines_said() {
        let script = "echo fine; echo 'BROKEN seed 7: LED-01 at 2.000 s: off by one'; echo late >&2; exit 1";
        let run = Run::new("sh").args(["-c", script]).verdicts(&["BROKEN "]);
        let error = format!("{:#}", run.show().unwrap_err());
        assert!(error.starts_with("BROKEN seed 7: LED-01 at 2.000 s: off by one: `sh"), "{error}");
        let error = format!("{:#}", Run::new("sh").args(["-c", script]).show().unwrap_err());
        assert!(error.starts_with("`sh"), "{error}");
    }
}
