//! Every word on the board, in three languages.

use clearing::{AccountPurpose, PaymentState, Rejection, RiskVerdict};
use risk::Language;

macro_rules! words {
    ($($(#[$doc:meta])* $word:ident: $en:literal, $hant:literal, $hans:literal;)*) => {
        /// One text of the board.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs)] // each is its own English text
        pub enum Word { $($word),* }

        impl Word {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$word),*];

            /// The text in a language.
            pub const fn text(self, language: Language) -> &'static str {
                let texts: [&'static str; 3] = match self { $(Self::$word => [$en, $hant, $hans]),* };
                texts[language as usize]
            }
        }
    };
}

words! {
    Brand: "Luohu", "羅湖", "罗湖";
    Title: "Live board", "即時看板", "实时看板";
    Subtitle: "Hong Kong – Shenzhen clearing", "港深跨境清算", "港深跨境清算";
    Language: "Language", "語言", "语言";
    Running: "Running", "運行中", "运行中";
    Stopped: "Stopped: no new payments", "已停止：不接受新付款", "已停止：不接受新付款";
    LinkLost: "Connection lost, trying again", "連線中斷，正在重試", "连接中断，正在重试";
    Rate: "Payments per second", "每秒付款", "每秒付款";
    RateNote: "last minute", "過去一分鐘", "过去一分钟";
    Latency: "Time to settle", "結算用時", "结算用时";
    Median: "half within", "半數不超過", "半数不超过";
    Tail: "99 % within", "99 % 不超過", "99 % 不超过";
    Totals: "Payments on record", "付款總數", "付款总数";
    Chain: "Chain", "區塊鏈", "区块链";
    Block: "block", "區塊", "区块";
    Checkpoint: "Checkpoint", "檢查點", "检查点";
    FinalPayments: "final payments", "筆終局付款", "笔终局付款";
    Payments: "Payments", "付款", "付款";
    NoPayments: "No payment yet. The first one appears here by itself.", "尚無付款。首筆付款將自動在此顯示。", "尚无付款。首笔付款将自动在此显示。";
    Time: "Time", "時間", "时间";
    DebtorAgent: "Debtor agent", "付款行", "付款行";
    CreditorAgent: "Creditor agent", "收款行", "收款行";
    Debit: "Debit", "付出", "付出";
    Credit: "Credit", "收到", "收到";
    State: "State", "狀態", "状态";
    Reason: "Reason", "原因", "原因";
    Risk: "Risk", "風險", "风险";
    Held: "Held", "已凍結", "已冻结";
    Settled: "Settled", "已結算", "已结算";
    Rejected: "Rejected", "已拒絕", "已拒绝";
    CreditedState: "Credited", "已入賬", "已入账";
    Pass: "Pass", "通過", "通过";
    Review: "Review", "待審視", "待审视";
    Blocked: "Blocked", "已攔截", "已拦截";
    Score: "Score", "評分", "评分";
    NoFindings: "No rule fired.", "沒有規則觸發。", "没有规则触发。";
    Banks: "Participants", "參與機構", "参与机构";
    NoBanks: "No participant yet.", "尚無參與機構。", "尚无参与机构。";
    Online: "Connected", "已連線", "已连接";
    Offline: "Not connected", "未連線", "未连接";
    Suspended: "Suspended", "已暫停", "已暂停";
    Low: "Low", "偏低", "偏低";
    Away: "Away", "暫離", "暂离";
    ReceiveOnly: "Receives only", "只收款", "只收款";
    SendOnly: "Sends only", "只付款", "只付款";
    Joining: "Not live yet", "尚未開通", "尚未开通";
    Left: "Left", "已退出", "已退出";
    ProvidesExchange: "quotes exchange", "提供匯價", "提供汇价";
    Laws: "Laws, checked all the time", "持續核對的定律", "持续核对的定律";
    Holds: "Holds", "成立", "成立";
    Broken: "Broken", "已違反", "已违反";
    LawLedgersSumToZero: "every currency sums to zero", "每種貨幣總和為零", "每种货币总和为零";
    LawNobodyBelow: "no account below its cover", "沒有賬戶透支", "没有账户透支";
    LawHoldsAddUp: "holds add up to payments under way", "凍結總額等於在途付款", "冻结总额等于在途付款";
    LawOneEnd: "each payment ends once", "每筆付款只有一個結果", "每笔付款只有一个结果";
    LawAppendOnly: "the tree of final payments is the chain's", "終局付款樹與區塊鏈一致", "终局付款树与区块链一致";
    LawStatementsAgree: "Statements add up to the accounts", "結單與賬戶相符", "结单与账户相符";
    LawPositionsAddUp: "Sponsored positions add up and keep to their limits", "代理結算頭寸相符，不超限額", "代理结算头寸相符，不超限额";
    Balances: "Balances", "結餘", "余额";
    Account: "Account", "賬戶", "账户";
    Posted: "Posted", "賬面", "账面";
    HeldAmount: "Held", "凍結", "冻结";
    SettlesOver: "over", "經由", "经由";
    SponsorshipEnds: "Ending", "即將終止", "即将终止";
    Available: "Available", "可用", "可用";
    Settlement: "Settlement", "結算", "结算";
    ExchangePool: "Exchange", "兌換", "兑换";
    Spread: "Spread", "差價", "差价";
    Mirror: "Mirror", "對應", "对应";
    Rounding: "Rounding", "進位", "进位";
    Fees: "Fees", "收費", "收费";
    Scheme: "The scheme", "系統", "系统";
    Payment: "Payment", "付款", "付款";
    Back: "Back to the board", "返回看板", "返回看板";
    Timeline: "Timeline", "時序", "时序";
    Received: "Taken in; amount held", "收訊並凍結金額", "收讯并冻结金额";
    ReceivedOnly: "Taken in", "收訊", "收讯";
    Asked: "Creditor agent asked", "已詢問收款行", "已询问收款行";
    AnswerBy: "answer due by", "須於此前答覆", "须于此前答复";
    SettledAt: "Settled: final", "已結算：終局", "已结算：终局";
    RejectedAt: "Rejected: nothing moved", "已拒絕：款項未動", "已拒绝：款项未动";
    CreditedAt: "Creditor credited", "收款人已入賬", "收款人已入账";
    Waiting: "Waiting for the creditor agent", "等待收款行答覆", "等待收款行答复";
    After: "after", "歷時", "历时";
    Leaf: "leaf", "葉", "叶";
    Event: "event", "事件", "事件";
    Receipt: "Receipt", "收據", "收据";
    ReceiptNote: "Verifies offline with public keys alone: luohu verify FILE", "僅憑公鑰即可離線驗證：luohu verify FILE", "仅凭公钥即可离线验证：luohu verify FILE";
    Operators: "Operators", "營運機構", "运营机构";
    RoleVotes: "This node votes", "本節點參與投票", "本节点参与投票";
    RoleSilent: "This node follows without a vote until the next epoch", "本節點在下一週期前只跟隨、不投票", "本节点在下一周期前只跟随、不投票";
    RoleFollows: "This node follows without a vote", "本節點只跟隨、不投票", "本节点只跟随、不投票";
    ValidatorsHeard: "Validators heard of lately", "近期有回應的驗證者", "近期有回应的验证者";
    Epoch: "Epoch", "週期", "周期";
    CertifiedHeight: "Certified up to block", "已認證至區塊", "已认证至区块";
    VotesRefused: "Votes refused:", "拒絕投票：", "拒绝投票：";
    BusinessDays: "Business days", "營業日", "营业日";
    CutOffAt: "cut-off", "截止", "截止";
    ClosesAt: "cut off, closes", "已截止，結束於", "已截止，结束于";
    Evidence: "Validators that contradicted themselves", "自相矛盾的驗證者", "自相矛盾的验证者";
    EvidenceNote: "Each proof carries two signed votes that exclude each other: `luohu evidence`.", "每項證據載有兩份互相排斥的已簽署投票：`luohu evidence`。", "每项证据载有两份互相排斥的已签署投票：`luohu evidence`。";
    NoReceipt: "A receipt exists once the payment is final.", "付款終局後即有收據。", "付款终局后即有收据。";
    NotFound: "There is no such page.", "找不到此頁。", "找不到此页。";
    NoPast: "The past cannot be read now. Please try again.", "暫時無法讀取歷史記錄，請稍後再試。", "暂时无法读取历史记录，请稍后再试。";
    NoSuchPayment: "No payment with this UETR is on record.", "沒有此 UETR 的付款記錄。", "没有此 UETR 的付款记录。";
    Busy: "Too many boards are open. Close one, or try again later.", "開啟的看板過多。請關閉其一或稍後再試。", "打开的看板过多。请关闭其一或稍后再试。";
    Quote: "Quote", "報價", "报价";
    MessageHash: "SHA-256 of the signed message", "已簽署訊息的 SHA-256", "已签署消息的 SHA-256";
    TimeZone: "UTC+8", "UTC+8（港深時間）", "UTC+8（港深时间）";
    Metrics: "Metrics", "指標", "指标";
    WhyByCreditorAgent: "Refused by the creditor agent", "收款行拒絕", "收款行拒绝";
    WhyTimedOut: "The creditor agent did not answer in time", "收款行未在時限內答覆", "收款行未在时限内答复";
    WhyInsufficientLiquidity: "The debtor agent's prefunding does not cover it", "付款行備付金不足", "付款行备付金不足";
    WhyProviderShort: "The exchange provider's account does not cover it", "兌換行結餘不足", "兑换行余额不足";
    WhyCreditorAgentSuspended: "The creditor agent is suspended", "收款行已暫停", "收款行已暂停";
    WhyDebtorAgentSuspended: "The debtor agent is suspended", "付款行已暫停", "付款行已暂停";
    WhyCurrencyNotServed: "An agent has no account in the currency", "有代理行沒有此貨幣賬戶", "有代理行没有此货币账户";
    WhyQuoteNotValid: "The quote is unknown, expired or used", "報價不存在、已過期或已使用", "报价不存在、已过期或已使用";
    WhyQuoteDiffers: "The amount is not the quoted one", "金額與報價不符", "金额与报价不符";
    WhyRiskBlocked: "Stopped by screening or risk rules", "被篩查或風險規則攔截", "被筛查或风险规则拦截";
    WhySameAgent: "Debtor agent and creditor agent are the same", "付款行與收款行相同", "付款行与收款行相同";
    WhyAmountTooLarge: "The amount is too large", "金額過大", "金额过大";
    WhyZeroAmount: "The amount is zero", "金額為零", "金额为零";
    WhyNoCorridor: "No corridor takes such a payment", "沒有通道接受這種付款", "没有通道接受这种付款";
    WhyPurposeNotAllowed: "The purpose is missing or not allowed", "用途缺失或不獲允許", "用途缺失或不获允许";
    WhyDebtorNotIdentified: "The payer's identity document is missing", "缺少付款人證件", "缺少付款人证件";
    WhyOutsideHours: "The corridor is closed", "通道已關閉", "通道已关闭";
    WhyAboveLimit: "More than one payment may be", "超過單筆上限", "超过单笔上限";
    WhyQuotaUsedUp: "The payer's quota does not cover it", "付款人額度不足", "付款人额度不足";
    WhyTooManyPayments: "The payer has made too many payments", "付款人筆數已滿", "付款人笔数已满";
    WhyTablesFull: "The centre is full", "中心容量已滿", "中心容量已满";
    WhyTooFarAhead: "To be executed too far ahead", "執行日期太遠", "执行日期太远";
    WhyCancelledByDebtor: "Cancelled by the payer", "付款人已取消", "付款人已取消";
    WhyCurrencyNotInCorridor: "The corridor takes other currencies", "通道不接受這些貨幣", "通道不接受这些货币";
    WhyDebtorAgentNotSending: "The debtor agent does not send payments", "付款行現不發出付款", "付款行现不发出付款";
    WhyCreditorAgentNotReceiving: "The creditor agent does not receive payments", "收款行現不接收付款", "收款行现不接收付款";
    WhyCreditorAgentOffline: "The creditor agent is not there", "收款行離線", "收款行离线";
    WhyChargesExceedAmount: "The charges leave nothing of the amount", "收費超過金額", "收费超过金额";
    WhyCoolsOffLongerThanQuote: "It must wait longer than its quote is firm", "等候時間長於報價有效期", "等候时间长于报价有效期";
    WhyReservedLiquidity: "What the debtor agent has left is reserved for high priority", "付款行餘額已預留予高優先付款", "付款行余额已预留给高优先付款";
    WhyRequestNotOpen: "The request to pay is unknown or not accepted", "付款請求不存在或未獲接受", "付款要求不存在或未获接受";
    WhyRequestPaid: "The request to pay is paid already", "付款請求已付", "付款要求已付";
    WhyRequestExpired: "The request to pay has expired", "付款請求已過期", "付款要求已到期";
    WhyRequestDiffers: "Not what the request to pay says", "與付款請求不符", "与付款要求不符";
    WhySponsorLimitReached: "Goes beyond the limit of the debtor agent's sponsor", "超出付款行代理行的限額", "超出付款行代理行的限额";
    WhyAboveSponsorMaximum: "More than the debtor agent's sponsor allows in one payment", "超過付款行代理行的單筆上限", "超过付款行代理行的单笔上限";
    WhySponsorNotSending: "The debtor agent's sponsor does not send payments", "付款行的代理行不發出付款", "付款行的代理行不发出付款";
    WhySponsorNotReceiving: "The creditor agent's sponsor does not receive payments", "收款行的代理行不接收付款", "收款行的代理行不接收付款";
    WhySponsorshipEnding: "The sponsorship of an agent is ending", "一方的代理安排即將終止", "一方的代理安排即将终止";
    WhyCollectionNotOpen: "The collection is unknown, refused or expired", "扣款要求不存在、已被拒絕或已過期", "扣款请求不存在、已被拒绝或已过期";
    WhyCollectionPaid: "The collection is paid already", "扣款要求已付", "扣款请求已付";
    WhyMandateNotActive: "The mandate was suspended or has ended", "付款授權已暫停或終止", "付款授权已暂停或终止";
    WhyCollectionDiffers: "Not what the collection says", "與扣款要求不符", "与扣款请求不符";
    WhyPreauthNotOpen: "The pre-authorisation is unknown or has ended", "預授權不存在或已結束", "预授权不存在或已结束";
    WhyPreauthReserved: "The pre-authorisation is reserved already", "預授權款項已預留", "预授权款项已预留";
    WhyPreauthDiffers: "Not what the pre-authorisation says", "與預授權不符", "与预授权不符";
    WhyReservationExchanged: "What is reserved cannot be exchanged at a quote", "預留款項不能按報價兌換", "预留款项不能按报价兑换";
    WhyReservationWaits: "What is reserved cannot wait", "預留款項不能延後執行", "预留款项不能延后执行";
    WhyReservationOverSponsor: "A bank settles over a sponsor", "一方經代理行結算", "一方经代理行结算";
    Captured: "Captured by the creditor's bank", "由收款銀行請款", "由收款银行请款";
    CapturedFrom: "Pre-authorisation", "預授權", "预授权";
    WhyTooOld: "Accepted by the debtor agent too long ago", "付款行受理時間過久", "付款行受理时间过久";
}

