//! The register of rules: bit, id, weight and words, wire-stable. Append only, never renumber: bits are in the chain.

use core::fmt;

/// A rule's id: `RSK-01` is bit 0 of a decision's rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleId {
    /// Many payments in a short time.
    VelocityCount,
    /// Much money in a day.
    VelocitySum,
    /// Never paid this creditor before.
    FirstTimePayee,
    /// Far above what the account usually pays.
    UnusualAmount,
    /// A name on the watch-list.
    ListMatch,
    /// A name like one on the watch-list.
    ListClose,
    /// Many payments just below a limit.
    Structuring,
    /// A name that cannot be compared.
    NameNotScreened,
    /// Money that goes back to where it just came from.
    RoundTrip,
}

/// Languages of everything users see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// English.
    En,
    /// 繁體中文.
    ZhHant,
    /// 简体中文.
    ZhHans,
}

/// One row of the register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Which.
    pub id: RuleId,
    /// Its bit in `RiskDecision::rules`.
    pub bit: u8,
    /// Its stable code.
    pub code: &'static str,
    /// What it adds to the score when it fires.
    pub weight: u16,
    /// Its name: English, 繁體中文, 简体中文.
    pub names: [&'static str; 3],
    /// What it tests: English, 繁體中文, 简体中文.
    pub texts: [&'static str; 3],
}

impl Rule {
    /// Its name in a language.
    pub const fn name(&self, language: Language) -> &'static str {
        self.names[language as usize]
    }

    /// What it tests, in a language.
    pub const fn text(&self, language: Language) -> &'static str {
        self.texts[language as usize]
    }
}

impl RuleId {
    /// Its row.
    pub const fn rule(self) -> &'static Rule {
        &RULES[self as usize]
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.rule().code)
    }
}

/// The rules whose bits are set, in order. Bits nobody was given are left out.
pub fn fired(bits: u32) -> impl Iterator<Item = &'static Rule> {
    RULES.iter().filter(move |rule| bits & (1 << rule.bit) != 0)
}

/// Every rule, in order of its bit.
pub const RULES: [Rule; 9] = [
    Rule {
        id: RuleId::VelocityCount,
        bit: 0,
        code: "RSK-01",
        weight: 250,
        names: ["Many payments", "付款頻密", "付款频繁"],
        texts: [
            "The debtor's account made more payments in the short window than the setting allows.",
            "付款人賬戶在短時段內的付款筆數超過設定。",
            "付款人账户在短时段内的付款笔数超过设定。",
        ],
    },
    Rule {
        id: RuleId::VelocitySum,
        bit: 1,
        code: "RSK-02",
        weight: 200,
        names: ["Large daily sum", "單日金額大", "单日金额大"],
        texts: [
            "The debtor's account paid more in one day, in one currency, than the setting allows.",
            "付款人賬戶一日內以同一貨幣付款的總額超過設定。",
            "付款人账户一日内以同一货币付款的总额超过设定。",
        ],
    },
    Rule {
        id: RuleId::FirstTimePayee,
        bit: 2,
        code: "RSK-03",
        weight: 100,
        names: ["First payment to this creditor", "首次付款予此收款人", "首次付款给此收款人"],
        texts: [
            "The debtor's account has not paid this creditor's account before.",
            "付款人賬戶從未向此收款人賬戶付款。",
            "付款人账户从未向此收款人账户付款。",
        ],
    },
    Rule {
        id: RuleId::UnusualAmount,
        bit: 3,
        code: "RSK-04",
        weight: 250,
        names: ["Unusual amount", "金額異常", "金额异常"],
        texts: [
            "The amount is at least three times the account's running mean and more than four mean deviations above it.",
            "金額達賬戶移動平均的三倍或以上，並高出平均四個平均偏差以上。",
            "金额达账户移动平均的三倍或以上，并高出平均四个平均偏差以上。",
        ],
    },
    Rule {
        id: RuleId::ListMatch,
        bit: 4,
        code: "RSK-05",
        weight: 1000,
        names: ["Name on the watch-list", "姓名在監察名單上", "姓名在监察名单上"],
        texts: [
            "A whole name equals one on the watch-list, whatever its case, punctuation, order of words or Chinese script.",
            "全名與監察名單上的姓名相同，不論大小寫、標點、詞序或繁簡體。",
            "全名与监察名单上的姓名相同，不论大小写、标点、词序或繁简体。",
        ],
    },
    Rule {
        id: RuleId::ListClose,
        bit: 5,
        code: "RSK-06",
        weight: 450,
        names: ["Name like one on the watch-list", "姓名近似監察名單", "姓名近似监察名单"],
        texts: [
            "A name is nearly one on the watch-list: letters differ, or a part is missing.",
            "姓名與監察名單上的姓名相近：字母有出入，或缺少部分。",
            "姓名与监察名单上的姓名相近：字母有出入，或缺少部分。",
        ],
    },
    Rule {
        id: RuleId::Structuring,
        bit: 6,
        code: "RSK-07",
        weight: 300,
        names: ["Just below a limit", "貼近限額", "贴近限额"],
        texts: [
            "Several payments of one day lie within a tenth below the currency's limit.",
            "一日內多筆付款落在該貨幣限額以下一成之內。",
            "一日内多笔付款落在该货币限额以下一成之内。",
        ],
    },
    Rule {
        id: RuleId::NameNotScreened,
        bit: 7,
        code: "RSK-08",
        weight: 400,
        names: ["Name not screened", "姓名未能篩查", "姓名未能筛查"],
        texts: [
            "A name is missing, has no letters, or is too long to compare.",
            "姓名缺失、不含文字，或過長而無法比對。",
            "姓名缺失、不含文字，或过长而无法比对。",
        ],
    },
    Rule {
        id: RuleId::RoundTrip,
        bit: 8,
        code: "RSK-09",
        weight: 150,
        names: ["Money goes back", "資金回流", "资金回流"],
        texts: [
            "The creditor's account paid the debtor's account within the long window, in whatever currency.",
            "收款人賬戶在長時段內曾向付款人賬戶付款，不論貨幣。",
            "收款人账户在长时段内曾向付款人账户付款，不论货币。",
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_at_their_bits_and_say_everything() {
        for (at, rule) in RULES.iter().enumerate() {
            assert_eq!((usize::from(rule.bit), rule.id as usize), (at, at));
            assert_eq!(rule.code, format!("RSK-{:02}", at + 1));
            assert_eq!(rule.id.rule(), rule);
            assert!(rule.names.iter().chain(&rule.texts).all(|text| !text.trim().is_empty()));
            assert!((1..=1000).contains(&rule.weight));
        }
    }

    #[test]
    fn fired_rules_are_read_from_bits() {
        let codes: Vec<_> = fired(0b1000_0101 | 1 << 31).map(|rule| rule.code).collect();
        assert_eq!(codes, ["RSK-01", "RSK-03", "RSK-08"]);
        assert_eq!(fired(0).count(), 0);
    }
}
