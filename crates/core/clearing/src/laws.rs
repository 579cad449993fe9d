//! The centre's laws as checkers. They read everything; run them in tests, the simulator and `fsck`.

pub use ledger::laws::{
    LawBroken, led_01_ledgers_sum_to_zero, led_02_no_account_below_its_floor, led_03_holds_resolve_once, led_04_holds_add_up,
};

use crate::liquidity::limit_of;
use crate::payment::{Payment, Status};
use crate::{Clearing, Event, EventKind, MatterView, PaymentIndex, PaymentState, PreauthState, RequestState, Uetr};
use std::collections::{BTreeMap, BTreeSet};

/// PAY-01: every payment is held with an open hold or has exactly one end; ends on record and forgotten ones fill the tree.
pub fn pay_01_one_final_state(clearing: &Clearing) -> Result<(), LawBroken> {
    let broken = |detail| Err(LawBroken { law: "PAY-01", detail });
    let (leaves, forgotten) = (clearing.finals.len(), clearing.payments.first());
    let mut ends = BTreeSet::new();
    let mut open = 0;
    for (at, payment) in (forgotten..).zip(clearing.payments.iter()) {
        match payment.status {
            Status::Held(hold) => {
                open += 1;
                if clearing.ledgers.hold(hold).is_err() {
                    return broken(format!("payment {at} is held without a hold"));
                }
            }
            Status::Settled(finality) | Status::Rejected(_, finality) | Status::Returned(finality) => {
                if finality.leaf_index >= leaves || !ends.insert(finality.leaf_index) {
                    return broken(format!("payment {at} has leaf {}, which is not its own", finality.leaf_index));
                }
            }
        }
    }
    let (withdrawals, reserved) = (clearing.settlement.transfers.holds().count(), clearing.reservations());
    if open + withdrawals + reserved != clearing.ledgers.holds_open() {
        let holds = clearing.ledgers.holds_open();
        return broken(format!("{open} payments, {withdrawals} withdrawals and {reserved} reservations have {holds} holds"));
    }
    let ended = forgotten + ends.len() as u64;
    if ended != leaves {
        return broken(format!("{leaves} leaves belong to {ended} ends, {forgotten} of them forgotten"));
    }
    Ok(())
}

/// PAY-02: both agents are told the same end. Over a run's events: each payment ends once, and as its record says while
/// there is one.
pub fn pay_02_both_told_the_same<'a>(clearing: &Clearing, events: impl IntoIterator<Item = &'a Event>) -> Result<(), LawBroken> {
    let mut told: BTreeMap<PaymentIndex, PaymentState> = BTreeMap::new();
    for event in events {
        let (EventKind::PaymentSettled(view) | EventKind::PaymentRejected(view)) = &event.kind else { continue };
        let on_record = clearing.payments.get(view.index).map(|_| clearing.view(view.index).state);
        if told.insert(view.index, view.state).is_some() || on_record.is_some_and(|state| state != view.state) {
            return Err(LawBroken { law: "PAY-02", detail: format!("payment {} was told two ends", view.uetr) });
        }
    }
    Ok(())
}

/// PAY-03: a UETR and a message identification are on record once.
pub fn pay_03_ids_are_unique(clearing: &Clearing) -> Result<(), LawBroken> {
    let mut uetrs = BTreeSet::new();
    let mut messages = BTreeSet::new();
    let twice = clearing.payments.iter().find(|payment| !uetrs.insert(payment.uetr) || !messages.insert(payment.message_id));
    match twice {
        None => Ok(()),
        Some(payment) => Err(LawBroken { law: "PAY-03", detail: format!("payment {} is on record twice", payment.uetr) }),
    }
}

/// PAY-04: what settled payments moved, forgotten ones too, is what accounts show, on every ledger: all legs of an exchange or none.
pub fn pay_04_all_legs_or_none(clearing: &Clearing) -> Result<(), LawBroken> {
    let mut net = clearing.exchange_forgotten.clone();
    for payment in clearing.payments.iter().filter(|payment| is_exchanged_and_settled(payment)) {
        net[usize::from(payment.debit_ledger.0)] += i128::from(payment.debit.0);
        // What the creditor bears comes out of the provider's pool as well.
        net[usize::from(payment.credit_ledger.0)] -=
            i128::from(payment.credit.0) + i128::from(payment.charged.charges.creditor.0);
    }
    for (at, expected) in net.into_iter().enumerate() {
        let kept = kept_by_exchange(clearing, at);
        if kept != expected {
            let code = clearing.currencies[at].code;
            return Err(LawBroken { law: "PAY-04", detail: format!("exchange took {kept} {code}, payments gave it {expected}") });
        }
    }
    Ok(())
}

fn is_exchanged_and_settled(payment: &Payment) -> bool {
    payment.debit_ledger != payment.credit_ledger && matches!(payment.status, Status::Settled(_) | Status::Returned(_))
}

