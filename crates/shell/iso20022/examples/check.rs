//! Judges ISO 20022 files: `cargo run -p iso20022 --example check -- FILE...`
fn main() -> std::process::ExitCode {
    let mut reports = Vec::new();
    for file in std::env::args().skip(1) {
        let report = match std::fs::read(&file) {
            Ok(source) => iso20022::check::check_bytes(&file, &source),
            Err(error) => iso20022::check::unreadable(&file, &error.to_string()),
        };
        print!("{}", report.to_text());
        reports.push(report);
    }
    iso20022::check::exit_status(&reports).into()
}
