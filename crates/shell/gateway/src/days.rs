//! Business days at the door: which one is open in each currency, when it ends, and the calendars behind it.
//!
//! Each step is told in the inbox as `admi.004`; this is for whoever was away, or plans ahead.

use crate::clock::rfc3339;
use crate::door::Door;
use crate::http::Answer;
use crate::reads::json_reply;
use clearing::{DayCalendar, DayView};
use serde_json::{Value, json};

/// `GET /v1/business-days`.
pub(crate) fn list(door: &Door) -> Answer {
    let days: Vec<Value> = door.past.business_days().iter().map(told).collect();
    json_reply(200, &json!({ "days": days }))
}

fn told(day: &DayView) -> Value {
    json!({
        "currency": day.currency.code.as_str(),
        "date": day.date.to_string(),
        "state": if day.is_cut_off { "cut_off" } else { "open" },
        "cut_off": day.cut_off.map(rfc3339),
        "closes": day.closes.map(rfc3339),
        "opened_behind": day.opened_behind.0,
        "calendars": day.calendars.iter().map(calendar).collect::<Vec<_>>(),
    })
}

fn calendar(calendar: &DayCalendar) -> Value {
    json!({
        "from": calendar.effective_from.to_string(),
        "utc_offset_minutes": calendar.utc_offset_minutes,
        "cut_off": minute(calendar.cut_off),
        "closes": minute(calendar.closes),
        "weekdays": (1..=7u8).filter(|day| calendar.weekdays >> (day - 1) & 1 == 1).collect::<Vec<_>>(),
        "holidays": calendar.holidays.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn minute(of_day: u16) -> String {
    format!("{:02}:{:02}", of_day / 60, of_day % 60)
}
