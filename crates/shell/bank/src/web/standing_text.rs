//! The words of standing orders, in the three languages of `text`.

use crate::books::rhythm::{End, Plan, Rhythm};
use crate::books::standing::{CancelReason, PauseReason, RunFault, RunOutcome, StandingDecision, StandingState};
use crate::web::text::{Language, fill, words};
use jiff::civil::{Date, Weekday};

words! {
    standing_orders: "Standing orders", "定期付款", "定期付款";
    standing_hint: "A payment that comes again, or once on a chosen date. It is made at 08:00 of the day, by the clock of Hong Kong and Shenzhen; the money has to be there then.", "定期付款，或於指定日期付款一次。付款於當日 08:00（香港及深圳時間）執行，屆時帳戶須有足夠款項。", "定期付款，或在指定日期付款一次。付款于当日 08:00（香港及深圳时间）执行，届时账户须有足够款项。";
    no_standing: "No standing orders yet.", "暫無定期付款。", "暂无定期付款。";
    standing_alert: "A standing order was paused and needs you.", "有一項定期付款已暫停，需要您處理。", "有一项定期付款已暂停，需要您处理。";
    repeat: "Repeat", "重複付款", "重复付款";
    repeat_no: "Do not repeat", "不重複", "不重复";
    repeat_once: "Once, on the first date", "一次，於首次日期", "一次，于首次日期";
    repeat_daily: "Each day", "每日", "每日";
    repeat_weekly: "By weeks", "按週", "按周";
    repeat_monthly: "By months", "按月", "按月";
    repeat_every: "Weeks or months from one date to the next", "相隔週數或月數", "相隔周数或月数";
    first_date: "First date", "首次日期", "首次日期";
    repeat_ends: "Ends", "結束", "结束";
    ends_open: "When I cancel it", "直至取消", "直至取消";
    ends_times: "After a number of dates", "達到次數後", "达到次数后";
    ends_until: "With a last date", "於最後日期", "于最后日期";
    repeat_times: "Number of dates", "次數", "次数";
    last_date: "Last date", "最後日期", "最后日期";
    once_on: "Once, on {}", "一次，於 {}", "一次，于 {}";
    each_day: "Each day", "每日", "每日";
    each_week: "Each week on {}", "每週，{}", "每周，{}";
    each_weeks: "Each {} weeks on {}", "每 {} 週，{}", "每 {} 周，{}";
    each_month: "Each month on day {}", "每月 {} 日", "每月 {} 日";
    each_months: "Each {} months on day {}", "每 {} 個月，{} 日", "每 {} 个月，{} 日";
    shorter_month: "{}, or the last day of a shorter month", "{}，較短的月份為月底", "{}，较短的月份为月底";
    open_until: "When you cancel it, at the latest on {}", "直至取消，最遲至 {}", "直至取消，最迟至 {}";
    after_times: "After {} dates, the last on {}", "共 {} 次，最後一次於 {}", "共 {} 次，最后一次于 {}";
    next_dates: "Next dates", "接下來的日期", "接下来的日期";
    next_on: "Next on {}", "下次：{}", "下次：{}";
    rate_of_the_day: "At the rate of the day", "按付款當日匯率", "按付款当日汇率";
    standing_terms: "If the money is not there, nothing is paid, and the next date is tried. After three failures in a row the order pauses. It can be paused or cancelled at any time.", "如款項不足，該次不會付款，下一個日期再試；連續三次失敗後暫停。您可隨時暫停或取消。", "如款项不足，该次不会付款，下一个日期再试；连续三次失败后暂停。您可随时暂停或取消。";
    confirm_standing: "Confirm the standing order", "確認定期付款", "确认定期付款";
    paused_by_customer: "Paused by you", "您已暫停", "您已暂停";
    paused_by_failures: "Paused after three failures in a row", "連續三次失敗，已暫停", "连续三次失败，已暂停";
    paused_by_change: "Paused: the payee's alias leads to another account now. Cancel it and order it again", "已暫停：收款人的識別碼現指向另一帳戶，請取消並重新設定", "已暂停：收款人的识别码现指向另一账户，请取消并重新设定";
    standing_draft: "Not confirmed", "未確認", "未确认";
    standing_ended: "Ended", "已完結", "已完结";
    cancelled_by_customer: "Cancelled by you", "您已取消", "您已取消";
    cancelled_by_closing: "Cancelled: the account is closed", "帳戶已結束，付款已取消", "账户已销户，付款已取消";
    standing_pause: "Pause", "暫停付款", "暂停付款";
    standing_resume: "Resume", "恢復付款", "恢复付款";
    standing_cancel: "Cancel the standing order", "取消定期付款", "取消定期付款";
    ask_pause: "Nothing is paid until you resume it. Dates that pass meanwhile are skipped.", "恢復之前不會付款，期間的日期會略過。", "恢复之前不会付款，期间的日期会略过。";
    ask_resume: "It goes on with the next date ahead.", "由下一個未到的日期起繼續付款。", "从下一个未到的日期起继续付款。";
    ask_cancel: "Nothing more is paid. A payment that is under way goes on.", "以後不再付款；處理中的付款會繼續。", "以后不再付款；处理中的付款会继续。";
    standing_runs: "What became of its dates", "各次付款結果", "各次付款结果";
    no_runs: "Nothing was due yet.", "尚未到期。", "尚未到期。";
    run_under_way: "On its way", "付款處理中", "付款处理中";
    run_settled: "Paid", "已付款", "已付款";
    run_refused: "Refused", "付款被拒", "付款被拒";
    run_failed: "Not paid", "未能付款", "未能付款";
    run_missed: "Missed: the bank was not at work, and a later date was due when it was again", "錯過：銀行當時未能運作，恢復時已到下一個日期", "错过：银行当时未能运作，恢复时已到下一个日期";
    run_skipped: "Skipped while paused", "暫停期間略過", "暂停期间略过";
}

