//! Every word of the pages, in English, traditional and simplified Chinese.
//!
//! `{}` in a text is filled by [`fill`]. Words are the glossary's.

use crate::books::records::{EntryKind, NameCheck};
use crate::config::NameForms;
use crate::order::{Field, FieldFault};
use iso20022::codes::{Purpose, StatusReason};

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Language {
    /// English.
    #[default]
    English,
    /// 繁體中文.
    Traditional,
    /// 简体中文.
    Simplified,
}

impl Language {
    pub(crate) const ALL: [Self; 3] = [Self::English, Self::Traditional, Self::Simplified];

    /// BCP 47 tag.
    pub(crate) const fn tag(self) -> &'static str {
        self.pick("en", "zh-Hant", "zh-Hans")
    }

    /// Its own name.
    pub(crate) const fn own_name(self) -> &'static str {
        self.pick("English", "繁體中文", "简体中文")
    }

    pub(crate) fn from_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.tag() == tag)
    }

    /// The first language of an `Accept-Language` header that the pages have; weights are not looked at.
    pub(crate) fn from_header(header: &str) -> Option<Self> {
        header.split(',').take(16).find_map(|range| {
            let tag = range.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            match tag.as_str() {
                "zh-hant" | "zh-hk" | "zh-tw" | "zh-mo" | "zh-hant-hk" | "zh-hant-tw" => Some(Self::Traditional),
                "zh" | "zh-cn" | "zh-sg" | "zh-hans" | "zh-hans-cn" => Some(Self::Simplified),
                other if other == "en" || other.starts_with("en-") => Some(Self::English),
                _ => None,
            }
        })
    }

    pub(crate) const fn pick<'a>(self, english: &'a str, traditional: &'a str, simplified: &'a str) -> &'a str {
        match self {
            Self::English => english,
            Self::Traditional => traditional,
            Self::Simplified => simplified,
        }
    }

    /// A name in this language.
    pub(crate) fn name(self, forms: &NameForms) -> &str {
        self.pick(&forms.en, &forms.zh_hant, &forms.zh_hans)
    }
}

/// Puts values in the places of `{}`, in order.
pub(crate) fn fill(text: &str, values: &[&str]) -> String {
    let mut parts = text.split("{}");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    let mut values = values.iter();
    for part in parts {
        filled.push_str(values.next().unwrap_or(&""));
        filled.push_str(part);
    }
    filled
}

