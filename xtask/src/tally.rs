//! Counting tests from what test runners print, so that the last line of a run can say how many there were.

/// Tests that ran.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Passed.
    pub passed: u64,
    /// Failed.
    pub failed: u64,
    /// Left out by the runner. A step that leaves tests out fails.
    pub skipped: u64,
}

impl Tally {
    /// Takes one line of output into account: closing lines of `cargo test` and of nextest count, others do not.
    pub fn read(&mut self, line: &str) {
        let line = without_colour(line);
        let line = line.trim();
        if let Some(rest) = line.strip_prefix("test result: ") {
            let counts = rest.split_once(". ").map_or("", |(_, counts)| counts);
            self.add(counts, ';');
        } else if line.starts_with("Summary [") && line.contains(" run: ") {
            let counts = line.split_once(" run: ").map_or("", |(_, counts)| counts);
            self.add(counts, ',');
        }
    }

    /// Another step's tests too.
    pub fn join(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    fn add(&mut self, counts: &str, separator: char) {
        for part in counts.split(separator) {
            let mut words = part.split_whitespace();
            let (Some(Ok(count)), Some(what)) = (words.next().map(str::parse::<u64>), words.next()) else { continue };
            match what {
                "passed" => self.passed += count,
                "failed" | "exec" | "timed" => self.failed += count,
                "ignored" | "skipped" => self.skipped += count,
                _ => {}
            }
        }
    }
}

fn without_colour(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            characters.by_ref().find(char::is_ascii_alphabetic);
        } else {
            out.push(character);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(lines: &[&str]) -> Tally {
        let mut tally = Tally::default();
        lines.iter().for_each(|line| tally.read(line));
        tally
    }

    #[test]
    fn cargo_test_lines_count() {
        let lines = [
            "running 3 tests",
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.00s",
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
        ];
        assert_eq!(tally(&lines), Tally { passed: 15, failed: 2, skipped: 1 });
    }

    #[test]
    fn nextest_lines_count() {
        let lines = ["     Summary [   0.512s] 30 tests run: 27 passed (2 slow), 2 failed, 1 timed out, 4 skipped"];
        assert_eq!(tally(&lines), Tally { passed: 27, failed: 3, skipped: 4 });
        let coloured =
            ["\u{1b}[32m     Summary\u{1b}[0m [   0.5s] \u{1b}[1m9\u{1b}[0m tests run: \u{1b}[1m9\u{1b}[0m passed, 0 skipped"];
        assert_eq!(tally(&coloured), Tally { passed: 9, failed: 0, skipped: 0 });
    }

    #[test]
    fn other_lines_do_not() {
        assert_eq!(tally(&["5 passed; 1 failed", "Summary of it", "test result"]), Tally::default());
    }
}
