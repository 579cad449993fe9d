//! What several tests need: files, a small random generator, mutations, xmllint, messages built from views.
#![allow(dead_code, reason = "each test uses a part")]
#![allow(missing_docs, clippy::unwrap_used)] // a test that cannot go on has failed

use iso20022::Message;
use iso20022::view::*;
use money::{Amount, Currency, CurrencyCode};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Our own messages.
pub fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// The folder of official schemas and samples, if it is there; says loudly if not, and fails in continuous integration.
pub fn shared() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared");
    let folder = std::env::var_os("LUOHU_SHARED").map_or(beside, PathBuf::from).join("iso20022");
    if folder.join("xsd").is_dir() {
        return Some(folder);
    }
    eprintln!("!!! {} is absent: nothing was compared with the official schemas", folder.display());
    assert!(std::env::var_os("CI").is_none(), "the official schemas are absent in continuous integration");
    None
}

pub fn xml_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "xml"))
        .collect();
    files.sort();
    files
}

/// A folder that goes away.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new() -> Self {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("iso-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Copies a file out of a scratch folder for a person to look at.
pub fn keep(file: &Path) -> PathBuf {
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(file.file_name().unwrap());
    std::fs::copy(file, &kept).unwrap();
    kept
}

/// What xmllint says of a file.
pub struct Opinion {
    pub valid: bool,
    /// Its lines about the file.
    pub said: String,
}

impl Opinion {
    /// libxml2 takes three things otherwise than the standards, and otherwise than Xerces: it does not collapse blanks around
    /// dates and times (XML Schema part 2, 4.3.6), it passes over characters that are no base64 inside base64 (3.2.16 allows
    /// blanks alone), and it goes on validating after a breach of Namespaces in XML.
    pub fn is_known_deviation(&self, ours: Result<(), iso20022::Rule>) -> bool {
        match ours {
            Ok(()) => {
                let is_date = |line: &str| ["}ISODate'", "}ISODateTime'", "}ISOTime'"].iter().any(|name| line.contains(name));
                self.said.lines().any(|line| line.contains("is not a valid value of the atomic type") && is_date(line))
            }
            Err(iso20022::Rule::Base64) => self.valid,
            Err(rule) => matches!(rule, iso20022::Rule::Prefix | iso20022::Rule::Syntax) && self.said.contains("namespace error"),
        }
    }
}