/// What pools, spread and rounding accounts of a ledger hold beyond what was funded into them.
fn kept_by_exchange(clearing: &Clearing, at: usize) -> i128 {
    let posted = |id| clearing.ledgers.account(id).map_or(0, ledger::Account::posted);
    let providers =
        clearing.participants.iter().filter_map(|participant| participant.accounts.get(at).copied().flatten()?.exchange);
    let kept: i128 = providers.map(|accounts| posted(accounts.pool) + posted(accounts.spread)).sum();
    let funded = clearing.exchange_funded.get(at).copied().unwrap_or(0);
    (kept + posted(clearing.system_accounts[at].rounding)).saturating_sub(funded)
}

/// LIQ-01: no account of a participant is debited beyond prefunding and net debit cap, holds counted. An account whose cap was
/// lowered below its use keeps what it used and gets no more. What was prefunded is what the settlement agent's books show.
pub fn liq_01_no_debit_beyond_prefunding_and_cap(clearing: &Clearing) -> Result<(), LawBroken> {
    let broken = |detail| Err(LawBroken { law: "LIQ-01", detail });
    for ((id, account), (owner, _)) in clearing.ledgers.accounts().zip(&clearing.owners) {
        if owner.is_none() {
            continue;
        }
        let (limit, cap) = (limit_of(account), clearing.cap(id));
        if account.available() < -i128::from(limit) {
            return broken(format!("{id:?} has {} available under a limit of {limit}", account.available()));
        }
        if limit < cap || limit > cap && !clearing.is_squeezed(id) {
            return broken(format!("{id:?} has a limit of {limit}, its cap is {cap}"));
        }
    }
    for (at, accounts) in clearing.system_accounts.iter().enumerate() {
        let own = clearing.ledgers.accounts().filter(|(_, account)| usize::from(account.ledger().0) == at);
        let settlement = own.fold(0i128, |sum, (id, _)| sum.saturating_add(clearing.funded(id)));
        let funded = settlement.saturating_add(clearing.exchange_funded[at]);
        let shown = clearing.ledgers.account(accounts.mirror).map_or(0, ledger::Account::posted);
        if funded.saturating_add(shown) != 0 {
            return broken(format!("{funded} {} were prefunded, the mirror shows {shown}", clearing.currencies[at].code));
        }
    }
    Ok(())
}

/// QUO-01: no person's use of a quota exceeds it, across all banks, and open payments are counted in full.
pub fn quo_01_no_quota_exceeded(clearing: &Clearing) -> Result<(), LawBroken> {
    let open = |index: PaymentIndex| clearing.payments.get(index).is_some_and(Payment::is_open);
    if let Some(index) = clearing.quotas.reservers().find(|index| !open(*index)) {
        return Err(LawBroken { law: "QUO-01", detail: format!("payment {} has ended and still reserves a quota", index.0) });
    }
    let reserved =
        |uetr: Uetr| matches!(clearing.matter(uetr), Some(MatterView::Preauth(it)) if it.state == PreauthState::Reserved);
    if let Some(uetr) = clearing.quotas.reserved_for_days().find(|uetr| !reserved(*uetr)) {
        return Err(LawBroken { law: "QUO-01", detail: format!("nothing is reserved by {uetr}, which still reserves a quota") });
    }
    clearing.quotas.check()
}

/// RET-01: of no payment more is returned than its creditor agent received, and each return on record settled once.
pub fn ret_01_no_more_than_the_original(clearing: &Clearing) -> Result<(), LawBroken> {
    crate::returns::ret_01(clearing)
}

/// RET-01 over a run's events: no return is told twice, and returns without exchange never pass the original's credit.
pub fn ret_01_told<'a>(events: impl IntoIterator<Item = &'a Event>) -> Result<(), LawBroken> {
    crate::returns::ret_01_told(events.into_iter().map(|event| &event.kind))
}
/// FEE-01: each payment is charged by the tariff in force when it was accepted, and the scheme's fee accounts hold what settled
/// payments were charged, forgotten ones too, and nothing else.
pub fn fee_01_charged_as_the_tariff_says(clearing: &Clearing) -> Result<(), LawBroken> {
    clearing.check_fees()
}

/// PAY-05: only settled payments are under review, each on the clock until it is overdue or ends, and as its record says.
pub fn pay_05_reviews_are_of_settled_payments(clearing: &Clearing) -> Result<(), LawBroken> {
    clearing.check_reviews()
}

