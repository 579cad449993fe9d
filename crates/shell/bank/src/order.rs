//! A customer's order to pay, from what was typed to what is meant; every fault names its field.

use banklink::FixedSide;
use iso20022::codes::Purpose;
use money::{Amount, AmountError, Currency};

/// Purposes offered: codes of the external purpose code set that a person or shop here would choose.
pub const PURPOSES: [&str; 10] = [
    Purpose::Gdds.as_str(),
    Purpose::Scve.as_str(),
    Purpose::Stdy.as_str(),
    Purpose::Mdcs.as_str(),
    Purpose::Rent.as_str(),
    Purpose::Trvl.as_str(),
    Purpose::Supp.as_str(),
    Purpose::Gift.as_str(),
    Purpose::Sala.as_str(),
    Purpose::Othr.as_str(),
];
/// Longest name (ISO `Max140Text`) and note, in characters.
pub const TEXT_CHARS_MAX: usize = 140;
/// Longest account number (ISO `Max34Text`).
const ACCOUNT_CHARS_MAX: usize = 34;

/// What was typed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TypedOrder {
    /// `number/currency` of the account to debit.
    pub from: String,
    /// BIC of the payee's bank.
    pub agent: String,
    /// Account or mobile number.
    pub payee: String,
    /// The payee's name.
    pub name: String,
    /// Amount.
    pub amount: String,
    /// `debit` if the amount is what is paid, `credit` if it is what arrives.
    pub fixed: String,
    /// Currency that arrives.
    pub credit_currency: String,
    /// Purpose code.
    pub purpose: String,
    /// Words to the payee.
    pub note: String,
    /// `two_hours`, `next_day` or `date`; anything else is at once.
    pub when: String,
    /// The date, as `2027-02-17`.
    pub on: String,
}

/// When a payment is to be executed. Until then it can be cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum When {
    /// Now.
    #[default]
    AtOnce,
    /// Two hours from when it is confirmed.
    InTwoHours,
    /// At nine in the morning of the next day, by the clock of Hong Kong and Shenzhen.
    NextDay,
    /// At nine in the morning of that day.
    On(String),
}

/// What is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Account number to debit.
    pub account: String,
    /// Currency debited.
    pub debit_currency: Currency,
    /// BIC of the payee's bank.
    pub agent: String,
    /// Where the payee is paid.
    pub payee: PayeeNumber,
    /// The payee's name.
    pub name: String,
    /// The exact amount on the fixed side.
    pub amount: Amount,
    /// Which side is fixed.
    pub fixed: FixedSide,
    /// Currency that arrives.
    pub credit_currency: Currency,
    /// Purpose code.
    pub purpose: String,
    /// Words to the payee.
    pub note: String,
    /// When.
    pub when: When,
}

/// Where a payee is paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayeeNumber {
    /// An account.
    Account(String),
    /// A mobile number, as `+852-61234567`.
    Mobile(String),
}

impl PayeeNumber {
    /// As text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Account(number) | Self::Mobile(number) => number,
        }
    }
}

/// A field of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// Account to debit.
    From,
    /// Payee's bank.
    Agent,
    /// Account or mobile number.
    Payee,
    /// Payee's name.
    Name,
    /// Amount.
    Amount,
    /// Currency that arrives.
    CreditCurrency,
    /// Purpose.
    Purpose,
    /// Words to the payee.
    Note,
    /// When it is executed.
    When,
    /// How often it is paid.
    Repeat,
    /// Weeks or months from one date to the next.
    Every,
    /// First date.
    First,
    /// How it ends.
    Ends,
    /// After how many due dates it ends.
    Times,
    /// Last date.
    Until,
}

impl Field {
    /// Name in forms and JSON.
    pub const fn key(self) -> &'static str {
        match self {
            Self::From => "from",
            Self::Agent => "agent",
            Self::Payee => "payee",
            Self::Name => "name",
            Self::Amount => "amount",
            Self::CreditCurrency => "credit_currency",
            Self::Purpose => "purpose",
            Self::Note => "note",
            Self::When => "when",
            Self::Repeat => "repeat",
            Self::Every => "every",
            Self::First => "first",
            Self::Ends => "ends",
            Self::Times => "times",
            Self::Until => "until",
        }
    }
}

