//! What became of a file, line by line: CSV and `pain.002`, written a piece at a time.

use crate::books::bulk::{BulkFile, BulkLine, FileState};
use crate::books::records::Outgoing;
use crate::books::state::OutgoingState;
use iso20022::bulk::{LineStatus, ResultFile};
use iso20022::codes::{PaymentGroupStatus, PaymentTransactionStatus, StatusReason};

/// A line with its number and payment.
pub(crate) type Joined = (u64, BulkLine, Option<Outgoing>);

/// ISO status of a line, with reason and words.
pub(crate) fn status_of(
    line: &BulkLine,
    payment: Option<&Outgoing>,
) -> (PaymentTransactionStatus, Option<String>, Option<String>) {
    use PaymentTransactionStatus::{Accc, Acsc, Acsp, Pdng, Rjct};
    if let Some((reason, field, words)) = &line.rejected {
        return (Rjct, Some(reason.clone()), Some(format!("{field}: {words}")));
    }
    let Some(payment) = payment else { return (Pdng, None, None) };
    let status = match payment.state {
        OutgoingState::Draft | OutgoingState::Reserved | OutgoingState::Sent => Pdng,
        OutgoingState::Held => Acsp,
        OutgoingState::Settled if payment.times.credited_ms.is_some() => Accc,
        OutgoingState::Settled => Acsc,
        OutgoingState::Rejected => Rjct,
    };
    let reason = (status == Rjct).then(|| payment.reason.clone().unwrap_or_else(|| StatusReason::Ms03.to_string()));
    (status, reason, payment.reason_text.clone())
}

/// Rows of the CSV answer; the first ones with the names of columns.
pub(crate) fn csv_lines(lines: &[Joined], first: bool) -> String {
    let mut text = if first { "line,end_to_end_id,uetr,status,reason,information\n".to_owned() } else { String::new() };
    for (at, line, payment) in lines {
        let (status, reason, information) = status_of(line, payment.as_ref());
        let id = line.end_to_end_id.as_deref().unwrap_or_default();
        let uetr = line.uetr.as_deref().unwrap_or_default();
        let reason = reason.unwrap_or_default();
        let fields = [&at.to_string(), id, uetr, status.as_str(), &reason, &information.unwrap_or_default()].map(quoted);
        text.push_str(&fields.join(","));
        text.push('\n');
    }
    text
}

/// A field that a spreadsheet takes for text and for nothing else.
fn quoted(field: &str) -> String {
    let formula = field.starts_with(['=', '+', '-', '@', '\t']);
    let plain = if formula { format!("'{field}") } else { field.to_owned() };
    match plain.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", plain.replace('"', "\"\"")),
        false => plain,
    }
}

/// The `pain.002` of a file as it stands.
pub(crate) fn pain002(file: &BulkFile, id: &str, now_ns: u64) -> ResultFile {
    let status = match file.state {
        FileState::Refused => PaymentGroupStatus::Rjct,
        FileState::Done if file.rejected == 0 => PaymentGroupStatus::Accp,
        FileState::Done => PaymentGroupStatus::Part,
        FileState::Receiving | FileState::Accepted => PaymentGroupStatus::Pdng,
    };
    let reason = file
        .refused
        .as_ref()
        .map(|(line, field, words)| (StatusReason::Narr.to_string(), format!("line {line}, {field}: {words}")));
    let original = if file.file_id.is_empty() { "NOTPROVIDED" } else { &file.file_id };
    ResultFile {
        message_id: id.to_owned(),
        created_at: now_ns,
        original_message_id: original.to_owned(),
        status: status.to_string(),
        reason,
        payments: file.lines,
    }
}

/// A line's element in it.
pub(crate) fn pain002_line(file: &ResultFile, (_, line, payment): &Joined) -> String {
    let (status, reason, information) = status_of(line, payment.as_ref());
    let said = LineStatus {
        instruction_id: line.instruction_id.clone(),
        end_to_end_id: line.end_to_end_id.clone(),
        uetr: line.uetr.clone(),
        status: status.to_string(),
        reason,
        information,
    };
    file.line(&said).unwrap_or_else(|error| {
        tracing::error!(%error, "a line's result cannot be written");
        String::new()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spreadsheet_runs_nothing_of_a_result() {
        let line = BulkLine {
            end_to_end_id: Some("=cmd()".into()),
            rejected: Some(("AC03".into(), "account".into(), "not \"this\", please".into())),
            ..BulkLine::default()
        };
        let text = csv_lines(&[(7, line, None)], true);
        let row = text.lines().nth(1).unwrap();
        assert_eq!(row, "7,'=cmd(),,RJCT,AC03,\"account: not \"\"this\"\", please\"");
    }
}
