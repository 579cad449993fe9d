//! `docs/reference/config.md` is made from the example: the committed page is the made one.

use super::check::ranges;
use super::{Config, EXAMPLE};
use std::fmt::Write;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/config.md");

/// A setting as the example tells it.
struct Setting {
    /// With its section.
    key: String,
    default: String,
    meaning: String,
}

fn settings() -> Vec<Setting> {
    let (mut found, mut section, mut comment) = (Vec::new(), String::new(), String::new());
    for line in EXAMPLE.lines() {
        if let Some(words) = line.strip_prefix('#') {
            comment.push_str(words);
        } else if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = format!("{name}.");
        } else if let Some((key, value)) = line.split_once(" = ") {
            let meaning = std::mem::take(&mut comment).trim().to_owned();
            found.push(Setting { key: format!("{section}{key}"), default: value.to_owned(), meaning });
        } else {
            // A blank line ends the head of the file.
            comment.clear();
        }
    }
    found
}

fn page() -> String {
    let mut text = "# Settings\n\n\
        Written from `luohu.example.toml`, the file that `luohu config` prints; change it there and run `cargo xtask bless`.\n\
        What a file does not say has its default. A key that is not here, a value of another type and a value out of range are\n\
        refused with file, line and column before anything starts.\n"
        .to_owned();
    let mut section = None;
    for setting in settings() {
        let (of, name) = setting.key.split_once('.').unwrap_or(("", &setting.key));
        if section.as_deref() != Some(of) {
            let title = if of.is_empty() { "At the top".to_owned() } else { format!("`[{of}]`") };
            let _ = write!(text, "\n## {title}\n\n| Setting | Default | Meaning |\n|---|---|---|\n");
            section = Some(of.to_owned());
        }
        let _ = writeln!(text, "| `{name}` | `{}` | {} |", setting.default, setting.meaning);
    }
    text
}

#[test]
fn the_committed_page_is_the_made_one() {
    if std::env::var_os("LUOHU_BLESS").is_some() {
        std::fs::write(PAGE, page()).unwrap();
    }
    let committed = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(committed == page(), "docs/reference/config.md differs: LUOHU_BLESS=1 cargo test -p luohu");
}

#[test]
fn every_setting_says_what_it_means() {
    for setting in settings() {
        assert!(setting.meaning.len() > 20, "{} has no comment", setting.key);
    }
}

#[test]
fn the_manual_tells_the_ranges_that_are_checked() {
    for (key, _, least, most) in ranges(&Config::default()) {
        let settings = settings();
        let setting = settings.iter().find(|setting| setting.key == key).unwrap_or_else(|| panic!("{key} is not in the manual"));
        let told =
            setting.meaning.contains(&format!("{least} to {most}")) || setting.meaning.contains(&format!("At most {most}"));
        assert!(told, "{key}: the manual should say {least} to {most}: {}", setting.meaning);
    }
}
