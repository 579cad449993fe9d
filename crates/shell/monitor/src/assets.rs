//! What a page needs beside itself, built in.

/// The style sheet.
pub(crate) const STYLE: &str = include_str!("../assets/board.css");
/// The script: puts live fragments where they belong.
pub(crate) const SCRIPT: &str = include_str!("../assets/board.js");
/// The icon.
pub(crate) const ICON: &str = include_str!("../assets/icon.svg");
