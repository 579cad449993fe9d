//! The directory over a file: a table of what banks do and are told, and what a file must stand.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use clearing::Bic;
use directory::{
    Alias, Answer, Ask, CHANGES_MAX, Change, Changed, Directory, DirectoryError, DirectoryRefusal, Rate, Settings, Silence, Tier,
    WarningDocument,
};
use signing::{FileSigner, HashKey, Signer};

const HOUR: u64 = 3_600_000_000_000;

struct Desk {
    folder: tempfile::TempDir,
    directory: Option<Directory>,
    now_ns: u64,
    drawn: u64,
}

fn bic(name: &str) -> Bic {
    Bic::parse(match name {
        "harbour" => "HARBHKHHXXX",
        "lion" => "LIONHKHHXXX",
        "peng" => "PENGCNBSXXX",
        other => other,
    })
    .unwrap()
}

fn alias(text: &str) -> Alias {
    Alias::parse(text).unwrap()
}

impl Desk {
    fn with(settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let directory = Directory::open(folder.path(), settings, HashKey::new(&[7; 32])).unwrap();
        Self { folder, directory: Some(directory), now_ns: HOUR, drawn: 0 }
    }

    fn open(&self) -> &Directory {
        self.directory.as_ref().unwrap()
    }

    fn change(&mut self, by: &str, change: Change) -> Result<Changed, DirectoryRefusal> {
        let (now, mut drawn) = (self.now_ns, self.drawn);
        let done = self.open().change(
            bic(by),
            &[change],
            &mut || {
                drawn += 1;
                drawn
            },
            now,
        );
        self.drawn = drawn;
        done.unwrap().remove(0)
    }

    fn look_up(&self, by: &str, payer: &str, whom: &str, at: Option<&str>) -> Result<Answer, DirectoryRefusal> {
        let whom = alias(whom);
        let ask = Ask { by: bic(by), payer, alias: &whom, at: at.map(bic) };
        let found = self.open().look_up(&ask, self.now_ns);
        if found.as_ref().is_err_and(|refused| refused.refusal == DirectoryRefusal::UnknownAlias) {
            self.open().charge_miss(&ask, self.now_ns);
        }
        found.map_err(|refused| refused.refusal)
    }

    /// One line of the table: what is done, and what is said.
    fn line(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            [bank, "registers", whom, account] => said(&self.register(bank, whom, account, false)),
            [bank, "registers", whom, account, "default"] => said(&self.register(bank, whom, account, true)),
            [bank, "revokes", whom] => said(&self.change(bank, Change::Revoke(alias(whom)))),
            [bank, "claims", whom] => said(&self.change(bank, Change::MakeDefault(alias(whom)))),
            [bank, answer @ ("agrees" | "declines")] => {
                let ports = self.open().ports(bic(bank), self.now_ns).unwrap();
                let Some(port) = ports.first().map(|port| port.port.clone()) else { return "no port".to_owned() };
                said(&self.change(bank, Change::AnswerPort { port, agrees: answer == "agrees" }))
            }
            [bank, "asks", whom] => self.asked(bank, whom, None),
            [bank, "asks", whom, "at", other] => self.asked(bank, whom, Some(other)),
            [hours, "hours", "pass"] => {
                self.now_ns += hours.parse::<u64>().unwrap() * HOUR;
                "ok".to_owned()
            }
            _ => panic!("what does {line:?} mean?"),
        }
    }

    fn register(&mut self, bank: &str, whom: &str, account: &str, default: bool) -> Result<Changed, DirectoryRefusal> {
        let change = Change::Register {
            alias: (whom != "new").then(|| alias(whom)),
            account: account.to_owned(),
            name: "CHAN Tai Man".to_owned(),
            name_han: Some("陳大文".to_owned()),
            company: false,
            default,
        };
        self.change(bank, change)
    }

    fn asked(&self, bank: &str, whom: &str, at: Option<&str>) -> String {
        match self.look_up(bank, "payer", whom, at) {
            Ok(found) => format!("{} {} {}", found.agent, found.account, found.masked_name_han.unwrap_or_default()),
            Err(refusal) => refusal.code().to_owned(),
        }
    }
}

