//! Four sample banks with invented names, codes, customers and money: two in Hong Kong, two in Shenzhen.

use crate::books::Seed;
use crate::books::records::Customer;
use crate::config::{Accent, CURRENCIES, NameForms, RateCard};
use crate::password::PasswordHash;
use money::{Amount, Currency, CurrencyCode, Rate};

/// Every sample customer's password; the sign-in page shows it.
pub const SAMPLE_PASSWORD: &str = "luohu-sample";

/// A bank to start with.
#[derive(Debug, Clone)]
pub struct SampleBank {
    /// BIC, eleven characters.
    pub bic: &'static str,
    /// Name.
    pub name: NameForms,
    /// Town.
    pub town: &'static str,
    /// Colour of its pages.
    pub accent: Accent,
    /// Settlement currencies.
    pub currencies: Vec<CurrencyCode>,
    /// Customers.
    pub customers: Vec<SampleCustomer>,
    /// Rates it publishes; empty if it provides no exchange.
    pub rates: Vec<RateCard>,
}

/// A customer to start with.
#[derive(Debug, Clone)]
pub struct SampleCustomer {
    /// Name to sign in with.
    pub sign_in: &'static str,
    /// Name in Latin letters.
    pub name: &'static str,
    /// Name in traditional characters.
    pub zh_hant: &'static str,
    /// Name in simplified characters.
    pub zh_hans: &'static str,
    /// Whether this is a company.
    pub company: bool,
    /// Mobile number to be paid by.
    pub mobile: Option<&'static str>,
    /// Account number.
    pub account: &'static str,
    /// Whether the account is open.
    pub open: bool,
    /// Opening balances: currency and minor units.
    pub balances: &'static [(CurrencyCode, u64)],
    /// Town and country of the address.
    pub address: (&'static str, &'static str),
}

const HK: (&str, &str) = ("Hong Kong", "HK");
const SZ: (&str, &str) = ("Shenzhen", "CN");
const HKD: CurrencyCode = CurrencyCode::HKD;
const CNY: CurrencyCode = CurrencyCode::CNY;
const USD: CurrencyCode = CurrencyCode::USD;
const EUR: CurrencyCode = CurrencyCode::EUR;

/// The four banks.
pub fn sample_banks() -> Vec<SampleBank> {
    vec![harbour(), lion_rock(), pengcheng(), wutong()]
}

fn forms(en: &str, zh_hant: &str, zh_hans: &str) -> NameForms {
    NameForms { en: en.to_owned(), zh_hant: zh_hant.to_owned(), zh_hans: zh_hans.to_owned() }
}

fn harbour() -> SampleBank {
    let person = |sign_in, name, zh_hant, zh_hans, mobile, account, balances| SampleCustomer {
        sign_in,
        name,
        zh_hant,
        zh_hans,
        company: false,
        mobile: Some(mobile),
        account,
        open: true,
        balances,
        address: HK,
    };
    SampleBank {
        bic: "HARBHKHHXXX",
        name: forms("Harbour Bank", "海港銀行", "海港银行"),
        town: "Hong Kong",
        accent: Accent::Harbour,
        currencies: vec![HKD, CNY, USD, EUR],
        customers: vec![
            person(
                "taiman",
                "CHAN Tai Man",
                "陳大文",
                "陈大文",
                "+852-61230001",
                "388100200301",
                &[(HKD, 5_230_000), (CNY, 800_000)],
            ),
            person("meiling", "WONG Mei Ling", "黃美玲", "黄美玲", "+852-61230002", "388100200302", &[(HKD, 12_845_050)]),
            person("kayan", "LAM Ka Yan", "林嘉欣", "林嘉欣", "+852-61230003", "388100200303", &[(HKD, 930_020), (USD, 150_000)]),
            SampleCustomer {
                sign_in: "silk",
                name: "Harbour Silk Trading Limited",
                zh_hant: "海港絲綢貿易有限公司",
                zh_hans: "海港丝绸贸易有限公司",
                company: true,
                mobile: None,
                account: "388900700001",
                open: true,
                balances: &[(HKD, 250_000_000), (CNY, 60_000_000), (USD, 9_000_000), (EUR, 4_000_000)],
                address: HK,
            },
        ],
        rates: rates(0),
    }
}