/// xmllint's opinion of each file.
pub fn xmllint(schema: &Path, files: &[PathBuf]) -> Vec<Opinion> {
    let mut opinions = Vec::new();
    for batch in files.chunks(500) {
        let output = Command::new("xmllint").arg("--noout").arg("--nonet").arg("--schema").arg(schema).args(batch).output();
        let output = output.expect("xmllint (libxml2-utils) is installed");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let mut by_file: std::collections::HashMap<&str, String> = std::collections::HashMap::new();
        let mut current = "";
        for line in said.lines() {
            // A message may go on over several lines when the value it quotes does.
            let file = line.split_once(".xml").map_or("", |(name, _)| &line[..name.len() + 4]);
            if !file.is_empty() && batch.iter().any(|path| path.to_str() == Some(file)) {
                current = file;
            }
            by_file.entry(current).or_default().push_str(line);
            by_file.entry(current).or_default().push('\n');
        }
        for file in batch {
            let said = by_file.remove(file.to_str().unwrap()).unwrap_or_default();
            opinions.push(Opinion { valid: said.lines().any(|line| line == format!("{} validates", file.display())), said });
        }
    }
    opinions
}

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// Values that stand near the edge of some type.
const VALUES: &[&str] = &[
    "",
    " ",
    "1",
    "0",
    "-0",
    "+1",
    "-1",
    "1.",
    ".5",
    ".",
    "1,5",
    "1e5",
    "NaN",
    "INF",
    " 15.00 ",
    "1.123456",
    "12345678901234567890",
    "123456789012345678",
    "1234567890123.12345",
    "12345678901234.12345",
    "0000000000001.50000",
    "0.00000000001",
    "1.0000000000",
    "true",
    "false",
    " true ",
    "TRUE",
    "2024-02-29",
    "2023-02-29",
    "2024-02-29Z",
    "2024-02-29+14:00",
    "2024-02-29+14:01",
    "0000-01-01",
    "-0001-01-01",
    "12024-01-01",
    "2024-1-1",
    " 2024-01-01 ",
    "2024-01-01T00:00:00",
    "2024-01-01T24:00:00Z",
    "2024-01-01T24:00:01Z",
    "2024-01-01T23:59:60Z",
    "2024-01-01T23:59:59.",
    "2024-01-01T23:59:59.123456789Z",
    "2024-01-01T23:59:59-13:59",
    "2024-13-01T00:00:00",
    "23:59:59",
    "24:00:00",
    "25:00:00",
    "HKD",
    "hkd",
    "HKDX",
    "HK",
    "ADDR",
    "HARBHKHH",
    "HARBHKHHXXX",
    "HARBHKHHXX",
    "harbhkhh",
    "0b6ba28f-5e5c-4d1c-9d2e-3f6a3a1f9c01",
    "0B6BA28F-5E5C-4D1C-9D2E-3F6A3A1F9C01",
    "0b6ba28f-5e5c-1d1c-9d2e-3f6a3a1f9c01",
    "+852-91234567",
    "+852 91234567",
    "+8520-1",
    "陳大文",
    "\u{1F4B4}",
    "&amp;",
    "&lt;b&gt;",
    "&#65;",
    "&#x41;",
    "&#32;",
    "&nbsp;",
    "&",
    "<![CDATA[x]]>",
    "<![CDATA[]]>",
    "a<!-- c -->b",
    "<!-- c -->",
    "<?pi?>x",
    "]]>",
    "a\nb",
    "a\r\nb",
    "\t",
    "SLEV",
    "SLEV ",
    "HIGH",
    "NORM",
    "CLRG",
    "DE89370400440532013000",
    "529900T8BM49AURSDO55",
    "529900T8BM49AURSDO5",
    "1234",
    "12345",
    "123",
    "12",
    "abcd",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "港港港港港港港港港港港港港港港港港港港港港港港港港港港港港港港港港港港",
    "港港港港港港港港港港港港港港港港港港港港港港港港港港港港港港港港港港港港",
    "<x/>",
    "<Cd>HIGH</Cd>",
    "\u{a0}1",
    "\u{3000}",
];

const NAMES: &[&str] =
    &["Cd", "Prtry", "Id", "Nm", "BICFI", "FinInstnId", "Othr", "Foo", "nm", "Ctry", "Document", "xmlns", "x:Id", "IBAN"];

const SNIPPETS: &[&str] = &[
    "<",
    ">",
    "&",
    "\"",
    "'",
    "/",
    "=",
    " ",
    "x",
    "é",
    "<!--x-->",
    "<!---->",
    "<!-- a--b -->",
    "<?p i?>",
    "<?xml version=\"1.0\"?>",
    "<![CDATA[ ]]>",
    "<![CDATA[x]]>",
    "&#32;",
    "&#10;",
    "&#65;",
    "&#0;",
    "&#x1F4B4;",
    "&#xD800;",
    "&apos;",
    "&quot;",
    "<Foo/>",
    "<Cd>X</Cd>",
    " a=\"1\"",
    " xml:lang=\"en\"",
    " xmlns=\"\"",
    " xmlns:z=\"u\"",
    " xmlns:z=\"\"",
    " z:a=\"1\"",
    "\u{FFFD}",
    "\r",
    "\r\n",
    "\t",
    "]]>",
    "--",
    "?>",
    "-->",
    "\u{0B}",
    "\u{FFFF}",
];

const ATTRIBUTES: &[&str] = &[
    " foo=\"1\"",
    " Ccy=\"HKD\"",
    " Ccy=\"hk\"",
    " xmlns:y=\"urn:y\"",
    " xmlns=\"urn:other\"",
    " xmlns=\"\"",
    " xml:space=\"preserve\"",
    " xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\" i:nil=\"true\"",
    " xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\" i:schemaLocation=\"a b\"",
    " xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\" i:noNamespaceSchemaLocation=\"b\"",
    " xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\" i:other=\"b\"",
    " a=\"1\" a=\"2\"",
    " Ccy = 'USD'",
    " Ccy=\"&#72;KD\"",
    " Ccy=\" HKD\"",
];

