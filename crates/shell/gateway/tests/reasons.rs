//! The centre and the directory know reasons as four characters, and no code sets. Each that they can give is in the set
//! of the element that it is told in.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use clearing::{Refusal, Rejection, recall_answers, recall_reasons, return_reasons};
use directory::{AliasKind, DirectoryRefusal};
use iso20022::codes::{
    CancellationReason, ExternalCode, PaymentCancellationRejection, ProxyAccountType, ReturnReason, StatusReason,
};
use ordering::SubmitRefusal;

/// Told in `camt.029` alone, where it has a code of that message's set: its own is of the same set.
const TOLD_OF_CANCELLATIONS: [Refusal; 1] = [Refusal::TooLateToCancel];

fn is_of<C: ExternalCode>(who: impl std::fmt::Debug, code: &str) {
    assert!(C::read(code).is_ok(), "{who:?}: {}", C::read(code).unwrap_err());
}

#[test]
fn refusals_have_status_reasons() {
    for refusal in Refusal::ALL {
        let reason = refusal.iso_reason();
        match TOLD_OF_CANCELLATIONS.contains(&refusal) {
            true => is_of::<PaymentCancellationRejection>(refusal, reason.as_str()),
            false => is_of::<StatusReason>(refusal, reason.as_str()),
        }
    }
    for refusal in DirectoryRefusal::ALL {
        is_of::<StatusReason>(refusal, std::str::from_utf8(&refusal.iso_reason()).unwrap());
    }
    for refusal in [SubmitRefusal::QueueFull, SubmitRefusal::DiskFull, SubmitRefusal::Stopped, SubmitRefusal::TooLarge] {
        is_of::<StatusReason>(refusal, refusal.iso_reason());
    }
}

#[test]
fn rejections_have_status_reasons() {
    for rejection in Rejection::ALL {
        is_of::<StatusReason>(rejection, rejection.iso_reason().as_str());
    }
}

#[test]
fn reasons_of_returns_and_recalls_are_of_their_sets() {
    for (reason, _) in return_reasons() {
        is_of::<ReturnReason>(reason, reason.as_str());
    }
    for reason in recall_reasons() {
        is_of::<CancellationReason>(reason, reason.as_str());
    }
    for reason in recall_answers() {
        is_of::<PaymentCancellationRejection>(reason, reason.as_str());
    }
}

#[test]
fn aliases_are_of_kinds_that_the_set_of_proxies_knows() {
    for kind in [AliasKind::Mobile, AliasKind::Email, AliasKind::SchemeId] {
        is_of::<ProxyAccountType>(kind, kind.iso_code());
    }
}
