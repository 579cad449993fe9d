//! Messages taken in lately, so that what is built from them for three readers is not read from the vault three times.

use bytes::Bytes;
use clearing::ContentHash;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// Messages kept: at 10,000 payments a second, the last second; at 3 KB each, 36 MB.
const MESSAGES_MAX: usize = 12_288;

/// A bounded store by SHA-256 of the message, oldest out first.
#[derive(Debug, Default)]
pub(crate) struct RecentMessages(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    by_content: HashMap<ContentHash, Bytes>,
    in_order: VecDeque<ContentHash>,
}

impl RecentMessages {
    pub(crate) fn put(&self, content: ContentHash, message: Bytes) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.by_content.insert(content, message).is_some() {
            return;
        }
        inner.in_order.push_back(content);
        if inner.in_order.len() > MESSAGES_MAX {
            let oldest = inner.in_order.pop_front().expect("it is longer than a limit");
            inner.by_content.remove(&oldest);
        }
    }

    pub(crate) fn get(&self, content: ContentHash) -> Option<Bytes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).by_content.get(&content).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_first() {
        let recent = RecentMessages::default();
        let content = |n: usize| {
            let mut hash = [0; 32];
            hash[..8].copy_from_slice(&(n as u64).to_le_bytes());
            ContentHash(hash)
        };
        (0..=MESSAGES_MAX).for_each(|n| recent.put(content(n), Bytes::from_static(b"m")));
        assert_eq!(recent.get(content(0)), None);
        assert!(recent.get(content(1)).is_some() && recent.get(content(MESSAGES_MAX)).is_some());
    }
}