fn lion_rock() -> SampleBank {
    let person = |sign_in, name, zh_hant, zh_hans, mobile, account, open, balances| SampleCustomer {
        sign_in,
        name,
        zh_hant,
        zh_hans,
        company: false,
        mobile: Some(mobile),
        account,
        open,
        balances,
        address: HK,
    };
    SampleBank {
        bic: "LIONHKHHXXX",
        name: forms("Lion Rock Bank", "獅山銀行", "狮山银行"),
        town: "Hong Kong",
        accent: Accent::Lion,
        currencies: vec![HKD, CNY, USD],
        customers: vec![
            person("chiho", "LEE Chi Ho", "李志豪", "李志豪", "+852-61230011", "512004110001", true, &[(HKD, 3_360_080)]),
            person(
                "saufong",
                "CHEUNG Sau Fong",
                "張秀芳",
                "张秀芳",
                "+852-61230012",
                "512004110002",
                true,
                &[(HKD, 7_700_000), (CNY, 1_200_000)],
            ),
            person("wingsze", "NG Wing Sze", "吳詠詩", "吴咏诗", "+852-61230013", "512004110003", false, &[(HKD, 0)]),
            SampleCustomer {
                sign_in: "teahouse",
                name: "Lion Rock Tea House Limited",
                zh_hant: "獅山茶莊有限公司",
                zh_hans: "狮山茶庄有限公司",
                company: true,
                mobile: Some("+852-61230014"),
                account: "512009000001",
                open: true,
                balances: &[(HKD, 42_000_000), (CNY, 5_500_000)],
                address: HK,
            },
        ],
        rates: Vec::new(),
    }
}

fn pengcheng() -> SampleBank {
    let person = |sign_in, name, zh_hant, zh_hans, mobile, account, balances| SampleCustomer {
        sign_in,
        name,
        zh_hant,
        zh_hans,
        company: false,
        mobile: Some(mobile),
        account,
        open: true,
        balances,
        address: SZ,
    };
    SampleBank {
        bic: "PENGCNBSXXX",
        name: forms("Pengcheng Bank", "鵬城銀行", "鹏城银行"),
        town: "Shenzhen",
        accent: Accent::Peng,
        currencies: vec![CNY, HKD, USD, EUR],
        customers: vec![
            person("lina", "LI Na", "李娜", "李娜", "+86-13900010001", "6217002000010001", &[(CNY, 4_188_000)]),
            person(
                "zhangwei",
                "ZHANG Wei",
                "張偉",
                "张伟",
                "+86-13900010002",
                "6217002000010002",
                &[(CNY, 9_650_070), (HKD, 1_000_000)],
            ),
            person("xiaoyu", "HUANG Xiaoyu", "黃小雨", "黄小雨", "+86-13900010003", "6217002000010003", &[(CNY, 260_000)]),
            SampleCustomer {
                sign_in: "robotics",
                name: "Pengcheng Robotics Co., Ltd.",
                zh_hant: "鵬城機器人有限公司",
                zh_hans: "鹏城机器人有限公司",
                company: true,
                mobile: None,
                account: "4403009900000001",
                open: true,
                balances: &[(CNY, 380_000_000), (HKD, 55_000_000), (USD, 2_000_000)],
                address: SZ,
            },
        ],
        rates: rates(1),
    }
}

fn wutong() -> SampleBank {
    let person = |sign_in, name, zh_hant, zh_hans, mobile, account, balances| SampleCustomer {
        sign_in,
        name,
        zh_hant,
        zh_hans,
        company: false,
        mobile: Some(mobile),
        account,
        open: true,
        balances,
        address: SZ,
    };
    SampleBank {
        bic: "WUTGCNBSXXX",
        name: forms("Wutong Bank", "梧桐銀行", "梧桐银行"),
        town: "Shenzhen",
        accent: Accent::Wutong,
        currencies: vec![CNY, HKD],
        customers: vec![
            person("wangfang", "WANG Fang", "王芳", "王芳", "+86-13900020001", "6228480010020001", &[(CNY, 2_075_500)]),
            person("jianguo", "CHEN Jianguo", "陳建國", "陈建国", "+86-13900020002", "6228480010020002", &[(CNY, 15_300_000)]),
            person(
                "liuyang",
                "LIU Yang",
                "劉洋",
                "刘洋",
                "+86-13900020003",
                "6228480010020003",
                &[(CNY, 845_000), (HKD, 320_000)],
            ),
            SampleCustomer {
                sign_in: "clinic",
                name: "Wutong Riverside Clinic",
                zh_hant: "梧桐河畔診所",
                zh_hans: "梧桐河畔诊所",
                company: true,
                mobile: Some("+86-13900020004"),
                account: "4403008800000001",
                open: true,
                balances: &[(CNY, 61_000_000)],
                address: SZ,
            },
        ],
        rates: Vec::new(),
    }
}

