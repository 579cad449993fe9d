//! What the command line says.

use std::path::PathBuf;

#[derive(Debug, Clone)]
pub struct Options {
    /// Which validator this process is; `None`: the parent.
    pub node: Option<usize>,
    pub folder: PathBuf,
    pub first_port: u16,
    pub seconds: u64,
    pub in_flight: u64,
    pub rate: Option<u64>,
    pub signed: bool,
    pub message: usize,
    pub interval_ms: u64,
    pub far: bool,
    pub delay_ms: u64,
    pub workers: usize,
    pub scenario: String,
    pub keep: bool,
    /// Level of the validators' logs.
    pub log: String,
    /// A soak kills about so often.
    pub kill_seconds: u64,
    /// When a payment that has ended is forgotten; `None`: never.
    pub retention: Option<u64>,
    /// Read every folder back at the end.
    pub audit: bool,
    /// Only follow: no load of its own.
    pub idle: bool,
}

impl Options {
    pub fn parse(arguments: &[String]) -> Self {
        let value = |name: &str| {
            let at = arguments.iter().position(|argument| argument == name)?;
            Some(arguments.get(at + 1).unwrap_or_else(|| panic!("{name} needs a value")).clone())
        };
        let number = |name: &str, default: u64| value(name).map_or(default, |text| text.parse().unwrap());
        let flag = |name: &str| arguments.iter().any(|argument| argument == name);
        Self {
            node: value("--node").map(|text| text.parse().unwrap()),
            folder: value("--folder")
                .map_or_else(|| std::env::temp_dir().join(format!("luohu-load-{}", std::process::id())), PathBuf::from),
            first_port: number("--port", 21_800) as u16,
            seconds: number("--seconds", 10),
            in_flight: number("--in-flight", 1000),
            rate: value("--rate").map(|text| text.parse().unwrap()),
            signed: flag("--signed"),
            message: number("--message", 1500) as usize,
            interval_ms: number("--interval-ms", 10),
            far: flag("--far"),
            delay_ms: number("--delay-ms", 0),
            workers: number("--workers", 1) as usize,
            scenario: value("--scenario").unwrap_or_else(|| "steady".to_owned()),
            keep: flag("--keep"),
            log: value("--log").unwrap_or_else(|| "warn".to_owned()),
            kill_seconds: number("--kill-seconds", 60),
            retention: value("--retention-seconds").map(|text| text.parse().unwrap()),
            audit: flag("--audit"),
            idle: flag("--idle"),
        }
    }
}
