//! Who takes part, asked of the centre now and then.

use crate::config::NameForms;
use crate::inner::Inner;
use crate::sample::sample_banks;
use banklink::{LinkError, ParticipantInfo};
use std::sync::Mutex;
use std::time::Duration;
use tokio::time::Instant;

/// How long a list is good.
const FRESH: Duration = Duration::from_secs(5);

/// The last list.
#[derive(Default)]
pub(crate) struct Directory {
    last: Mutex<Option<(Instant, Vec<ParticipantInfo>)>>,
}

impl Inner {
    /// All participants; an old list is better than none when the centre cannot be reached.
    pub(crate) async fn participants(&self) -> Result<Vec<ParticipantInfo>, LinkError> {
        let last = self.directory.last.lock().expect("no panic while held").clone();
        if let Some((at, list)) = &last
            && at.elapsed() < FRESH
        {
            return Ok(list.clone());
        }
        match (self.link.participants().await, last) {
            (Ok(list), _) => {
                *self.directory.last.lock().expect("no panic while held") = Some((Instant::now(), list.clone()));
                Ok(list)
            }
            (Err(_), Some((_, list))) => Ok(list),
            (Err(error), None) => Err(error),
        }
    }
}

/// A participant's name in the languages of the pages: as the sample banks know it, otherwise as the centre does.
pub(crate) fn name_forms(bic: &str, name_at_centre: &str) -> NameForms {
    let sample = sample_banks().into_iter().find(|bank| bank.bic == bic).map(|bank| bank.name);
    sample.unwrap_or_else(|| {
        let name = if name_at_centre.is_empty() { bic } else { name_at_centre };
        NameForms { en: name.to_owned(), zh_hant: name.to_owned(), zh_hans: name.to_owned() }
    })
}
