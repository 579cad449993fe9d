//! Messages taken in lately, so that what is built from them for three readers is not read from the vault three times.

use crate::wire::Original;
use clearing::ContentHash;
use iso20022::BusinessMessage;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// Messages kept: at 8,000 payments a second, the last second; at some 8 KB each as read, 64 MB.
const MESSAGES_MAX: usize = 8_192;

/// A message as it was read, with what reports on it repeat.
#[derive(Debug, Clone)]
pub(crate) struct Recent {
    pub(crate) message: Arc<BusinessMessage>,
    pub(crate) original: Arc<Original>,
}

/// A bounded store by SHA-256 of the message, oldest out first.
#[derive(Debug)]
pub(crate) struct RecentMessages<T = Recent>(Mutex<Inner<T>>);

#[derive(Debug)]
struct Inner<T> {
    by_content: HashMap<ContentHash, T>,
    in_order: VecDeque<ContentHash>,
}

impl<T> Default for RecentMessages<T> {
    fn default() -> Self {
        Self(Mutex::new(Inner { by_content: HashMap::new(), in_order: VecDeque::new() }))
    }
}

impl<T: Clone> RecentMessages<T> {
    pub(crate) fn put(&self, content: ContentHash, message: T) {
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

    pub(crate) fn get(&self, content: ContentHash) -> Option<T> {
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
        (0..=MESSAGES_MAX).for_each(|n| recent.put(content(n), n));
        assert_eq!(recent.get(content(0)), None);
        assert!(recent.get(content(1)).is_some() && recent.get(content(MESSAGES_MAX)).is_some());
    }
}