/// A payment's state as shown.
pub(crate) const fn state_word(state: PaymentState, credited: bool) -> Word {
    match state {
        PaymentState::Held => Word::Held,
        PaymentState::Settled if credited => Word::CreditedState,
        PaymentState::Settled => Word::Settled,
        PaymentState::Rejected => Word::Rejected,
    }
}

/// A risk verdict as shown.
pub(crate) const fn verdict_word(verdict: RiskVerdict) -> Word {
    match verdict {
        RiskVerdict::Pass => Word::Pass,
        RiskVerdict::Review => Word::Review,
        RiskVerdict::Block => Word::Blocked,
    }
}

/// An account's purpose as shown; the scheme's own accounts have other names.
pub(crate) const fn purpose_word(purpose: AccountPurpose, scheme: bool) -> Word {
    match (purpose, scheme) {
        (AccountPurpose::Settlement, true) => Word::Mirror,
        (AccountPurpose::Spread, true) => Word::Rounding,
        (AccountPurpose::Settlement, false) => Word::Settlement,
        (AccountPurpose::Spread, false) => Word::Spread,
        (AccountPurpose::Exchange, _) => Word::ExchangePool,
        (AccountPurpose::Fees, _) => Word::Fees,
    }
}

/// What a law of [`history::LAWS`] says.
pub(crate) fn law_word(law: &str) -> Word {
    match law {
        "LED-01" => Word::LawLedgersSumToZero,
        "LED-02" => Word::LawNobodyBelow,
        "LED-04" => Word::LawHoldsAddUp,
        "PAY-01" => Word::LawOneEnd,
        "CHN-02" => Word::LawAppendOnly,
        "STM-01" => Word::LawStatementsAgree,
        "SPN-01" => Word::LawPositionsAddUp,
        other => unreachable!("{other} is not judged"),
    }
}