/// What is wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldFault {
    /// Nothing there.
    Missing,
    /// Not one of the choices.
    NotAChoice,
    /// Not digits with at most one point.
    NotAnAmount,
    /// More decimals than the currency has.
    TooManyDecimals,
    /// Zero.
    Zero,
    /// Too large.
    TooLarge,
    /// Too long.
    TooLong,
    /// Characters that messages cannot carry.
    Characters,
    /// Neither an account number nor a mobile number.
    NotANumber,
    /// Not enough money.
    NotEnough,
    /// This bank itself: nothing to pay across.
    SameBank,
    /// Nobody quotes this pair and amount now.
    NoQuote,
    /// The account is closed.
    Closed,
    /// The payee's bank has no such account or mobile number.
    UnknownPayee,
    /// The payee's bank does not answer, and a mobile number needs its answer.
    NoAnswer,
    /// Nobody is paid by this alias.
    UnknownAlias,
    /// Too many payees were looked up.
    TooManyLookups,
    /// The payee is on the scheme's warning list, and not paid.
    Blocked,
    /// A quote is firm for minutes: an exchange is at once.
    ExchangeAtOnce,
    /// Not a day ahead, at most a year.
    NotADayAhead,
    /// Not a date.
    NotADate,
    /// Not a whole number.
    NotAWholeNumber,
    /// Less or more than allowed.
    OutOfRange,
    /// A last date before the first.
    BeforeFirst,
    /// A time of execution and a repetition.
    WhenOrRepeat,
    /// What is paid once ends by itself.
    OnceHasNoEnd,
    /// The customer has as many standing orders as one may have.
    TooManyOrders,
}

/// A fault of one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field:?}: {fault:?}")]
pub struct OrderFault {
    /// Where.
    pub field: Field,
    /// What.
    pub fault: FieldFault,
}

const fn fault<T>(field: Field, fault: FieldFault) -> Result<T, OrderFault> {
    Err(OrderFault { field, fault })
}

impl TypedOrder {
    /// What was typed instead of a bank and an account: a mobile number, an e-mail address or a scheme identifier.
    pub fn alias(&self) -> Option<&str> {
        let typed = self.payee.trim();
        let scheme_id = typed.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("LH"));
        (self.agent.is_empty() && (typed.starts_with('+') || typed.contains('@') || scheme_id)).then_some(typed)
    }

    /// Reads what was typed; stops at the first fault, in the order of the form.
    pub fn read(&self, own_bic: &str, currencies: &[Currency]) -> Result<Order, OrderFault> {
        let currency = |code: &str| currencies.iter().find(|currency| currency.code.as_str() == code).copied();
        let Some((account, debit)) = self.from.split_once('/') else { return fault(Field::From, FieldFault::Missing) };
        let Some(debit_currency) = currency(debit) else { return fault(Field::From, FieldFault::NotAChoice) };
        let agent = read_agent(&self.agent, own_bic)?;
        let payee = read_payee(&self.payee)?;
        let name = read_text(&self.name, Field::Name)?;
        if name.is_empty() {
            return fault(Field::Name, FieldFault::Missing);
        }
        let Some(credit_currency) = currency(&self.credit_currency) else {
            return fault(Field::CreditCurrency, FieldFault::NotAChoice);
        };
        let fixed = if self.fixed == "credit" { FixedSide::Credit } else { FixedSide::Debit };
        let amount = read_amount(&self.amount, if fixed == FixedSide::Credit { credit_currency } else { debit_currency })?;
        if !PURPOSES.contains(&self.purpose.as_str()) {
            return fault(Field::Purpose, FieldFault::NotAChoice);
        }
        let note = read_text(&self.note, Field::Note)?;
        let when = self.read_when(debit_currency != credit_currency)?;
        let purpose = self.purpose.clone();
        Ok(Order {
            when,
            account: account.to_owned(),
            debit_currency,
            agent,
            payee,
            name,
            amount,
            fixed,
            credit_currency,
            purpose,
            note,
        })
    }
}