/// An invented number, which no document has: made of the account's.
fn document(customer: &SampleCustomer) -> String {
    format!("SAMPLE{}", customer.account)
}

/// Standing rates of a provider. The second provider is a little dearer one way and cheaper the other, so that they compete.
fn rates(provider: u64) -> Vec<RateCard> {
    // Numerator at four decimals, credit units for one debit unit; what the provider may give at most.
    let table: [(CurrencyCode, CurrencyCode, [u64; 2], u64); 10] = [
        (HKD, CNY, [9216, 9211], 500_000_000),
        (CNY, HKD, [10_802, 10_814], 500_000_000),
        (USD, HKD, [77_790, 77_780], 300_000_000),
        (HKD, USD, [1283, 1284], 50_000_000),
        (EUR, HKD, [84_310, 84_330], 300_000_000),
        (HKD, EUR, [1184, 1183], 50_000_000),
        (USD, CNY, [71_690, 71_720], 300_000_000),
        (CNY, USD, [1393, 1392], 50_000_000),
        (EUR, CNY, [77_730, 77_700], 300_000_000),
        (CNY, EUR, [1284, 1285], 50_000_000),
    ];
    let currency = |code| *CURRENCIES.iter().find(|known| known.code == code).expect("a currency of the scheme");
    let cards = table.iter().map(|(debit, credit, numerators, credit_max_minor)| RateCard {
        debit: currency(*debit),
        credit: currency(*credit),
        rate: Rate::new(numerators[provider as usize % 2], 4).expect("positive with four decimals"),
        spread_ppm: 1_500,
        credit_max_minor: *credit_max_minor,
    });
    cards.collect()
}

/// The books' beginning. Takes about a tenth of a second a customer: passwords are hashed.
pub(crate) fn seed_of(customers: &[SampleCustomer], currencies: &[Currency]) -> Seed {
    let mut seed = Seed::default();
    for sample in customers {
        let of_currency = |code: &CurrencyCode| currencies.iter().find(|currency| currency.code == *code).copied();
        let balances =
            sample.balances.iter().filter_map(|(code, minor)| Some(Amount::from_minor(*minor, of_currency(code)?))).collect();
        seed.accounts.push((sample.account.to_owned(), sample.sign_in.to_owned(), balances, sample.open));
        seed.customers.push(Customer {
            sign_in: sample.sign_in.to_owned(),
            name: sample.name.to_owned(),
            name_zh_hant: Some(sample.zh_hant.to_owned()),
            name_zh_hans: Some(sample.zh_hans.to_owned()),
            town: sample.address.0.to_owned(),
            country: sample.address.1.to_owned(),
            company: sample.company,
            document: Some(document(sample)),
            mobile: sample.mobile.map(str::to_owned),
            email: Some(format!("{}@sample.example", sample.sign_in)),
            scheme_id: None,
            accounts: vec![sample.account.to_owned()],
            password: PasswordHash::of(SAMPLE_PASSWORD),
        });
    }
    seed
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn nothing_is_taken_twice() {
        let banks = sample_banks();
        let customers: Vec<_> = banks.iter().flat_map(|bank| &bank.customers).collect();
        let count = customers.len();
        assert_eq!(customers.iter().map(|customer| customer.account).collect::<BTreeSet<_>>().len(), count);
        assert_eq!(customers.iter().map(|customer| customer.sign_in).collect::<BTreeSet<_>>().len(), count);
        let mobiles: Vec<_> = customers.iter().filter_map(|customer| customer.mobile).collect();
        assert_eq!(mobiles.iter().collect::<BTreeSet<_>>().len(), mobiles.len());
        assert!(mobiles.iter().all(|mobile| crate::order::normal_mobile(mobile).as_deref() == Some(*mobile)));
    }

    #[test]
    fn balances_are_in_currencies_of_the_bank() {
        for bank in sample_banks() {
            assert_eq!(bank.bic.len(), 11);
            for (code, _) in bank.customers.iter().flat_map(|customer| customer.balances) {
                assert!(bank.currencies.contains(code), "{} {code}", bank.bic);
            }
        }
    }
}