/// Why a payment was rejected.
pub(crate) const fn rejection_word(rejection: Rejection) -> Word {
    match rejection {
        Rejection::ByCreditorAgent(_) => Word::WhyByCreditorAgent,
        Rejection::TimedOut => Word::WhyTimedOut,
        Rejection::InsufficientLiquidity => Word::WhyInsufficientLiquidity,
        Rejection::ProviderShort => Word::WhyProviderShort,
        Rejection::CreditorAgentSuspended => Word::WhyCreditorAgentSuspended,
        Rejection::CurrencyNotServed => Word::WhyCurrencyNotServed,
        Rejection::QuoteNotValid => Word::WhyQuoteNotValid,
        Rejection::QuoteDiffers => Word::WhyQuoteDiffers,
        Rejection::RiskBlocked => Word::WhyRiskBlocked,
        Rejection::SameAgent => Word::WhySameAgent,
        Rejection::AmountTooLarge => Word::WhyAmountTooLarge,
        Rejection::ZeroAmount => Word::WhyZeroAmount,
        Rejection::TooOld => Word::WhyTooOld,
        Rejection::DebtorAgentSuspended => Word::WhyDebtorAgentSuspended,
        Rejection::NoCorridor => Word::WhyNoCorridor,
        Rejection::PurposeNotAllowed => Word::WhyPurposeNotAllowed,
        Rejection::DebtorNotIdentified => Word::WhyDebtorNotIdentified,
        Rejection::OutsideHours => Word::WhyOutsideHours,
        Rejection::AboveLimit => Word::WhyAboveLimit,
        Rejection::QuotaUsedUp => Word::WhyQuotaUsedUp,
        Rejection::TooManyPayments => Word::WhyTooManyPayments,
        Rejection::TablesFull => Word::WhyTablesFull,
        Rejection::TooFarAhead => Word::WhyTooFarAhead,
        Rejection::CancelledByDebtor => Word::WhyCancelledByDebtor,
        Rejection::CurrencyNotInCorridor => Word::WhyCurrencyNotInCorridor,
        Rejection::DebtorAgentNotSending => Word::WhyDebtorAgentNotSending,
        Rejection::CreditorAgentNotReceiving => Word::WhyCreditorAgentNotReceiving,
        Rejection::CreditorAgentOffline => Word::WhyCreditorAgentOffline,
        Rejection::ReservedLiquidity => Word::WhyReservedLiquidity,
        Rejection::ChargesExceedAmount => Word::WhyChargesExceedAmount,
        Rejection::CoolsOffLongerThanQuote => Word::WhyCoolsOffLongerThanQuote,
        Rejection::RequestNotOpen => Word::WhyRequestNotOpen,
        Rejection::RequestPaid => Word::WhyRequestPaid,
        Rejection::RequestExpired => Word::WhyRequestExpired,
        Rejection::RequestDiffers => Word::WhyRequestDiffers,
        Rejection::SponsorLimitReached => Word::WhySponsorLimitReached,
        Rejection::AboveSponsorMaximum => Word::WhyAboveSponsorMaximum,
        Rejection::SponsorNotSending => Word::WhySponsorNotSending,
        Rejection::SponsorNotReceiving => Word::WhySponsorNotReceiving,
        Rejection::SponsorshipEnding => Word::WhySponsorshipEnding,
        Rejection::CollectionNotOpen => Word::WhyCollectionNotOpen,
        Rejection::CollectionPaid => Word::WhyCollectionPaid,
        Rejection::MandateNotActive => Word::WhyMandateNotActive,
        Rejection::CollectionDiffers => Word::WhyCollectionDiffers,
        Rejection::PreauthNotOpen => Word::WhyPreauthNotOpen,
        Rejection::PreauthReserved => Word::WhyPreauthReserved,
        Rejection::PreauthDiffers => Word::WhyPreauthDiffers,
        Rejection::ReservationExchanged => Word::WhyReservationExchanged,
        Rejection::ReservationWaits => Word::WhyReservationWaits,
        Rejection::ReservationOverSponsor => Word::WhyReservationOverSponsor,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_there_in_three_languages() {
        let han = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
        for &word in Word::ALL {
            let [en, hant, hans] = [Language::En, Language::ZhHant, Language::ZhHans].map(|language| word.text(language));
            assert!(!en.trim().is_empty() && !han(en), "{word:?}: {en}");
            let neutral = matches!(word, Word::Tail);
            assert!((han(hant) && han(hans)) || neutral, "{word:?}: {hant} {hans}");
        }
    }

    #[test]
    fn every_law_judged_has_words() {
        let words: Vec<_> = history::LAWS.into_iter().map(law_word).collect();
        assert!(words.iter().enumerate().all(|(at, word)| !words[..at].contains(word)));
    }

    #[test]
    fn simplified_text_has_no_traditional_characters() {
        let traditional = "羅語運線數總區塊鏈檢點終筆過結錄狀態險凍賬審視攔評則觸發參與構連暫價餘賬戶對應進時訊詢問須動葉據證鑰離頁沒兌換報請關閉開啟為續違種樹";
        for &word in Word::ALL {
            let hans = word.text(Language::ZhHans);
            assert!(!hans.chars().any(|character| traditional.contains(character)), "{word:?}: {hans}");
        }
    }
}