/// One or two random changes, behind the XML declaration: there libxml2 takes more than the standard (`version="1."`).
pub fn mutate(source: &str, random: &mut Random) -> String {
    let body = if source.starts_with("<?xml") { source.find("?>").map_or(0, |at| at + 2) } else { 0 };
    let (declaration, body) = source.split_at(body);
    let mut text = body.to_owned();
    for _ in 0..=random.below(6) / 4 {
        text = mutate_once(&text, random);
    }
    text.insert_str(0, declaration);
    text
}

fn mutate_once(source: &str, random: &mut Random) -> String {
    let elements = elements(source);
    let Some(element) = elements.get(random.below(elements.len())).copied() else { return source.to_owned() };
    let Element { start, open_end, close_start, end } = element;
    let whole = &source[start..end];
    let name_end = start + 1 + source[start + 1..].find(|c: char| c.is_whitespace() || c == '>' || c == '/').unwrap_or(0);
    match random.below(16) {
        0 => format!("{}{}", &source[..start], &source[end..]),
        1 => format!("{}{whole}{}", &source[..end], &source[end..]),
        2 => {
            let other = random.pick(&elements);
            if other.start >= end {
                let moved = &source[other.start..other.end];
                format!("{}{moved}{}{whole}{}", &source[..start], &source[end..other.start], &source[other.end..])
            } else {
                format!("{}{whole}{}", &source[..other.end], &source[other.end..])
            }
        }
        3 => {
            let name = random.pick(NAMES);
            let inner = &source[open_end..close_start];
            format!("{}<{name}>{inner}</{name}>{}", &source[..start], &source[end..])
        }
        4 => format!("{}{}{}", &source[..name_end], random.pick(ATTRIBUTES), &source[name_end..]),
        5 | 6 => {
            let at = char_boundary(source, random.below(source.len()));
            format!("{}{}{}", &source[..at], random.pick(SNIPPETS), &source[at..])
        }
        7 => {
            let at = char_boundary(source, random.below(source.len()));
            let after = at + source[at..].chars().next().map_or(0, char::len_utf8);
            format!("{}{}", &source[..at], &source[after..])
        }
        8 => format!("{}{}{}", &source[..open_end], random.pick(SNIPPETS), &source[open_end..]),
        9 => format!("{}{}{}", &source[..close_start], random.pick(SNIPPETS), &source[close_start..]),
        10 if !whole.contains("</") || close_start == open_end => format!("{}/>{}", &source[..open_end - 1], &source[end..]),
        10 => {
            // A date or code of another element of the message.
            let other = random.pick(&elements);
            format!("{}{}{}", &source[..open_end], &source[other.open_end..other.close_start], &source[close_start..])
        }
        _ => {
            let leaves: Vec<&Element> = elements.iter().filter(|e| !source[e.open_end..e.close_start].contains('<')).collect();
            match leaves.get(random.below(leaves.len())) {
                Some(leaf) => format!("{}{}{}", &source[..leaf.open_end], random.pick(VALUES), &source[leaf.close_start..]),
                None => source.to_owned(),
            }
        }
    }
}

fn char_boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[derive(Clone, Copy)]
struct Element {
    start: usize,
    open_end: usize,
    close_start: usize,
    end: usize,
}

/// Elements of text that is nearly well-formed; the root left out.
fn elements(source: &str) -> Vec<Element> {
    let (mut all, mut open) = (Vec::new(), Vec::new());
    let mut at = 0;
    while let Some(found) = source[at..].find('<') {
        let start = at + found;
        let Some(length) = source[start..].find('>') else { break };
        let end = start + length + 1;
        let tag = &source[start..end];
        if tag.starts_with("</") {
            if let Some((open_start, open_end)) = open.pop() {
                all.push(Element { start: open_start, open_end, close_start: start, end });
            }
        } else if tag.ends_with("/>") {
            all.push(Element { start, open_end: end, close_start: end, end });
        } else if !tag.starts_with("<!") && !tag.starts_with("<?") {
            open.push((start, end));
        }
        at = end;
    }
    all.pop();
    all
}

const HKD: Currency = Currency { code: CurrencyCode::HKD, exponent: 2 };
const CNY: Currency = Currency { code: CurrencyCode::CNY, exponent: 2 };

/// A moment in November 2026.
pub const NOW: u64 = 1_795_510_800_000_000_000;

