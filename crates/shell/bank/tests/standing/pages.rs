//! The pages of a running bank, as a browser asks for them, and the same in JSON.

use crate::town::{Clock, PASSWORD, at, config, plan, rent, seed_with};
use bank::books::rhythm::{End, Rhythm};
use bank::books::{Books, Folder};
use bank::{Bank, BankHandle, PasswordHash};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

struct Browser {
    bank: BankHandle,
    cookie: String,
    language: &'static str,
}

/// Status, headers and body.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Browser {
    async fn send(&self, method: &str, path: &str, kind: &str, authorization: &str, body: &str) -> Answer {
        let mut stream = TcpStream::connect(self.bank.addr()).await.unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: bank\r\nconnection: close\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\
             cookie: {}; language={}\r\nauthorization: Bearer {authorization}\r\n\r\n{body}",
            body.len(),
            self.cookie,
            self.language
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    async fn get(&self, path: &str) -> String {
        let answer = self.send("GET", path, "text/plain", "", "").await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    async fn post(&self, path: &str, form: &str) -> Answer {
        self.send("POST", path, "application/x-www-form-urlencoded", "", form).await
    }

    /// Sends the only form of a page that leads to `path`.
    async fn submit(&self, page: &str, path: &str) -> Answer {
        let token = page.split(r#"name="token" value=""#).nth(1).unwrap().split('"').next().unwrap();
        assert!(page.contains(&format!(r#"action="{path}""#)), "{page}");
        self.post(path, &format!("token={token}")).await
    }
}

/// A bank with a draft of a rent, and its customer signed in.
async fn signed_in(folder: &tempfile::TempDir) -> Browser {
    let now = at("2026-12-01", 120);
    let books = Books::open(&Folder(folder.path().to_owned())).unwrap();
    books.seed(&seed_with(PasswordHash::of(PASSWORD)), 1).unwrap();
    books.draft_standing(&rent("r1", plan("2026-12-31", Rhythm::Monthly(1), End::Times(12)), now)).unwrap();
    drop(books);
    let bank = Bank::start(config(&Clock::at(now), folder.path().to_owned())).await.unwrap();
    let mut browser = Browser { bank, cookie: String::new(), language: "en" };
    let answer = browser.post("/sign-in", &format!("name=amy&password={}", PASSWORD.replace(' ', "+"))).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    let cookie = answer.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    browser.cookie = cookie.split(';').next().unwrap().to_owned();
    browser
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_checked_confirmed_paused_and_cancelled_on_pages() {
    let folder = tempfile::tempdir().unwrap();
    let mut browser = signed_in(&folder).await;
    for (language, words) in [
        (
            "en",
            ["Each month on day 31, or the last day of a shorter month", "After 12 dates, the last on 2027-11-30", "Thursday"],
        ),
        ("zh-Hant", ["每月 31 日，較短的月份為月底", "共 12 次，最後一次於 2027-11-30", "星期四"]),
        ("zh-Hans", ["每月 31 日，较短的月份为月底", "共 12 次，最后一次于 2027-11-30", "星期四"]),
    ] {
        browser.language = language;
        let review = browser.get("/standing-orders/r1").await;
        for word in words.iter().copied().chain(["2026-12-31", "2027-01-31", "2027-02-28", "HKD 300.00", "flat 7 &lt;b&gt;"]) {
            assert!(review.contains(word), "{language}: {word}\n{review}");
        }
        assert!(!review.contains("2027-03-31"), "three dates");
    }
    browser.language = "en";
    assert!(browser.get("/standing-orders").await.contains("No standing orders yet."), "a draft is none");

    let path = "/standing-orders/r1/confirm";
    assert_eq!(browser.post(path, "token=guessed").await.status, 403);
    let review = browser.get("/standing-orders/r1").await;
    assert_eq!(browser.submit(&review, path).await.status, 303);
    let list = browser.get("/standing-orders").await;
    assert!(list.contains("In force") && list.contains("Next on 2026-12-31"), "{list}");

    // Each decision is asked about first; what is not open leads back.
    let path = "/standing-orders/r1/pause";
    let question = browser.get(path).await;
    assert!(question.contains("Nothing is paid until you resume it."), "{question}");
    assert_eq!(browser.post(path, "").await.status, 403);
    assert_eq!(browser.submit(&question, path).await.status, 303);
    assert!(browser.get("/standing-orders/r1").await.contains("Paused by you"));
    assert_eq!(browser.send("GET", path, "text/plain", "", "").await.status, 303);
    let path = "/standing-orders/r1/cancel";
    let question = browser.get(path).await;
    assert_eq!(browser.submit(&question, path).await.status, 303);
    let over = browser.get("/standing-orders/r1").await;
    assert!(over.contains("Cancelled by you") && !over.contains("/resume"), "{over}");
    for unknown in ["/standing-orders/r2", "/standing-orders/r1/bless", "/standing-orders/r2/pause"] {
        assert_eq!(browser.send("GET", unknown, "text/plain", "", "").await.status, 404, "{unknown}");
    }
    assert!(browser.get("/").await.contains("/standing-orders"));
    browser.bank.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_in_json_and_bad_input_names_its_field() {
    let folder = tempfile::tempdir().unwrap();
    let browser = signed_in(&folder).await;
    let json = "application/json";
    let opened =
        browser.send("POST", "/api/v1/sessions", json, "", &format!(r#"{{"name":"amy","password":"{PASSWORD}"}}"#)).await;
    let opened: serde_json::Value = serde_json::from_str(&opened.body).unwrap();
    let token = opened["token"].as_str().unwrap();
    let path = "/api/v1/standing-orders";
    let payment = r#""from":"1001/HKD","agent":"PENGCNBSXXX","payee":"6217002000010001","name":"LI Na","amount":"1.00",
                     "credit_currency":"HKD""#;
    for (repeat, field) in [
        (r#""repeat":"hourly""#, "repeat"),
        (r#""repeat":"monthly""#, "first"),
        (r#""repeat":"monthly","first":"2026-12-31","every":25"#, "every"),
        (r#""repeat":"weekly","first":"2026-12-31","every":"two""#, "every"),
        (r#""repeat":"daily","first":"2026-12-31","ends":"times","times":1001"#, "times"),
        (r#""repeat":"daily","first":"2026-12-31","ends":"until","until":"2026-12-30""#, "until"),
        (r#""repeat":"daily","first":"2026-12-31","ends":"sometime""#, "ends"),
        (r#""repeat":"daily","first":"2026-12-31","when":"next_day""#, "when"),
    ] {
        let answer = browser.send("POST", path, json, token, &format!("{{{payment},{repeat}}}")).await;
        let problem: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!((answer.status, problem["field"].as_str()), (422, Some(field)), "{repeat}: {}", answer.body);
    }
    assert_eq!(browser.send("GET", path, json, "nobody", "").await.status, 401);

    let review = browser.get("/standing-orders/r1").await;
    browser.submit(&review, "/standing-orders/r1/confirm").await;
    let read = async |path: &str, method: &str| -> serde_json::Value {
        serde_json::from_str(&browser.send(method, path, json, token, "").await.body).unwrap()
    };
    let listed = &read(path, "GET").await["standing_orders"][0];
    assert_eq!((&listed["id"], &listed["state"], &listed["every"]), (&"r1".into(), &"active".into(), &1.into()));
    assert_eq!(listed["next"], serde_json::json!(["2026-12-31", "2027-01-31", "2027-02-28"]));
    let paused = read("/api/v1/standing-orders/r1/pause", "POST").await;
    assert_eq!((&paused["state"], &paused["why"]), (&"paused".into(), &"customer".into()));
    assert_eq!(read("/api/v1/standing-orders/r1", "GET").await["next"], serde_json::json!([]));
    browser.bank.shutdown().await;
}