impl TypedOrder {
    fn read_when(&self, exchanged: bool) -> Result<When, OrderFault> {
        let when = match self.when.as_str() {
            "two_hours" => When::InTwoHours,
            "next_day" => When::NextDay,
            "date" if self.on.is_empty() => return fault(Field::When, FieldFault::Missing),
            "date" if local_nine(&self.on).is_none() => return fault(Field::When, FieldFault::NotADayAhead),
            "date" => When::On(self.on.clone()),
            _ => When::AtOnce,
        };
        if exchanged && when != When::AtOnce { fault(Field::When, FieldFault::ExchangeAtOnce) } else { Ok(when) }
    }
}

impl When {
    /// Furthest ahead, in milliseconds: as far as the centre lets a payment wait.
    const AHEAD_MS_MAX: u64 = 366 * 86_400_000;

    /// The moment it means at a time, in milliseconds since 1970 UTC; `None`: at once.
    ///
    /// # Errors
    /// If the day is not ahead, or too far.
    pub fn at_ms(&self, now_ms: u64) -> Result<Option<u64>, OrderFault> {
        const HOUR_MS: u64 = 3_600_000;
        let at = match self {
            Self::AtOnce => return Ok(None),
            Self::InTwoHours => return Ok(Some(now_ms + 2 * HOUR_MS)),
            // Midnight there is sixteen hundred UTC.
            Self::NextDay => Some(((now_ms + 8 * HOUR_MS) / (24 * HOUR_MS) + 1) * 24 * HOUR_MS + HOUR_MS),
            Self::On(day) => local_nine(day),
        };
        let ahead = at.filter(|at| *at > now_ms && *at <= now_ms + Self::AHEAD_MS_MAX);
        ahead.map_or_else(|| fault(Field::When, FieldFault::NotADayAhead), |at| Ok(Some(at)))
    }
}

/// Nine in the morning of a day in Hong Kong and Shenzhen, in milliseconds since 1970 UTC.
fn local_nine(day: &str) -> Option<u64> {
    let well_formed = day.len() == 10 && day.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let nanos = iso20022::value::date_time_to_nanos(&format!("{day}T09:00:00+08:00")).filter(|_| well_formed)?;
    Some(nanos / 1_000_000)
}

fn read_agent(typed: &str, own_bic: &str) -> Result<String, OrderFault> {
    let well_formed = typed.len() == 11 && typed.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    match typed {
        "" => fault(Field::Agent, FieldFault::Missing),
        _ if typed == own_bic => fault(Field::Agent, FieldFault::SameBank),
        _ if !well_formed => fault(Field::Agent, FieldFault::NotAChoice),
        _ => Ok(typed.to_owned()),
    }
}

fn read_payee(typed: &str) -> Result<PayeeNumber, OrderFault> {
    let typed = typed.trim();
    if typed.is_empty() {
        return fault(Field::Payee, FieldFault::Missing);
    }
    if typed.starts_with('+') {
        return normal_mobile(typed).map(PayeeNumber::Mobile).map_or_else(|| fault(Field::Payee, FieldFault::NotANumber), Ok);
    }
    let digits: String = typed.chars().filter(|character| !matches!(character, ' ' | '-')).collect();
    let well_formed = (6..=ACCOUNT_CHARS_MAX).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if well_formed { Ok(PayeeNumber::Account(digits)) } else { fault(Field::Payee, FieldFault::NotANumber) }
}

/// A mobile number as messages have it: `+852-61234567`, `+86-13900010001`. `None` if it is none of Hong Kong or the mainland.
pub fn normal_mobile(typed: &str) -> Option<String> {
    let digits: String = typed.strip_prefix('+')?.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')')).collect();
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match (digits.strip_prefix("852"), digits.strip_prefix("86")) {
        (Some(local), _) if local.len() == 8 => Some(format!("+852-{local}")),
        (_, Some(local)) if local.len() == 11 => Some(format!("+86-{local}")),
        _ => None,
    }
}