/// A credit transfer with everything a view can say.
pub fn credit_transfer() -> CreditTransferView {
    let address = AddressView {
        town: Some("Hong Kong".into()),
        country: Some("HK".into()),
        lines: vec!["1 Nathan Road".into()],
        ..AddressView::default()
    };
    CreditTransferView {
        message_id: "HARB-1".into(),
        created_at: NOW,
        instruction_id: Some("I-1".into()),
        end_to_end_id: "E-1".into(),
        transaction_id: Some("T-1".into()),
        uetr: [0x0b, 0x6b, 0xa2, 0x8f, 0x5e, 0x5c, 0x4d, 0x1c, 0x9d, 0x2e, 0x3f, 0x6a, 0x3a, 0x1f, 0x9c, 0x01],
        clearing_system_reference: None,
        priority: PaymentPriority::High,
        category_purpose: Some("CASH".into()),
        interbank_settlement_amount: Amount::from_minor(108_507, HKD),
        interbank_settlement_date: Some("2026-11-24".into()),
        accepted_at: Some(NOW),
        execute_from: None,
        instructed_amount: Some(Amount::from_minor(100_000, CNY)),
        exchange_rate: Some("0.9216".into()),
        quote: Some([7; 16]),
        request: None,
        collection: None,
        preauth: None,
        charge_bearer: "SLEV".into(),
        charges: vec![],
        new_payee: false,
        instructing_agent: "HARBHKHHXXX".into(),
        instructed_agent: "WUTGCNBSXXX".into(),
        debtor: PartyView {
            name: "Chan & Sons <HK>".into(),
            address: Some(address),
            country_of_residence: Some("HK".into()),
            identity: None,
        },
        debtor_account: Some(AccountView {
            number: "012345678901".into(),
            currency: Some("HKD".into()),
            ..AccountView::default()
        }),
        debtor_agent: "HARBHKHHXXX".into(),
        creditor_agent: "WUTGCNBSXXX".into(),
        creditor: PartyView { name: "李伟".into(), ..PartyView::default() },
        creditor_account: Some(AccountView {
            number: "DE89370400440532013000".into(),
            is_iban: true,
            currency: None,
            alias: Some(("MBNO".into(), "+86-13800138000".into())),
        }),
        purpose: Some("RENT".into()),
        remittance: Some("Rent \"November\"\nand more".into()),
        clearing_system: Some("LUOHU".into()),
    }
}

pub fn status_report() -> StatusReportView {
    let mut view = StatusReportView::new("WUTG-2", NOW, credit_transfer().uetr, TransactionStatus::Rejected);
    view.original_message_id = Some("LUOHU-1".into());
    view.original_message_name = Some("pacs.008.001.08".into());
    view.original_instruction_id = Some("I-1".into());
    view.original_end_to_end_id = Some("E-1".into());
    view.original_transaction_id = Some("T-1".into());
    view.reason = Some("AC04".into());
    view.information = Some("closed".into());
    view.accepted_at = Some(NOW);
    view.settled_at = Some(NOW + 1_000_000);
    view.clearing_system_reference = Some("17".into());
    view.instructing_agent = Some("WUTGCNBSXXX".into());
    view.instructed_agent = Some("HARBHKHHXXX".into());
    view
}

pub fn status_request() -> StatusRequestView {
    StatusRequestView {
        message_id: "HARB-3".into(),
        created_at: NOW,
        original_message_id: Some("HARB-1".into()),
        original_message_name: Some("pacs.008.001.08".into()),
        original_end_to_end_id: Some("E-1".into()),
        uetr: credit_transfer().uetr,
        instructing_agent: Some("HARBHKHHXXX".into()),
        instructed_agent: None,
    }
}

pub fn identification_request(account: AccountReference) -> IdentificationRequestView {
    IdentificationRequestView {
        message_id: "HARB-4".into(),
        created_at: NOW,
        assigner: "HARBHKHHXXX".into(),
        assignee: "WUTGCNBSXXX".into(),
        verification_id: "V-1".into(),
        name: Some("Li Wei".into()),
        account,
        agent: Some("WUTGCNBSXXX".into()),
    }
}