fn said(changed: &Result<Changed, DirectoryRefusal>) -> String {
    match changed {
        Ok(Changed::Default(alias)) => format!("default {alias}"),
        Ok(Changed::Registered(_)) => "registered".to_owned(),
        Ok(Changed::PortPending(_, until_ns)) => format!("port until {} h", until_ns / HOUR),
        Ok(Changed::Revoked(_)) => "revoked".to_owned(),
        Ok(Changed::PortAnswered { moved: true }) => "moved".to_owned(),
        Ok(Changed::PortAnswered { moved: false }) => "stayed".to_owned(),
        Err(refusal) => refusal.code().to_owned(),
    }
}

fn wide() -> Settings {
    let wide = Rate { per_hour: u32::MAX, burst: 1_000_000 };
    Settings { participant: wide, payer: wide, port_wait_ns: 48 * HOUR, ..Settings::default() }
}

fn play(table: &str, settings: Settings) {
    let mut desk = Desk::with(settings);
    for (number, line) in table.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        let (done, expected) = line.split_once("=>").unwrap();
        assert_eq!(desk.line(done), expected.trim(), "line {}: {line}", number + 1);
    }
}

#[test]
fn banks_register_claim_and_ask() {
    play(include_str!("tables/aliases.txt"), wide());
}

#[test]
fn silence_gives_the_default_away_where_the_settings_say_so() {
    play(include_str!("tables/silence.txt"), Settings { port_silence: Silence::TakesEffect, ..wide() });
}

#[test]
fn what_was_told_survives_and_needs_its_key() {
    let mut desk = Desk::with(wide());
    assert_eq!(desk.line("harbour registers +85261234567 388100200301"), "default +85261234567");
    desk.directory = None;
    let foreign = Directory::open(desk.folder.path(), wide(), HashKey::new(&[8; 32]));
    assert!(matches!(foreign, Err(DirectoryError::Foreign { .. })));
    desk.directory = Some(Directory::open(desk.folder.path(), wide(), HashKey::new(&[7; 32])).unwrap());
    assert_eq!(desk.line("peng asks +85261234567"), "HARBHKHHXXX 388100200301 陳*文");
    // Neither number nor name stands in the file.
    let bytes = std::fs::read(desk.folder.path().join("directory.redb")).unwrap();
    for secret in ["61234567", "Tai Man", "陳大文"] {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
    }
}

#[test]
fn who_counts_through_numbers_is_stopped_and_every_look_up_is_written_down() {
    let settings = Settings { payer: Rate { per_hour: 60, burst: 20 }, miss_cost: 10, ..wide() };
    let mut desk = Desk::with(settings);
    desk.line("harbour registers +85261234567 388100200301");
    let misses = (0..10).map(|n| desk.look_up("peng", "scraper", &format!("+8526000000{n}"), None).unwrap_err().code());
    let misses: Vec<_> = misses.collect();
    assert_eq!(misses[..3], ["DIR-1001", "DIR-1001", "DIR-1011"]);
    assert!(misses[2..].iter().all(|code| *code == "DIR-1011"));
    let hits = (0..20).filter(|_| desk.look_up("peng", "customer", "+85261234567", None).is_ok()).count();
    assert_eq!(hits, 20);
    let whom = alias("+85261234567");
    let ask = Ask { by: bic("peng"), payer: "customer", alias: &whom, at: None };
    let refused = desk.open().look_up(&ask, desk.now_ns).unwrap_err();
    assert_eq!((refused.refusal.code(), refused.wait_ns), ("DIR-1011", Some(60_000_000_000)));
    desk.directory = None;
    let audit = std::fs::read_to_string(desk.folder.path().join("directory-audit/audit-00000001.jsonl")).unwrap();
    assert_eq!(audit.lines().count(), 31);
    assert!(audit.contains("\"outcome\":\"found\"") && !audit.contains("6123"));
}

#[test]
fn a_participant_has_a_rate_of_its_own() {
    let desk = Desk::with(Settings { participant: Rate { per_hour: 60, burst: 1 }, ..wide() });
    assert_eq!(desk.asked("peng", "+85261234567", None), "DIR-1001");
    assert_eq!(desk.asked("peng", "+85261234567", None), "DIR-1010");
    assert_eq!(desk.asked("lion", "+85261234567", None), "DIR-1001");
}