fn read_amount(typed: &str, currency: Currency) -> Result<Amount, OrderFault> {
    // Thousands are often typed with commas or blanks; a comma for decimals is not taken for one.
    let typed = typed.trim();
    if typed.is_empty() {
        return fault(Field::Amount, FieldFault::Missing);
    }
    let Some(plain) = without_groups(typed) else { return fault(Field::Amount, FieldFault::NotAnAmount) };
    match Amount::parse(&plain, currency) {
        Ok(amount) if amount.minor.is_zero() => fault(Field::Amount, FieldFault::Zero),
        Ok(amount) if i64::try_from(amount.minor.0).is_ok() => Ok(amount),
        Ok(_) | Err(AmountError::TooLarge) => fault(Field::Amount, FieldFault::TooLarge),
        Err(AmountError::NotDecimal) => fault(Field::Amount, FieldFault::NotAnAmount),
        Err(AmountError::TooManyDecimals { .. }) => fault(Field::Amount, FieldFault::TooManyDecimals),
    }
}

/// Takes `1,234,567.50` for `1234567.50`; groups must be of three.
fn without_groups(typed: &str) -> Option<String> {
    let (whole, fraction) = typed.split_once('.').unwrap_or((typed, ""));
    let groups: Vec<&str> = whole.split(',').collect();
    let grouped =
        groups.len() == 1 || (!groups[0].is_empty() && groups[0].len() <= 3 && groups[1..].iter().all(|g| g.len() == 3));
    let point = if typed.contains('.') { "." } else { "" };
    grouped.then(|| format!("{}{point}{fraction}", groups.concat()))
}