pub fn identification_report(verdict: NameVerdict) -> IdentificationReportView {
    IdentificationReportView {
        message_id: "WUTG-5".into(),
        created_at: NOW,
        assigner: "WUTGCNBSXXX".into(),
        assignee: "HARBHKHHXXX".into(),
        original_message_id: Some("HARB-4".into()),
        verification_id: "V-1".into(),
        verdict,
        masked_name: Some("L* W**".into()),
        account: Some(AccountReference::Number("6222021234567890".into())),
        agent: Some("WUTGCNBSXXX".into()),
    }
}

pub fn rejection() -> RejectionView {
    RejectionView {
        related_reference: "HARB-1".into(),
        reason: "XSD-PATTERN".into(),
        rejected_at: Some(NOW),
        location: Some("/Document".into()),
        description: Some("line 1, column 2".into()),
    }
}

pub fn account_query() -> AccountQueryView {
    AccountQueryView { message_id: "Q-1".into(), accounts: vec!["HARBHKHHXXX-HKD".into()], currencies: vec!["CNY".into()] }
}

pub fn account_report() -> AccountReportView {
    let account = AccountStandingView {
        owner: "HARBHKHHXXX".into(),
        currency: "HKD".into(),
        booked: "-12.50".into(),
        held: "0.00".into(),
        available: "987.50".into(),
        cap: "1000.00".into(),
    };
    AccountReportView { message_id: "A-1".into(), created_at: NOW, query: "Q-1".into(), accounts: vec![account] }
}

pub fn payment_query() -> PaymentQueryView {
    PaymentQueryView {
        message_id: "Q-1".into(),
        uetrs: vec![[0x4b; 16]],
        messages: vec!["M-1".into()],
        status: Some(QueryStatus::Rejected),
        from: Some(NOW),
        to: Some(NOW + 1_000_000_000),
    }
}

pub fn payment_report() -> PaymentReportView {
    let payment = PaymentStandingView {
        uetr: [0x8a, 0, 0, 0, 0, 0, 0x4b, 0, 0x8a, 0, 0, 0, 0, 0, 0, 1],
        is_credit: true,
        status: QueryStatus::Rejected,
        at: NOW,
        reason: Some("AC04".into()),
        amount: ("HKD".into(), "100.00".into()),
        debtor_agent: "PENGCNBSXXX".into(),
        creditor_agent: "HARBHKHHXXX".into(),
    };
    let unknown = vec![[0x8a, 0, 0, 0, 0, 0, 0x4b, 0, 0x8a, 0, 0, 0, 0, 0, 0, 2]];
    let (message_id, query) = ("A-1".into(), "Q-1".into());
    PaymentReportView { message_id, created_at: NOW, query, is_all: false, payments: vec![payment], unknown }
}

/// At least one message of every kind a view can build, and the header.
pub fn built_messages() -> Vec<Message> {
    let accounts = [
        AccountReference::Iban("DE89370400440532013000".into()),
        AccountReference::Number("1".into()),
        AccountReference::Mobile("+852-91234567".into()),
        AccountReference::Email("a@b.hk".into()),
    ];
    let verdicts = [NameVerdict::Match, NameVerdict::CloseMatch, NameVerdict::NoMatch, NameVerdict::NotPossible("NORR".into())];
    let mut header = HeaderView::new("HARBHKHHXXX", "LUOHHKHHXXX", "HARB-1", NOW);
    header.business_service = Some("luohu.ct.01".into());
    header.possible_duplicate = true;
    let mut all = vec![
        credit_transfer().message().unwrap(),
        status_report().message().unwrap(),
        StatusReportView::new("A", NOW, [0x4b; 16], TransactionStatus::Settled)
            .message()
            .unwrap_or_else(|_| status_report().message().unwrap()),
        status_request().message().unwrap(),
        rejection().message().unwrap(),
        PresenceNoticeView::Offline { from: Some(NOW), until: Some(NOW + 1) }.message().unwrap(),
        PresenceNoticeView::Offline { from: None, until: None }.message().unwrap(),
        PresenceNoticeView::Online.message().unwrap(),
        account_query().message(NOW).unwrap(),
        account_report().message().unwrap(),
        payment_query().message(NOW).unwrap(),
        payment_report().message().unwrap(),
        Message::Head00100102(Box::new(header.build(iso20022::MessageType::Pacs00800108).unwrap())),
    ];
    all.extend(accounts.into_iter().map(|account| identification_request(account).message().unwrap()));
    all.extend(verdicts.into_iter().map(|verdict| identification_report(verdict).message().unwrap()));
    all
}
