//! Who is signed in: sessions in memory, and a brake on guessing passwords.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Mutex;
use tokio::sync::Semaphore;
use world::SharedWorld;

/// A session ends this long after it was last used.
const IDLE_MS: u64 = 30 * 60 * 1000;
/// Most sessions at once; the one idle longest makes room.
const SESSIONS_MAX: usize = 10_000;
/// Wrong passwords in a row before a sign-in name has to wait.
const FAILURES_MAX: u32 = 5;
/// How long it waits.
const WAIT_MS: u64 = 60 * 1000;
/// Names with failures remembered.
const FAILING_MAX: usize = 10_000;
/// Passwords checked at once: each takes a tenth of a second of one core.
const CHECKS_MAX: usize = 2;

/// A signed-in customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) sign_in: String,
    /// Has to come back with every form.
    pub(crate) form_token: String,
    last_ms: u64,
}

/// All sessions.
pub(crate) struct Sessions {
    open: Mutex<HashMap<String, Session>>,
    failing: Mutex<HashMap<String, (u32, u64)>>,
    /// Turns for checking passwords.
    pub(crate) checks: Semaphore,
    world: SharedWorld,
}

impl Sessions {
    pub(crate) fn new(world: SharedWorld) -> Self {
        Self { open: Mutex::default(), failing: Mutex::default(), checks: Semaphore::new(CHECKS_MAX), world }
    }

    /// Opens a session; its token.
    pub(crate) fn open(&self, sign_in: &str) -> String {
        let token = random_token();
        let session = Session { sign_in: sign_in.to_owned(), form_token: random_token(), last_ms: self.world.now_ms() };
        let mut open = self.open.lock().expect("no panic while held");
        if open.len() >= SESSIONS_MAX {
            let now = self.world.now_ms();
            open.retain(|_, session| session.last_ms + IDLE_MS > now);
        }
        if open.len() >= SESSIONS_MAX
            && let Some(idlest) = open.iter().min_by_key(|(_, session)| session.last_ms).map(|(token, _)| token.clone())
        {
            open.remove(&idlest);
        }
        open.insert(token.clone(), session);
        token
    }

    /// The session of a token.
    pub(crate) fn find(&self, token: &str) -> Option<Session> {
        let mut open = self.open.lock().expect("no panic while held");
        let session = open.get_mut(token)?;
        let now = self.world.now_ms();
        if session.last_ms + IDLE_MS < now {
            open.remove(token);
            return None;
        }
        session.last_ms = now;
        Some(session.clone())
    }

    /// Ends a session.
    pub(crate) fn close(&self, token: &str) {
        self.open.lock().expect("no panic while held").remove(token);
    }

    /// Whether a sign-in name has to wait.
    pub(crate) fn must_wait(&self, sign_in: &str) -> bool {
        let failing = self.failing.lock().expect("no panic while held");
        failing.get(sign_in).is_some_and(|(count, last)| *count >= FAILURES_MAX && last + WAIT_MS > self.world.now_ms())
    }

    /// Counts a wrong password, or forgets them after a right one.
    pub(crate) fn note_attempt(&self, sign_in: &str, right: bool) {
        let mut failing = self.failing.lock().expect("no panic while held");
        if right {
            failing.remove(sign_in);
            return;
        }
        if failing.len() >= FAILING_MAX {
            let now = self.world.now_ms();
            failing.retain(|_, (_, last)| *last + WAIT_MS > now);
        }
        if failing.len() < FAILING_MAX {
            let entry = failing.entry(sign_in.to_owned()).or_default();
            *entry = (entry.0.saturating_add(1), self.world.now_ms());
        }
    }
}

fn random_token() -> String {
    let mut bytes = [0; 24];
    SystemRandom::new().fill(&mut bytes).expect("the system has randomness");
    bytes.iter().fold(String::with_capacity(48), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Whether two tokens are the same, in time that does not depend on where they differ.
pub(crate) fn same_token(a: &str, b: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a.as_bytes(), b.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_open_and_close() {
        let sessions = Sessions::new(world::Machine::shared());
        let token = sessions.open("amy");
        let session = sessions.find(&token).unwrap();
        assert_eq!(session.sign_in, "amy");
        assert_ne!(session.form_token, token);
        assert_eq!(sessions.find("x"), None);
        sessions.close(&token);
        assert_eq!(sessions.find(&token), None);
    }

    #[test]
    fn guessing_is_slowed() {
        let sessions = Sessions::new(world::Machine::shared());
        for _ in 0..4 {
            sessions.note_attempt("amy", false);
        }
        assert!(!sessions.must_wait("amy"));
        sessions.note_attempt("amy", false);
        assert!(sessions.must_wait("amy") && !sessions.must_wait("bob"));
        sessions.note_attempt("amy", true);
        assert!(!sessions.must_wait("amy"));
    }
}