macro_rules! words {
    ($($name:ident: $english:literal, $traditional:literal, $simplified:literal;)*) => {
        impl Language {
            $(pub(crate) const fn $name(self) -> &'static str { self.pick($english, $traditional, $simplified) })*
        }

        #[cfg(test)]
        pub(crate) const ALL_WORDS: &[(&str, [&str; 3])] = &[$((stringify!($name), [$english, $traditional, $simplified]),)*];
    };
}

pub(crate) use words;

words! {
    sample_notice: "Sample bank. Invented names and money.", "示範銀行，姓名與金錢皆為虛構。", "示范银行，姓名与金钱皆为虚构。";
    skip_to_content: "Skip to content", "跳到內容", "跳到内容";
    language: "Language", "語言", "语言";
    sign_in: "Sign in", "登入", "登录";
    sign_out: "Sign out", "登出", "退出登录";
    sign_in_name: "Sign-in name", "用戶名稱", "用户名";
    password: "Password", "密碼", "密码";
    sign_in_wrong: "This name and password do not go together.", "用戶名稱或密碼不正確。", "用户名或密码不正确。";
    sign_in_wait: "Too many wrong passwords. Please try again in a minute.", "密碼錯誤次數過多，請一分鐘後再試。", "密码错误次数过多，请一分钟后再试。";
    sample_customers: "Sample customers", "示範客戶", "示范客户";
    sample_customers_hint: "Tap a name to sign in as that customer.", "點選姓名，以該客戶身份登入。", "点选姓名，以该客户身份登录。";
    sample_password_hint: "Their password is {}.", "密碼一律為 {}。", "密码一律为 {}。";
    welcome: "Welcome", "歡迎", "欢迎";
    account: "Account", "帳戶", "账户";
    account_closed: "Closed", "已結束", "已销户";
    available: "Available", "可用", "可用";
    reserved: "Reserved", "已預留", "已预留";
    pay_across: "Pay across", "跨境付款", "跨境付款";
    mandates: "Direct debits", "直接付款授權", "直接付款授权";
    mandates_hint: "A creditor may collect from your account only within what you agreed to. You can suspend or end it at any time.", "收款人只能在您同意的範圍內扣款，您可隨時暫停或終止授權。", "收款人只能在您同意的范围内扣款，您可随时暂停或终止授权。";
    no_mandates: "No direct debits yet.", "暫無直接付款授權。", "暂无直接付款授权。";
    mandate_given: "{} may collect from you", "{} 可從您的帳戶扣款", "{} 可从您的账户扣款";
    mandate_taken: "You may collect from {}", "您可向 {} 收款", "您可向 {} 收款";
    mandate_asked: "Waiting for the answer", "等待答覆", "等待答复";
    mandate_active: "In force", "生效中", "生效中";
    mandate_suspended: "Suspended", "已暫停", "已暂停";
    mandate_refused: "Not agreed to", "未獲同意", "未获同意";
    mandate_ended: "Ended", "已終止", "已终止";
    mandate_asks: "{} asks to collect from your account. Nothing is collected before you agree.", "{} 要求從您的帳戶扣款。您同意之前，不會扣款。", "{} 要求从您的账户扣款。您同意之前，不会扣款。";
    mandate_proposes: "{} asks for other limits. Until you agree, the old ones hold.", "{} 要求更改限額。您同意之前，原限額仍然有效。", "{} 要求更改限额。您同意之前，原限额仍然有效。";
    mandate_agree: "Agree", "同意", "同意";
    mandate_disagree: "Do not agree", "不同意", "不同意";
    mandate_suspend: "Suspend", "暫停", "暂停";
    mandate_resume: "Resume", "恢復", "恢复";
    mandate_end: "End it", "終止授權", "终止授权";
    mandate_each_max: "At most {} each time", "每次最多 {}", "每次最多 {}";
    mandate_each_fixed: "Exactly {} each time", "每次固定 {}", "每次固定 {}";
    mandate_per: "{}: at most {} in all, {} times", "{}：合共最多 {}，{} 次", "{}：合共最多 {}，{} 次";
    mandate_day: "Each day", "每日", "每日";
    mandate_week: "Each week", "每週", "每周";
    mandate_month: "Each month", "每月", "每月";
    mandate_year: "Each year", "每年", "每年";
    mandate_whole: "For its whole life", "整個授權期", "整个授权期";
    mandate_span: "From {} until {}", "由 {} 至 {}", "自 {} 至 {}";
    mandate_reference: "Reference", "參考編號", "参考编号";
    mandate_new: "Ask for a direct debit", "要求直接付款授權", "要求直接付款授权";
    mandate_their_bank: "Bank of the one who pays", "付款人的銀行", "付款人的银行";
    mandate_currency: "Currency", "貨幣", "货币";
    mandate_note: "What it is for (optional)", "款項用途（可選）", "款项用途（可选）";
    mandate_debtor: "Account of the one who pays", "付款人帳號", "付款人账号";
    mandate_debtor_name: "Name of the one who pays", "付款人姓名", "付款人姓名";
    mandate_period: "Period", "週期", "周期";
    mandate_times: "Times in a period", "每期次數", "每期次数";
    mandate_days: "For how many days", "有效日數", "有效天数";
    mandate_fixed: "Exactly this each time", "每次固定金額", "每次固定金额";
    mandate_send: "Ask", "送出要求", "发送要求";
    collect: "Collect", "收款", "收款";
    collections: "Collections", "收款紀錄", "收款记录";
    collection_asked: "On its way", "處理中", "处理中";
    collection_paid: "Paid", "已付", "已付";
    collection_refused: "Not paid", "未付", "未付";
    recent: "Recent entries", "最近收支", "最近收支";
    no_entries: "Nothing yet.", "暫無紀錄。", "暂无记录。";
    payments: "Payments sent", "已發付款", "已发付款";
    no_payments: "No payments yet.", "暫無付款。", "暂无付款。";
    opening_balance: "Opening balance", "開戶結餘", "开户余额";
    paid_to: "To {}", "付予 {}", "付给 {}";
    charge_for: "Charge for a payment to {}", "付款予 {} 的收費", "付款给 {} 的收费";
    received_from: "From {}", "來自 {}", "来自 {}";
    payee: "Payee", "收款人", "收款人";
    payee_bank: "Payee's bank", "收款銀行", "收款银行";
    account_or_mobile: "Account, mobile number, e-mail or scheme ID", "帳戶號碼、手機號碼、電郵或識別碼", "账号、手机号码、电子邮件或识别码";
    account_or_mobile_hint: "For example 6217002000010001, +86 139 0001 0001, lina@sample.example or LH1234567897", "例如 6217002000010001、+86 139 0001 0001、lina@sample.example 或 LH1234567897", "例如 6217002000010001、+86 139 0001 0001、lina@sample.example 或 LH1234567897";
    by_alias: "Find by mobile number, e-mail or scheme ID", "以手機號碼、電郵或識別碼查找", "以手机号码、电子邮件或识别码查找";
    paid_by: "You can be paid by", "可用以下資料向您付款", "可用以下资料向您付款";
    warned: "Others have reported this payee. If somebody told you to pay here, it may be a fraud.", "曾有人舉報此收款人。如有人指示您付款至此，可能是騙案。", "曾有人举报此收款人。如有人指示您付款至此，可能是诈骗。";
    warned_cool_off: "Others have reported this payee. To protect you the payment can be confirmed only after a waiting time.", "曾有人舉報此收款人。為保障您，等候時間過後方可確認付款。", "曾有人举报此收款人。为保障您，等候时间过后方可确认付款。";
    payee_name: "Payee's name", "收款人姓名", "收款人姓名";
    payee_name_hint: "As the payee's bank has it, in Chinese or in Latin letters. Not needed with a mobile number, e-mail or scheme ID", "以收款銀行登記的姓名為準，中文或拼音均可；使用手機號碼、電郵或識別碼時可不填", "以收款银行登记的姓名为准，中文或拼音均可；使用手机号码、电子邮件或识别码时可不填";
    amount: "Amount", "金額", "金额";
    amount_is: "This amount is", "此金額為", "此金额为";
    you_pay: "what you pay", "您付出的金額", "您付出的金额";
    they_receive: "what arrives", "對方收到的金額", "对方收到的金额";
    debit_account: "From account", "付款帳戶", "付款账户";
    arrives_in: "Arrives in", "到帳貨幣", "到账货币";
    purpose: "Purpose", "用途", "用途";
    note: "Message to the payee (optional)", "給收款人的附言（可選）", "给收款人的附言（可选）";
    continue_: "Continue", "繼續", "继续";
    back: "Back", "返回", "返回";
    cancel: "Cancel", "取消", "取消";
    review: "Check and confirm", "核對並確認", "核对并确认";
    exactly_debited: "You pay exactly", "您將付出", "您将付出";
    exactly_credited: "Arrives exactly", "對方將收到", "对方将收到";
    rate: "Exchange rate", "匯率", "汇率";
    rate_line: "1 {} = {} {}", "1 {} = {} {}", "1 {} = {} {}";
    exchange_cost: "Exchange cost, included", "兌換成本（已包括）", "兑换成本（已包含）";
    exchange_provider: "Exchange by", "兌換銀行", "兑换银行";
    fees: "Fees", "手續費", "手续费";
    no_fees: "None", "免費", "免费";
    fee_by_bank: "{}, borne by this bank", "{}，由本行承擔", "{}，由本行承担";
    fee_by_payee: "{} of what arrives; {} reach the payee", "從到帳金額扣除 {}，收款人實收 {}", "从到账金额扣除 {}，收款人实收 {}";
    quota_left: "Left of your quota", "剩餘額度", "剩余额度";
    quota_left_of: "{} {} left of {} ({})", "{} 尚餘 {}，上限 {}（{}）", "{} 剩余 {}，上限 {}（{}）";
    when: "When", "執行時間", "执行时间";
    at_once: "At once", "即時", "即时";
    in_two_hours: "In two hours", "兩小時後", "两小时后";
    next_day: "Next day, 09:00", "翌日 09:00", "次日 09:00";
    on_date: "On a date, 09:00", "指定日期 09:00", "指定日期 09:00";
    waits: "Not executed yet: it can be cancelled free of charge.", "尚未執行，可免費取消。", "尚未执行，可免费取消。";
    cancel_payment: "Cancel this payment", "取消此筆付款", "取消此笔付款";
    quote_left: "This quote is held for {} s", "報價保留 {} 秒", "报价保留 {} 秒";
    quote_over: "The quote ran out. Take a new one.", "報價已過期，請重新報價。", "报价已过期，请重新报价。";
    new_quote: "New quote", "重新報價", "重新报价";
    name_check: "Name check", "姓名核對", "姓名核对";
    bank_shows: "The bank shows {}", "銀行顯示 {}", "银行显示 {}";
    acknowledge: "I have checked the payee and want to pay anyway.", "本人已核實收款人，仍要付款。", "本人已核实收款人，仍要付款。";
    acknowledge_needed: "Please confirm that you have checked the payee.", "請確認您已核實收款人。", "请确认您已核实收款人。";
    final_notice: "Once settled, a payment cannot be taken back.", "付款結算後不可撤回。", "付款结算后不可撤回。";
    confirm_and_pay: "Confirm and pay", "確認付款", "确认付款";
    progress: "Progress", "進度", "进度";
    step_sent: "Sent", "已發出", "已发出";
    step_sent_hint: "Your bank signed it and sent it to the centre.", "您的銀行已簽署並送往清算中心。", "您的银行已签名并送往清算中心。";
    step_held: "Held", "已凍結款項", "已冻结款项";
    step_held_hint: "The centre holds the money and asks the payee's bank.", "清算中心凍結款項並詢問收款銀行。", "清算中心冻结款项并询问收款银行。";
    step_settled: "Settled", "已結算", "已结算";
    step_settled_hint: "Final: the money moved.", "最終：款項已轉移。", "最终：款项已转移。";
    step_credited: "Credited", "已入帳", "已入账";
    step_credited_hint: "The payee's bank credited the payee.", "收款銀行已記入收款人帳戶。", "收款银行已记入收款人账户。";
    step_rejected: "Rejected", "已拒絕", "已拒绝";
    nothing_debited: "Nothing was debited. {} is available again.", "並無扣款，{} 已恢復可用。", "未扣款，{} 已恢复可用。";
    in_doubt: "No answer yet. Your bank keeps asking; the money stays reserved.", "尚未收到回覆。銀行會繼續查詢，款項仍然預留。", "尚未收到回复。银行会继续查询，款项仍然预留。";
    settled_in: "Settled in {} s", "{} 秒完成結算", "{} 秒完成结算";
    receipt: "Receipt", "收據", "收据";
    see_receipt: "See the receipt", "查看收據", "查看收据";
    download_receipt: "Download the receipt", "下載收據", "下载收据";
    receipt_pending: "The receipt is being made. Try again in a moment.", "收據製作中，請稍後再試。", "收据制作中，请稍后再试。";
    reference: "Reference (UETR)", "參考編號（UETR）", "参考编号（UETR）";
    paid: "Paid", "付出", "付出";
    received: "Received", "收到", "收到";
    block: "Block", "區塊", "区块";
    leaf: "Entry in the log", "日誌位置", "日志位置";
    of_entries: "{} of {}", "第 {} 項，共 {} 項", "第 {} 项，共 {} 项";
    signed_by: "Checkpoint signed by", "檢查點簽署者", "检查点签名者";
    root: "Root of the log", "日誌根雜湊", "日志根哈希";
    message_hash: "Hash of the signed message", "已簽署訊息的雜湊", "已签名报文的哈希";
    verify: "Verify", "驗證", "验证";
    verify_title: "Verify a receipt", "驗證收據", "验证收据";
    verify_intro: "A receipt proves by mathematics that a payment is final: the record is in the centre's log, and the log is signed. Paste one here, or check it offline with “luohu verify”.", "收據以數學證明付款已成定局：紀錄在清算中心的日誌之中，而日誌已經簽署。請在此貼上收據，或以「luohu verify」離線驗證。", "收据以数学证明付款已成定局：记录在清算中心的日志之中，而日志已经签名。请在此粘贴收据，或用“luohu verify”离线验证。";
    receipt_text: "Receipt text", "收據文字", "收据文字";
    verified: "Verified", "驗證通過", "验证通过";
    not_verified: "Not verified", "驗證不通過", "验证未通过";
    check_signature: "The checkpoint is signed by the centre", "檢查點由清算中心簽署", "检查点由清算中心签名";
    check_inclusion: "The record is in the signed log", "紀錄在已簽署的日誌之中", "记录在已签名的日志之中";
    check_payment: "It is this payment, with these amounts", "正是此筆付款，金額相符", "正是此笔付款，金额相符";
    check_message: "It is the message your bank signed", "正是您的銀行簽署的訊息", "正是您的银行签名的报文";
    not_a_receipt: "This is not the text of a receipt.", "這不是收據文字。", "这不是收据文字。";
    bad_signature: "The checkpoint is not signed by the centre.", "檢查點並非由清算中心簽署。", "检查点并非由清算中心签名。";
    bad_inclusion: "The record is not in the signed log.", "紀錄不在已簽署的日誌之中。", "记录不在已签名的日志之中。";
    returned: "Returned", "已退回", "已退回";
    returned_of: "Returned: {}", "退回：{}", "退回：{}";
    ended_settled: "Settled", "已結算", "已结算";
    ended_rejected: "Rejected", "已拒絕", "已拒绝";
    home: "Home", "主頁", "主页";
    not_found: "There is no such page.", "找不到此頁。", "找不到此页。";
    form_stale: "This form is out of date. Please try again.", "表格已失效，請重試。", "表单已失效，请重试。";
    centre_unavailable: "The clearing centre cannot be reached now. Nothing was sent. Please try again in a moment.", "暫時無法連接清算中心，並無送出任何資料，請稍後再試。", "暂时无法连接清算中心，未发送任何数据，请稍后再试。";
    bank_busy: "The bank is busy. Please try again in a moment.", "銀行繁忙，請稍後再試。", "银行繁忙，请稍后再试。";
    internal_error: "Something went wrong in this bank. Nothing was sent.", "本行發生錯誤，並無送出任何資料。", "本行发生错误，未发送任何数据。";
    please_change: "Please change the field marked below.", "請更改下列標示的欄位。", "请更改下列标示的栏位。";
    bulk_title: "Payment files", "付款檔案", "付款文件";
    bulk_hint: "A pain.001.001.09 file or a CSV file of up to 100,000 payments. Nothing is paid unless the totals are right.", "pain.001.001.09 或 CSV 檔案，最多 100,000 筆付款。總數相符方會付款。", "pain.001.001.09 或 CSV 文件，最多 100,000 笔付款。总数相符才会付款。";
    bulk_file: "File", "檔案", "文件";
    bulk_send: "Hand in", "提交", "提交";
    bulk_files: "Files handed in", "已提交的檔案", "已提交的文件";
    bulk_lines: "lines", "筆", "笔";
    bulk_receiving: "Arriving", "接收中", "接收中";
    bulk_accepted: "Being paid", "付款中", "付款中";
    bulk_refused: "Refused. Nothing was paid.", "已拒絕，並無付款。", "已拒绝，未付款。";
    bulk_refused_at: "Line {}, {}:", "第 {} 行，{}：", "第 {} 行，{}：";
    bulk_done: "Every line was dealt with", "已處理全部付款", "已处理全部付款";
    bulk_progress: "{} of {} lines, {} rejected", "已處理 {} 筆，共 {} 筆，{} 筆被拒", "已处理 {} 笔，共 {} 笔，{} 笔被拒";
    bulk_results: "Results", "結果", "结果";
    payment_out: "Payment", "付款", "付款";
    details: "Details", "詳情", "详情";
}

impl Language {
    /// A purpose code in words.
    pub(crate) fn purpose_words(self, code: &str) -> &'static str {
        match Purpose::parse(code) {
            Some(Purpose::Gdds) => self.pick("Goods", "購買貨品", "购买货物"),
            Some(Purpose::Scve) => self.pick("Services", "服務費", "服务费"),
            Some(Purpose::Stdy) => self.pick("Study and tuition", "學費", "学费"),
            Some(Purpose::Mdcs) => self.pick("Medical care", "醫療", "医疗"),
            Some(Purpose::Rent) => self.pick("Rent", "租金", "租金"),
            Some(Purpose::Trvl) => self.pick("Travel", "旅遊", "旅游"),
            Some(Purpose::Supp) => self.pick("Paying a supplier", "支付供應商", "支付供应商"),
            Some(Purpose::Gift) => self.pick("Gift", "餽贈", "馈赠"),
            Some(Purpose::Sala) => self.pick("Salary", "薪金", "工资"),
            Some(_) | None => self.pick("Other", "其他", "其他"),
        }
    }

    /// A field's name.
    pub(crate) const fn field(self, field: Field) -> &'static str {
        match field {
            Field::From => self.debit_account(),
            Field::Agent => self.payee_bank(),
            Field::Payee => self.account_or_mobile(),
            Field::Name => self.payee_name(),
            Field::Amount => self.amount(),
            Field::CreditCurrency => self.arrives_in(),
            Field::Purpose => self.purpose(),
            Field::Note => self.note(),
            Field::When => self.when(),
            Field::Repeat => self.repeat(),
            Field::Every => self.repeat_every(),
            Field::First => self.first_date(),
            Field::Ends => self.repeat_ends(),
            Field::Times => self.repeat_times(),
            Field::Until => self.last_date(),
        }
    }

    /// What is wrong with a field.
    pub(crate) const fn field_fault(self, fault: FieldFault) -> &'static str {
        match fault {
            FieldFault::Missing => self.pick("Please fill this in.", "請填寫此欄。", "请填写此栏。"),
            FieldFault::NotAChoice => self.pick("Please choose one of the list.", "請從列表中選擇。", "请从列表中选择。"),
            FieldFault::NotAnAmount => {
                self.pick("Write digits, such as 1,250.00.", "請輸入數字，例如 1,250.00。", "请输入数字，例如 1,250.00。")
            }
            FieldFault::TooManyDecimals => self.pick("Too many decimals for this currency.", "小數位數過多。", "小数位数过多。"),
            FieldFault::Zero => self.pick("The amount must be more than zero.", "金額必須大於零。", "金额必须大于零。"),
            FieldFault::TooLarge => self.pick("The amount is too large.", "金額過大。", "金额过大。"),
            FieldFault::TooLong => self.pick("At most 140 characters.", "最多 140 個字。", "最多 140 个字。"),
            FieldFault::Characters => {
                self.pick("Some of these characters cannot be sent.", "含有無法傳送的字元。", "含有无法发送的字符。")
            }
            FieldFault::NotANumber => self.pick(
                "Neither an account number nor a Hong Kong or mainland mobile number.",
                "不是帳戶號碼，亦不是香港或內地手機號碼。",
                "不是账号，也不是香港或内地手机号码。",
            ),
            FieldFault::NotEnough => self.pick("Not enough money on the account.", "帳戶餘額不足。", "账户余额不足。"),
            FieldFault::SameBank => self.pick(
                "This is your own bank. Choose another.",
                "這是您自己的銀行，請選擇另一間。",
                "这是您自己的银行，请选择另一家。",
            ),
            FieldFault::ExchangeAtOnce => self.pick(
                "A rate is firm for minutes: an exchange is made at once.",
                "匯率只在數分鐘內有效，兌換付款須即時執行。",
                "汇率只在数分钟内有效，兑换付款须即时执行。",
            ),
            FieldFault::NotADayAhead => {
                self.pick("A day ahead, at most a year.", "須為一年內的未來日期。", "须为一年内的未来日期。")
            }
            FieldFault::NotADate => {
                self.pick("A date, such as 2027-02-17.", "請輸入日期，例如 2027-02-17。", "请输入日期，例如 2027-02-17。")
            }
            FieldFault::NotAWholeNumber => self.pick("A whole number, please.", "請輸入整數。", "请输入整数。"),
            FieldFault::OutOfRange => self.pick("That is more, or less, than is possible.", "超出可選範圍。", "超出可选范围。"),
            FieldFault::BeforeFirst => {
                self.pick("The last date is before the first.", "最後日期早於首次日期。", "最后日期早于首次日期。")
            }
            FieldFault::WhenOrRepeat => self.pick(
                "Choose a time of execution or a repetition, not both.",
                "執行時間與重複付款只能選擇其一。",
                "执行时间与重复付款只能选择其一。",
            ),
            FieldFault::OnceHasNoEnd => {
                self.pick("What is paid once ends by itself.", "只付一次的付款無須設定結束。", "只付一次的付款无须设定结束。")
            }
            FieldFault::TooManyOrders => self.pick(
                "You have 50 standing orders in force or paused, and cannot have more. Cancel one first.",
                "您已有 50 項生效或暫停的定期付款，已達上限，請先取消一項。",
                "您已有 50 项生效或暂停的定期付款，已达上限，请先取消一项。",
            ),
            FieldFault::NoQuote => self.pick(
                "Nobody exchanges this amount of these currencies now.",
                "暫無銀行兌換此金額的這對貨幣。",
                "暂无银行兑换此金额的这对货币。",
            ),
            FieldFault::Closed => self.pick("The account is closed.", "帳戶已結束。", "账户已销户。"),
            FieldFault::UnknownPayee => self.pick(
                "The payee's bank has no such account or mobile number.",
                "收款銀行沒有此帳戶或手機號碼。",
                "收款银行没有此账号或手机号码。",
            ),
            FieldFault::UnknownAlias => self.pick(
                "Nobody is paid by this. Check it, or choose a bank and give an account.",
                "找不到相應的收款人，請核對，或選擇銀行並輸入帳戶號碼。",
                "找不到相应的收款人，请核对，或选择银行并输入账号。",
            ),
            FieldFault::TooManyLookups => self.pick(
                "Too many payees were looked up. Please wait, or choose a bank and give an account.",
                "查找次數過多，請稍後再試，或選擇銀行並輸入帳戶號碼。",
                "查找次数过多，请稍后再试，或选择银行并输入账号。",
            ),
            FieldFault::Blocked => self.pick(
                "This payee was reported for fraud and is not paid.",
                "此收款人涉嫌詐騙，不可付款。",
                "此收款人涉嫌诈骗，不可付款。",
            ),
            FieldFault::NoAnswer => self.pick(
                "The payee's bank does not answer. Use the account number instead.",
                "收款銀行未有回覆，請改用帳戶號碼。",
                "收款银行未回复，请改用账号。",
            ),
        }
    }

    /// What the payee's bank said of the name.
    pub(crate) const fn name_check_words(self, check: NameCheck) -> &'static str {
        match check {
            NameCheck::Match => self.pick("The name matches.", "姓名相符。", "姓名相符。"),
            NameCheck::Close => self.pick(
                "The name is nearly right. Please compare.",
                "姓名相近但不完全相符，請核對。",
                "姓名相近但不完全相符，请核对。",
            ),
            NameCheck::NoMatch => self.pick(
                "The name does not match this account. If somebody told you to pay here, it may be a fraud.",
                "姓名與此帳戶不符。如有人指示您付款至此，可能是騙案。",
                "姓名与此账户不符。如有人指示您付款至此，可能是诈骗。",
            ),
            NameCheck::Shown => self.pick(
                "This is whom the directory shows. Is it the payee you mean?",
                "以下是目錄顯示的收款人，請確認是否正確。",
                "以下是目录显示的收款人，请确认是否正确。",
            ),
            NameCheck::NotAsked => self.pick(
                "Part of a payment file: nobody was asked.",
                "屬付款檔案的一部分，並無核對。",
                "属付款文件的一部分，未核对。",
            ),
            NameCheck::UnknownAccount => self.pick("There is no such account.", "沒有此帳戶。", "没有此账户。"),
            NameCheck::Unavailable => self.pick(
                "The payee's bank did not answer in time, so the name is not checked.",
                "收款銀行未及時回覆，姓名未經核對。",
                "收款银行未及时回复，姓名未经核对。",
            ),
        }
    }

    /// What a tier of the warning list means to a payer.
    pub(crate) fn warning_words(self, tier: &str) -> &'static str {
        if tier == "cool_off" { self.warned_cool_off() } else { self.warned() }
    }

    /// What an entry is for.
    pub(crate) fn entry_words(self, kind: EntryKind, counterparty: &str) -> String {
        match kind {
            EntryKind::Opening => self.opening_balance().to_owned(),
            EntryKind::Sent => fill(self.paid_to(), &[counterparty]),
            EntryKind::Received => fill(self.received_from(), &[counterparty]),
            EntryKind::Returned => fill(self.returned_of(), &[counterparty]),
            EntryKind::Charge => fill(self.charge_for(), &[counterparty]),
        }
    }

    /// An ISO reason in words for a customer.
    pub(crate) fn reason_words(self, code: &str) -> &'static str {
        use StatusReason as R;
        match StatusReason::parse(code) {
            Some(R::Ac01) => self.pick("The account does not exist.", "帳戶不存在。", "账户不存在。"),
            Some(R::Ac04) => self.pick("The account is closed.", "帳戶已結束。", "账户已销户。"),
            Some(R::Ac06) => self.pick("The account is blocked.", "帳戶已凍結。", "账户已冻结。"),
            Some(R::Am03) => self.pick("The account does not take this currency.", "帳戶不接受此貨幣。", "账户不接受此货币。"),
            Some(R::Am04) => self.pick(
                "A bank has not enough cover at the centre.",
                "銀行在清算中心的資金不足。",
                "银行在清算中心的资金不足。",
            ),
            Some(R::Ab03 | R::Ab05 | R::Ab06 | R::Tm01) => {
                self.pick("The payee's bank did not answer in time.", "收款銀行未及時回覆。", "收款银行未及时回复。")
            }
            Some(R::Ab04) => self.pick("The quote was no longer valid.", "報價已失效。", "报价已失效。"),
            Some(R::Ab08 | R::Ag11 | R::Agnt) => {
                self.pick("The payee's bank cannot be reached.", "無法聯絡收款銀行。", "无法联系收款银行。")
            }
            Some(R::Rr04) => self.pick("Stopped by a check.", "未能通過審查。", "未能通过审查。"),
            Some(R::Dupl | R::Du01 | R::Du03) => self.pick("It was sent before.", "重複的付款。", "重复的付款。"),
            Some(_) | None => self.pick("The payment was refused.", "付款被拒絕。", "付款被拒绝。"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_words() -> impl Iterator<Item = &'static (&'static str, [&'static str; 3])> {
        ALL_WORDS.iter().chain(crate::web::standing_text::ALL_WORDS)
    }

    #[test]
    fn every_word_is_there_in_three_languages() {
        for (name, texts) in all_words() {
            for text in texts {
                assert!(!text.trim().is_empty(), "{name}");
                assert_eq!(text.matches("{}").count(), texts[0].matches("{}").count(), "{name}: {text}");
            }
            assert!(texts[0].is_ascii() || !texts[0].chars().any(is_han), "{name} is English");
        }
        let untranslated: Vec<_> =
            all_words().filter(|(_, texts)| !texts[1].chars().any(is_han)).map(|(name, _)| *name).collect();
        assert_eq!(untranslated, ["rate_line"]);
    }

    /// Characters that exist in one of the two scripts only must not be in the other.
    #[test]
    fn scripts_are_not_mixed() {
        for (name, [_, traditional, simplified]) in all_words() {
            let folded: String = traditional.chars().map(crate::hanzi::simplified).collect();
            if folded != **traditional {
                assert_ne!(traditional, simplified, "{name} is traditional in both");
            }
            let again: String = simplified.chars().map(crate::hanzi::simplified).collect();
            assert_eq!(again, *simplified, "{name} has traditional characters in its simplified text");
        }
    }

    fn is_han(character: char) -> bool {
        ('\u{3400}'..='\u{9fff}').contains(&character)
    }

    #[test]
    fn languages_are_chosen_as_browsers_ask() {
        use Language::{English, Simplified, Traditional};
        for (header, expected) in [
            ("zh-HK,zh;q=0.9,en;q=0.8", Some(Traditional)),
            ("zh-CN", Some(Simplified)),
            ("fr-FR, en-GB;q=0.7", Some(English)),
            ("fr", None),
            ("", None),
        ] {
            assert_eq!(Language::from_header(header), expected, "{header}");
        }
        assert_eq!(fill("{} of {}", &["1", "2"]), "1 of 2");
    }
}