#[test]
fn two_officers_warn_of_a_payee() {
    let mut desk = Desk::with(wide());
    desk.line("harbour registers +85261234567 388100200301");
    desk.line("harbour registers +85261234568 388100200302");
    let key = HashKey::new(&[7; 32]);
    let officers = [1, 2].map(|seed| FileSigner::from_seed("officer", &[seed; 32]));
    let keys = [officers[0].public_key(), officers[1].public_key()];
    let list = |version, tier| {
        let payees = vec![
            (Directory::hash_of_alias(&key, &alias("+85261234567")), tier),
            (Directory::hash_of_account(&key, bic("harbour"), "388100200302"), Tier::Warn),
        ];
        let mut document = WarningDocument::draft("here", version, payees);
        officers.iter().for_each(|officer| document.sign(officer));
        document
    };
    let warned = |desk: &Desk, whom: &str| desk.look_up("peng", "p", whom, None).map(|found| found.warning);
    assert_eq!(warned(&desk, "+85261234567"), Ok(None));
    desk.open().take_warnings(&list(1, Tier::CoolOff), "here", &keys).unwrap();
    assert_eq!(warned(&desk, "+85261234567"), Ok(Some(Tier::CoolOff)));
    assert_eq!(warned(&desk, "+85261234568"), Ok(Some(Tier::Warn)));
    assert_eq!(desk.open().warning_of(bic("harbour"), "388100200302"), Some(Tier::Warn));
    desk.open().take_warnings(&list(2, Tier::Block), "here", &keys).unwrap();
    assert_eq!(warned(&desk, "+85261234567").unwrap_err().code(), "DIR-1012");
    let old = desk.open().take_warnings(&list(2, Tier::Warn), "here", &keys).unwrap_err();
    assert_eq!(old.to_string(), "version: 2 holds already");
    assert!(desk.open().take_warnings(&list(3, Tier::Warn), "here", &keys[..1]).is_err());
    assert_eq!(desk.open().warnings_version(), 2);
}

#[test]
fn what_is_wrong_is_said_with_its_code() {
    let mut desk = Desk::with(Settings { aliases_max: 1, ..wide() });
    let register = |account: &str, name: &str| Change::Register {
        alias: Some(alias("+85261234567")),
        account: account.to_owned(),
        name: name.to_owned(),
        name_han: None,
        company: false,
        default: false,
    };
    let code = |done: Result<Changed, DirectoryRefusal>| done.unwrap_err().code();
    assert_eq!(code(desk.change("harbour", register("", "A"))), "DIR-1003");
    assert_eq!(code(desk.change("harbour", register("38-1", "A"))), "DIR-1003");
    assert_eq!(code(desk.change("harbour", register("381", " "))), "DIR-1004");
    assert_eq!(code(desk.change("harbour", register("381", "a\u{7}b"))), "DIR-1004");
    assert_eq!(desk.line("harbour registers +85261234567 381"), "default +85261234567");
    assert_eq!(desk.line("harbour registers +85261234568 382"), "DIR-1013");
    assert_eq!(code(desk.change("harbour", Change::AnswerPort { port: "00".repeat(16), agrees: true })), "DIR-1009");
    let many = vec![Change::Revoke(alias("+85261234567")); CHANGES_MAX + 1];
    let refused = |changes: &[Change]| desk.open().change(bic("harbour"), changes, &mut || 0, 1).unwrap_err().code();
    assert_eq!((refused(&many), refused(&[])), ("DIR-1017", "DIR-1017"));
    assert_eq!(desk.look_up("peng", "", "+85261234567", None).unwrap_err().code(), "DIR-1015");
    assert_eq!(desk.look_up("peng", &"x".repeat(65), "+85261234567", None).unwrap_err().code(), "DIR-1015");
}

#[test]
fn a_scheme_identifier_is_drawn_until_one_is_free() {
    let mut desk = Desk::with(wide());
    let first = desk.line("harbour registers new 381");
    desk.drawn = 0;
    let second = desk.line("lion registers new 512");
    assert!(first.starts_with("default LH") && second.starts_with("default LH") && first != second, "{first} {second}");
    let change =
        Change::Register { alias: None, account: "1".into(), name: "A".into(), name_han: None, company: true, default: false };
    let stuck = desk.open().change(bic("harbour"), &[change], &mut || 1, 1).unwrap();
    assert_eq!(stuck[0].as_ref().unwrap_err().code(), "DIR-1016");
}