impl Language {
    /// A weekday's name.
    const fn weekday(self, weekday: Weekday) -> &'static str {
        match weekday {
            Weekday::Monday => self.pick("Monday", "星期一", "星期一"),
            Weekday::Tuesday => self.pick("Tuesday", "星期二", "星期二"),
            Weekday::Wednesday => self.pick("Wednesday", "星期三", "星期三"),
            Weekday::Thursday => self.pick("Thursday", "星期四", "星期四"),
            Weekday::Friday => self.pick("Friday", "星期五", "星期五"),
            Weekday::Saturday => self.pick("Saturday", "星期六", "星期六"),
            Weekday::Sunday => self.pick("Sunday", "星期日", "星期日"),
        }
    }

    /// A date with its weekday.
    pub(crate) fn date_words(self, date: Date) -> String {
        format!("{date} {}", self.weekday(date.weekday()))
    }

    /// How often.
    pub(crate) fn rhythm_words(self, plan: &Plan) -> String {
        let first = plan.first();
        let (weekday, day) = (self.weekday(first.weekday()), first.day().to_string());
        let words = match plan.rhythm() {
            Rhythm::Once => fill(self.once_on(), &[&first.to_string()]),
            Rhythm::Daily => self.each_day().to_owned(),
            Rhythm::Weekly(1) => fill(self.each_week(), &[weekday]),
            Rhythm::Weekly(weeks) => fill(self.each_weeks(), &[&weeks.to_string(), weekday]),
            Rhythm::Monthly(1) => fill(self.each_month(), &[&day]),
            Rhythm::Monthly(months) => fill(self.each_months(), &[&months.to_string(), &day]),
        };
        let may_be_shorter = matches!(plan.rhythm(), Rhythm::Monthly(_)) && first.day() > 28;
        if may_be_shorter { fill(self.shorter_month(), &[&words]) } else { words }
    }

    /// Until when.
    pub(crate) fn end_words(self, plan: &Plan) -> String {
        let last = plan.last().unwrap_or(plan.first()).to_string();
        match plan.end() {
            End::Times(times) => fill(self.after_times(), &[&times.to_string(), &last]),
            End::Until(date) => format!("{} {date}", self.last_date()),
            End::Open => fill(self.open_until(), &[&last]),
        }
    }

    /// How an order stands.
    pub(crate) const fn standing_words(self, state: StandingState) -> &'static str {
        match state {
            StandingState::Draft => self.standing_draft(),
            StandingState::Active => self.mandate_active(),
            StandingState::Paused(PauseReason::Customer) => self.paused_by_customer(),
            StandingState::Paused(PauseReason::Failures) => self.paused_by_failures(),
            StandingState::Paused(PauseReason::PayeeChanged) => self.paused_by_change(),
            StandingState::Ended => self.standing_ended(),
            StandingState::Cancelled(CancelReason::Customer) => self.cancelled_by_customer(),
            StandingState::Cancelled(CancelReason::AccountClosed) => self.cancelled_by_closing(),
        }
    }

    /// What can be decided, and what that means.
    pub(crate) const fn standing_decision(self, decision: StandingDecision) -> (&'static str, &'static str) {
        match decision {
            StandingDecision::Pause => (self.standing_pause(), self.ask_pause()),
            StandingDecision::Resume => (self.standing_resume(), self.ask_resume()),
            StandingDecision::Cancel => (self.standing_cancel(), self.ask_cancel()),
        }
    }

    /// What became of a due date.
    pub(crate) const fn run_words(self, outcome: RunOutcome) -> &'static str {
        match outcome {
            RunOutcome::UnderWay => self.run_under_way(),
            RunOutcome::Settled => self.run_settled(),
            RunOutcome::Refused => self.run_refused(),
            RunOutcome::Failed(_) => self.run_failed(),
            RunOutcome::Missed => self.run_missed(),
            RunOutcome::Skipped => self.run_skipped(),
        }
    }

    /// Why nothing was paid.
    pub(crate) const fn run_fault(self, fault: RunFault) -> &'static str {
        match fault {
            RunFault::NotEnough => self.pick("Not enough money on the account.", "帳戶餘額不足。", "账户余额不足。"),
            RunFault::AccountClosed => self.pick("The account is closed.", "帳戶已結束。", "账户已销户。"),
            RunFault::Amount => {
                self.pick("The account does not have this currency any more.", "帳戶已沒有此貨幣。", "账户已没有此货币。")
            }
            RunFault::NoQuote => self.pick(
                "Nobody exchanged this amount of these currencies that day.",
                "當日沒有銀行兌換此金額的這對貨幣。",
                "当日没有银行兑换此金额的这对货币。",
            ),
            RunFault::UnknownPayee => {
                self.pick("Nobody is paid by this alias any more.", "此識別碼已沒有收款人。", "此识别码已没有收款人。")
            }
            RunFault::PayeeChanged => self.pick(
                "The alias leads to another account than the one you confirmed.",
                "識別碼指向的帳戶與您確認的不同。",
                "识别码指向的账户与您确认的不同。",
            ),
            RunFault::PayeeWarned => self.pick(
                "Others have reported this payee since you confirmed. Look at it before you pay.",
                "您確認之後，曾有人舉報此收款人，付款前請先核實。",
                "您确认之后，曾有人举报此收款人，付款前请先核实。",
            ),
            RunFault::Message => self.pick("The payment could not be written.", "未能編製付款訊息。", "未能编制付款报文。"),
        }
    }
}
