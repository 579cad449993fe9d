//! `bank::bulk::receive/lines=100_000`: a pain.001 and a CSV of 100,000 payments, read, judged and kept in books on disk until the
//! file is accepted; with the memory the process had at most.
//!
//! `cargo bench -p bank`; `LUOHU_LINES` sets another number.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on has failed")]

use bank::CURRENCIES;
use bank::books::{Books, Folder, Seed};
use bank::bulk::{Format, Receiver, hooks};
use std::time::Instant;

const ACCOUNT: &str = "388900700001";

fn main() {
    // Cargo runs benchmarks as tests, too: then there is nothing to measure.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let lines = std::env::var("LUOHU_LINES").ok().and_then(|text| text.parse().ok()).unwrap_or(100_000);
    for (name, format) in [("pain.001", Format::Pain001), ("csv", Format::Csv)] {
        let folder = tempfile::tempdir_in(std::env::var("LUOHU_BENCH_DIR").unwrap_or_else(|_| ".".into())).unwrap();
        let books = Books::open(&Folder(folder.path().to_owned())).unwrap();
        books.seed(&Seed::default(), 1).unwrap();
        let receiver = Receiver {
            sign_in: "silk".into(),
            accounts: vec![ACCOUNT.into()],
            own_bic: "HARBHKHHXXX".into(),
            currencies: CURRENCIES.to_vec(),
            now_ms: 1,
        };
        let begun = Instant::now();
        let chunks = (0..lines + 2).map(|at| chunk(format, at, lines));
        let file = hooks::receive(&books, &receiver, format, chunks).unwrap();
        let seconds = begun.elapsed().as_secs_f64();
        assert_eq!((file.lines, file.rejected), (lines, 0));
        println!(
            "bank::bulk::receive/{name} lines={lines}: {seconds:.2} s, {:.0} lines/s, memory at most {} MiB",
            lines as f64 / seconds,
            peak_mib()
        );
    }
}

/// The file piece by piece: a head, the payments, an end.
fn chunk(format: Format, at: u64, lines: u64) -> Vec<u8> {
    let text = match (format, at) {
        (Format::Pain001, 0) => format!(
            "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.001.001.09\"><CstmrCdtTrfInitn><GrpHdr><MsgId>BENCH</MsgId>\
             <CreDtTm>2026-11-26T08:00:00+08:00</CreDtTm><NbOfTxs>{lines}</NbOfTxs><CtrlSum>{lines}</CtrlSum><InitgPty/></GrpHdr>\
             <PmtInf><PmtInfId>B</PmtInfId><PmtMtd>TRF</PmtMtd><ReqdExctnDt><Dt>2026-11-26</Dt></ReqdExctnDt><Dbtr><Nm>Silk</Nm></Dbtr>\
             <DbtrAcct><Id><Othr><Id>{ACCOUNT}</Id></Othr></Id></DbtrAcct><DbtrAgt><FinInstnId><BICFI>HARBHKHHXXX</BICFI></FinInstnId></DbtrAgt>"
        ),
        (Format::Pain001, at) if at <= lines => format!(
            "<CdtTrfTxInf><PmtId><InstrId>I-{at}</InstrId><EndToEndId>E-{at}</EndToEndId></PmtId><Amt><InstdAmt Ccy=\"HKD\">1.00</InstdAmt></Amt>\
             <CdtrAgt><FinInstnId><BICFI>PENGCNBSXXX</BICFI></FinInstnId></CdtrAgt><Cdtr><Nm>ZHANG Wei {at}</Nm></Cdtr>\
             <CdtrAcct><Id><Othr><Id>62170020{at:08}</Id></Othr></Id></CdtrAcct><Purp><Cd>SALA</Cd></Purp>\
             <RmtInf><Ustrd>November wages</Ustrd></RmtInf></CdtTrfTxInf>\n"
        ),
        (Format::Pain001, _) => "</PmtInf></CstmrCdtTrfInitn></Document>".to_owned(),
        (Format::Csv, 0) => format!(
            "file_id,lines,control_sum,from\nBENCH,{lines},{lines},{ACCOUNT}/HKD\nend_to_end_id,agent,account,name,currency,amount,purpose,note\n"
        ),
        (Format::Csv, at) if at <= lines => {
            format!("E-{at},PENGCNBSXXX,62170020{at:08},ZHANG Wei,HKD,1.00,SALA,November wages\n")
        }
        (Format::Csv, _) => String::new(),
    };
    text.into_bytes()
}

/// The most memory this process has had, as Linux tells it.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
}