fn read_text(typed: &str, field: Field) -> Result<String, OrderFault> {
    let text = typed.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() > TEXT_CHARS_MAX {
        return fault(field, FieldFault::TooLong);
    }
    let carried = |character: char| {
        character == ' '
            || character.is_ascii_graphic() && !matches!(character, '<' | '>' | '`' | '\\' | '{' | '}' | '~' | '^' | '|')
            || (!character.is_ascii() && (character.is_alphanumeric() || "·，。、：；（）「」《》！？—－’".contains(character)))
    };
    if text.chars().all(carried) { Ok(text) } else { fault(field, FieldFault::Characters) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::CURRENCIES;

    fn typed() -> TypedOrder {
        TypedOrder {
            from: "388100200301/HKD".into(),
            agent: "PENGCNBSXXX".into(),
            payee: "6217 0020 0001 0001".into(),
            name: " LI   Na ".into(),
            amount: "1,234.50".into(),
            fixed: "debit".into(),
            credit_currency: "CNY".into(),
            purpose: "GDDS".into(),
            note: String::new(),
            ..TypedOrder::default()
        }
    }

    fn read(change: impl FnOnce(&mut TypedOrder)) -> Result<Order, (Field, FieldFault)> {
        let mut order = typed();
        change(&mut order);
        order.read("HARBHKHHXXX", &CURRENCIES).map_err(|error| (error.field, error.fault))
    }

    #[test]
    fn what_is_typed_is_understood() {
        let order = read(|_| ()).unwrap();
        assert_eq!(order.payee, PayeeNumber::Account("6217002000010001".into()));
        assert_eq!((order.name.as_str(), order.amount.minor.0, order.amount.currency.code.as_str()), ("LI Na", 123_450, "HKD"));
        let order = read(|order| order.fixed = "credit".into()).unwrap();
        assert_eq!((order.fixed, order.amount.currency.code.as_str()), (FixedSide::Credit, "CNY"));
        let order = read(|order| order.payee = "+852 6123 0001".into()).unwrap();
        assert_eq!(order.payee, PayeeNumber::Mobile("+852-61230001".into()));
        assert_eq!(normal_mobile("+86-139-0001-0001").as_deref(), Some("+86-13900010001"));
        assert_eq!(normal_mobile("+85261230001234"), None);
        assert_eq!(normal_mobile("+44 7700 900000"), None);
    }

    #[test]
    fn nine_in_the_morning_is_there() {
        // 2026-11-25 23:30 and 2026-11-26 00:30 in Hong Kong.
        let (evening, night) = (1_795_620_600_000, 1_795_624_200_000);
        let nine = |day: &str| local_nine(day).unwrap();
        assert_eq!(When::NextDay.at_ms(evening), Ok(Some(nine("2026-11-26"))));
        assert_eq!(When::NextDay.at_ms(night), Ok(Some(nine("2026-11-27"))));
        assert_eq!(When::InTwoHours.at_ms(evening), Ok(Some(evening + 7_200_000)));
        assert_eq!(When::On("2026-12-24".into()).at_ms(night), Ok(Some(nine("2026-12-24"))));
        for wrong in ["2026-11-25", "2028-01-01"] {
            assert!(When::On(wrong.into()).at_ms(night).is_err(), "{wrong}");
        }
        assert_eq!(When::AtOnce.at_ms(night), Ok(None));
    }

    #[test]
    fn every_fault_names_its_field() {
        use {Field as F, FieldFault as X};
        let long = "x".repeat(141);
        type Case = (Box<dyn FnOnce(&mut TypedOrder)>, F, X);
        let cases: Vec<Case> = vec![
            (Box::new(|o| o.from = String::new()), F::From, X::Missing),
            (Box::new(|o| o.from = "1/JPY".into()), F::From, X::NotAChoice),
            (Box::new(|o| o.agent = String::new()), F::Agent, X::Missing),
            (Box::new(|o| o.agent = "HARBHKHHXXX".into()), F::Agent, X::SameBank),
            (Box::new(|o| o.agent = "peng".into()), F::Agent, X::NotAChoice),
            (Box::new(|o| o.payee = String::new()), F::Payee, X::Missing),
            (Box::new(|o| o.payee = "12".into()), F::Payee, X::NotANumber),
            (Box::new(|o| o.payee = "+1".into()), F::Payee, X::NotANumber),
            (Box::new(|o| o.payee = "12;DROP TABLE".into()), F::Payee, X::NotANumber),
            (Box::new(|o| o.name = "  ".into()), F::Name, X::Missing),
            (Box::new(|o| o.name = "<b>".into()), F::Name, X::Characters),
            (Box::new(|o| o.name = "a\u{202e}b".into()), F::Name, X::Characters),
            (Box::new(move |o| o.note = long), F::Note, X::TooLong),
            (Box::new(|o| o.amount = String::new()), F::Amount, X::Missing),
            (Box::new(|o| o.amount = "1e9".into()), F::Amount, X::NotAnAmount),
            (Box::new(|o| o.amount = "-5".into()), F::Amount, X::NotAnAmount),
            (Box::new(|o| o.amount = "1,5".into()), F::Amount, X::NotAnAmount),
            (Box::new(|o| o.amount = "0.00".into()), F::Amount, X::Zero),
            (Box::new(|o| o.amount = "1.005".into()), F::Amount, X::TooManyDecimals),
            (Box::new(|o| o.amount = "184467440737095516".into()), F::Amount, X::TooLarge),
            (Box::new(|o| o.credit_currency = "XXX".into()), F::CreditCurrency, X::NotAChoice),
            (Box::new(|o| o.purpose = "NOPE".into()), F::Purpose, X::NotAChoice),
            (Box::new(|o| o.when = "two_hours".into()), F::When, X::ExchangeAtOnce),
            (Box::new(|o| o.when = "date".into()), F::When, X::Missing),
            (Box::new(|o| (o.when, o.on) = ("date".into(), "tomorrow".into())), F::When, X::NotADayAhead),
        ];
        for (change, field, fault) in cases {
            assert_eq!(read(change), Err((field, fault)));
        }
    }
}