/// RTP-01: a request is paid by one settled payment at most, of what was asked or less where less is allowed; one that is being
/// paid has one open payment, and no other has any.
pub fn rtp_01_a_request_is_paid_once(clearing: &Clearing) -> Result<(), LawBroken> {
    let broken = |uetr, detail: &str| Err(LawBroken { law: "RTP-01", detail: format!("request {uetr} {detail}") });
    for matter in clearing.matters() {
        let MatterView::Request(request) = matter else { continue };
        let open = clearing.payments_on(request.uetr).count();
        let (is_paying, is_paid) = (request.state == RequestState::Paying, request.state == RequestState::Paid);
        if open != usize::from(is_paying) {
            return broken(request.uetr, &format!("is {:?} with {open} payments under way", request.state));
        }
        if request.settlement.is_some() != (is_paying || is_paid) {
            return broken(request.uetr, "names a payment and is not paid, or the other way round");
        }
        let Some(settlement) = request.settlement else { continue };
        let (paid, asked) = (settlement.credit, request.amount);
        if paid.currency != asked.currency || paid.minor > asked.minor || paid.minor < asked.minor && !request.less_allowed {
            return broken(request.uetr, &format!("was paid {paid:?} for {asked:?}"));
        }
        let expected = if is_paid { PaymentState::Settled } else { PaymentState::Held };
        if clearing.payment(settlement.payment).is_some_and(|payment| payment.state != expected) {
            return broken(request.uetr, "was paid by a payment that says otherwise");
        }
    }
    Ok(())
}

/// IBK-01: no interbank transfer waits whose sender has enough for it and nothing else before it; none waits that has ended.
pub fn ibk_01_nothing_waits_that_could_settle(clearing: &Clearing) -> Result<(), LawBroken> {
    clearing.check_interbank().map_err(|detail| LawBroken { law: "IBK-01", detail })
}

/// SPN-01: each sponsorship's position is the sum over its payments, forgotten ones too, and its squares; what is held for it is what
/// its payments under way hold; and it is never beyond its limit, holds counted.
pub fn spn_01_positions_add_up(clearing: &Clearing) -> Result<(), LawBroken> {
    crate::sponsorship::spn_01(clearing)
}

/// MDT-01: what was collected under a mandate in its newest period, collections that are under way with it, is within its caps and
/// counts each collection on record; a collection is paid by one settled payment at most, of what was claimed.
pub fn mdt_01_within_the_caps(clearing: &Clearing) -> Result<(), LawBroken> {
    clearing.check_mandates()
}

/// MDT-01 over a run's events: the sums of each period, recomputed from the collections that were told, never passed the caps that
/// held when one was added.
pub fn mdt_01_told<'a>(events: impl IntoIterator<Item = &'a Event>) -> Result<(), LawBroken> {
    crate::matters::mdt_01_told(events.into_iter().map(|event| &event.kind))
}

/// PRE-01: what is captured of a pre-authorisation never exceeds what was reserved, and what is held for it is exactly what is left,
/// and the room for charges; no other has a hold.
pub fn pre_01_holds_what_is_left(clearing: &Clearing) -> Result<(), LawBroken> {
    clearing.check_preauths()
}

/// PRE-01 over a run's events: captures, summed from the payments that were told, never passed what was reserved, and none was
/// told of what was not reserved.
pub fn pre_01_told<'a>(events: impl IntoIterator<Item = &'a Event>) -> Result<(), LawBroken> {
    crate::matters::pre_01_told(events.into_iter().map(|event| &event.kind))
}

/// DAY-01: in each currency with a calendar one business day is open, and every step that was due by the last block has been taken, unless
/// that block took as many as one may.
pub fn day_01_one_day_is_open(clearing: &Clearing) -> Result<(), LawBroken> {
    crate::days::day_01(clearing)
}

/// DAY-01 over a run's events: each day of a currency is opened, cut off and closed once and in order, and the next one opens where it
/// closed.
pub fn day_01_told<'a>(events: impl IntoIterator<Item = &'a Event>) -> Result<(), LawBroken> {
    crate::days::day_01_told(events)
}

/// Every law that can be judged from the state alone; empty when all hold.
pub fn check_all(clearing: &Clearing) -> Vec<LawBroken> {
    let mut broken = ledger::laws::check_all(&clearing.ledgers);
    let own = [
        pay_01_one_final_state(clearing),
        pay_03_ids_are_unique(clearing),
        pay_04_all_legs_or_none(clearing),
        liq_01_no_debit_beyond_prefunding_and_cap(clearing),
        quo_01_no_quota_exceeded(clearing),
        ret_01_no_more_than_the_original(clearing),
        pay_05_reviews_are_of_settled_payments(clearing),
        fee_01_charged_as_the_tariff_says(clearing),
        rtp_01_a_request_is_paid_once(clearing),
        ibk_01_nothing_waits_that_could_settle(clearing),
        spn_01_positions_add_up(clearing),
        mdt_01_within_the_caps(clearing),
        pre_01_holds_what_is_left(clearing),
        day_01_one_day_is_open(clearing),
    ];
    broken.extend(own.into_iter().filter_map(Result::err));
    broken
}
