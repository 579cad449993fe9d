//! Reasons: the centre has four bytes where the code sets have closed enums.

use clearing::{IsoReason, Refusal};
use iso20022::codes::{PaymentCancellationRejection, StatusReason};

/// A status reason as the centre keeps it.
pub(crate) const fn status_reason(code: StatusReason) -> IsoReason {
    match code.as_str().as_bytes() {
        [a, b, c, d] => IsoReason([*a, *b, *c, *d]),
        // No code of the set has another length (see the test); its words would be beside it.
        _ => IsoReason(*b"NARR"),
    }
}

/// Whatever is wrong with a signature.
pub(crate) const SIGNATURE_INVALID: IsoReason = status_reason(StatusReason::Ds0h);

/// What `camt.029` says of a refusal: the payment was never received, has been passed to the next agent, or is another
/// agent's; anything else is in the words beside it.
pub(super) fn cancellation_rejection(refusal: Refusal) -> PaymentCancellationRejection {
    use PaymentCancellationRejection::{Agnt, Ardt, Narr, Noor, Ptna};
    let codes = [
        (Refusal::UnknownPayment, Noor),
        (Refusal::TooLateToCancel, Ptna),
        (Refusal::NotYourPayment, Agnt),
        (Refusal::TooLateAfterSettlement, Ardt),
        (Refusal::UnknownMatter, Noor),
        (Refusal::NotYourMatter, Agnt),
    ];
    codes.iter().find(|(known, _)| *known == refusal).map_or(Narr, |(_, code)| *code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_reason_is_four_bytes() {
        for code in StatusReason::ALL {
            assert_eq!(status_reason(*code).as_str(), code.as_str());
        }
    }
}
