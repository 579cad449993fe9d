//! A link against a tiny centre over real TLS: what is believed, what is doubted, what is delivered.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use banklink::{AnswerBody, HandlerFailed, InboxHandler, InboxItem, LinkError, LinkState};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::{Script, Setup, setup};
use tokio::time::timeout;

#[tokio::test]
async fn a_signed_answer_is_believed() {
    let Setup { centre, link } = setup(vec![Script::Signed(200, "<Final/>"), Script::Signed(409, "<Duplicate/>")]).await;
    let answer = link.send_message("<Message/>", 5).await.unwrap();
    assert_eq!((answer.status, answer.taken(), answer.cursor), (200, true, Some(17)));
    assert_eq!(answer.body, AnswerBody::Message("<Final/>".to_owned()));
    let refused = link.send_message("<Message/>", 0).await.unwrap();
    assert_eq!((refused.status, refused.taken(), refused.message()), (409, false, Some("<Duplicate/>")));
    assert_eq!(*centre.seen.lock().unwrap(), vec![("POST /v1/messages".to_owned(), true); 2]);
    assert_eq!(centre.connections.load(Ordering::SeqCst), 1, "connections are kept alive");
}

#[tokio::test]
async fn an_answer_of_anybody_else_leaves_doubt() {
    let Setup { link, .. } = setup(vec![Script::Unsigned("<Final/>"), Script::SignedByAnother("<Final/>")]).await;
    for _ in 0..2 {
        let error = link.send_message("<Message/>", 0).await.unwrap_err();
        assert!(matches!(error, LinkError::NotTheCentre(_)), "{error}");
        assert!(error.in_doubt() && error.retry_later());
    }
}

#[tokio::test]
async fn a_broken_connection_leaves_doubt_and_a_closed_one_is_replaced() {
    let script = vec![Script::Break, Script::SignedThenClose("<One/>"), Script::Signed(200, "<Two/>")];
    let Setup { centre, link } = setup(script).await;
    let error = link.send_message("<Message/>", 0).await.unwrap_err();
    assert!(matches!(error, LinkError::Broken(_)) && error.in_doubt(), "{error}");
    link.send_message("<Message/>", 0).await.unwrap();
    link.send_message("<Message/>", 0).await.unwrap();
    assert_eq!(centre.connections.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn problems_are_values() {
    let script = vec![
        Script::Problem(429, r#"{"code":"GW-1001","detail":"slower, please"}"#),
        Script::Problem(403, r#"{"code":"GW-1002","detail":"not yours"}"#),
    ];
    let Setup { link, .. } = setup(script).await;
    let busy = link.send_message("<Message/>", 0).await.unwrap_err();
    assert_eq!((busy.code(), busy.in_doubt(), busy.retry_later()), ("GW-1001", false, true));
    assert_eq!(busy.retry_after_ms(), Some(3000));
    let refused = link.send_message("<Message/>", 0).await.unwrap_err();
    assert_eq!((refused.code(), refused.in_doubt(), refused.retry_later()), ("GW-1002", false, false));
}

#[tokio::test]
async fn nothing_is_sent_when_offline_or_unreachable() {
    let Setup { centre, link } = setup(Vec::new()).await;
    link.set_offline(true);
    let error = link.send_message("<Message/>", 0).await.unwrap_err();
    assert!(matches!(error, LinkError::Offline) && !error.in_doubt());
    assert!(centre.seen.lock().unwrap().is_empty());
}

/// Commits what it gets; fails once at a given cursor.
#[derive(Default)]
struct Books {
    committed: Mutex<Vec<(u64, String)>>,
    fail_once_at: Mutex<Option<u64>>,
}

impl Books {
    fn messages(&self) -> Vec<(u64, String)> {
        self.committed.lock().unwrap().clone()
    }

    async fn until(&self, count: usize) {
        let waiting = async {
            while self.messages().len() < count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(20), waiting).await.unwrap_or_else(|_| panic!("only {:?}", self.messages()));
    }
}

impl InboxHandler for Books {
    async fn cursor(&self) -> Result<u64, HandlerFailed> {
        Ok(self.messages().iter().map(|(cursor, _)| *cursor).max().unwrap_or(0))
    }

    async fn deliver(&self, items: Vec<InboxItem>) -> Result<(), HandlerFailed> {
        let mut fail = self.fail_once_at.lock().unwrap();
        if items.iter().any(|item| Some(item.cursor) == *fail) {
            *fail = None;
            return Err(HandlerFailed("scripted".to_owned()));
        }
        self.committed.lock().unwrap().extend(items.into_iter().map(|item| (item.cursor, item.message)));
        Ok(())
    }
}

#[tokio::test]
async fn the_inbox_comes_back_from_its_cursor() {
    let script = vec![
        Script::Stream(vec![(3, "<A/>"), (0, "<Check/>"), (9, "<B/>")], false),
        // The centre repeats an item: not delivered again.
        Script::Stream(vec![(9, "<B/>"), (12, "<C/>")], false),
        Script::ForgedStream(13, "<Forged/>"),
        Script::Stream(vec![(14, "<D/>")], true),
    ];
    let Setup { centre, link } = setup(script).await;
    let books = Arc::new(Books { fail_once_at: Mutex::new(Some(12)), ..Books::default() });
    let running = tokio::spawn({
        let (link, books) = (Arc::clone(&link), Arc::clone(&books));
        async move { link.run_inbox(&*books).await }
    });
    // 12 failed to commit and the forged item ended its stream, so both streams were opened again from 9.
    books.until(4).await;
    let got: Vec<_> = books.messages();
    assert_eq!(got.iter().map(|(_, message)| message.as_str()).collect::<Vec<_>>(), ["<A/>", "<Check/>", "<B/>", "<D/>"]);
    let asked: Vec<_> = centre.seen.lock().unwrap().iter().map(|(line, _)| line.clone()).collect();
    assert_eq!(asked, ["0", "9", "9", "9"].map(|after| format!("GET /v1/inbox?after={after}&signed=together")));
    let mut state = link.state();
    timeout(Duration::from_secs(5), state.wait_for(|state| *state == LinkState::Connected)).await.unwrap().unwrap();
    link.set_offline(true);
    timeout(Duration::from_secs(5), state.wait_for(|state| *state == LinkState::Offline)).await.unwrap().unwrap();
    link.set_offline(false);
    timeout(Duration::from_secs(5), state.wait_for(|state| *state == LinkState::Connected)).await.unwrap().unwrap();
    running.abort();
}
