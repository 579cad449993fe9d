//! What `luohu order` is told: the wishes of the scheme's officers.

use clap::{Args, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

/// What can be done with orders.
#[derive(Debug, Subcommand)]
pub enum OrderCommand {
    /// Make an officer's key and print its public half.
    Key(OrderKeyArgs),
    /// Write an order, for officers to sign.
    Draft(OrderDraftArgs),
    /// Say what an order does and who has signed it.
    Show(OrderFileArgs),
    /// Sign an order.
    Sign(OrderSignArgs),
    /// Bring an order that two officers signed to a board.
    Submit(OrderSubmitArgs),
    /// Print the orders in the chain of a system that is not running, who signed them, and what became of them.
    List(OrderListArgs),
}

/// Where the key goes.
#[derive(Debug, Args)]
pub struct OrderKeyArgs {
    /// The file; must not exist.
    pub file: PathBuf,
}

/// Which order.
#[derive(Debug, Args)]
pub struct OrderFileArgs {
    /// The order's file.
    pub order: PathBuf,
}

/// Which orders of the record.
#[derive(Debug, Args)]
pub struct OrderListArgs {
    /// Only those behind this number.
    #[arg(long, default_value_t = 0, value_name = "NUMBER")]
    pub after: u64,
    /// At most so many.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub limit: u16,
    /// Only those that need this role: membership, money, rules, communications or security.
    #[arg(long)]
    pub role: Option<String>,
    /// Only those that this officer signed.
    #[arg(long, value_name = "KEY")]
    pub officer: Option<String>,
    /// Only those that were refused.
    #[arg(long)]
    pub refused: bool,
    /// One JSON object a line.
    #[arg(long)]
    pub json: bool,
}

/// What is wished, and for how long it may be carried out.
#[derive(Debug, Args)]
pub struct OrderDraftArgs {
    /// Address of a board of the chain.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDR:PORT")]
    pub board: SocketAddr,
    /// Hours for which the order is valid.
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u8).range(1..=160))]
    pub hours: u8,
    /// The order's file.
    #[arg(long, default_value = "order.json", value_name = "FILE")]
    pub out: PathBuf,
    /// What is to be done.
    #[command(subcommand)]
    pub wish: Wish,
}

/// What can be ordered.
#[derive(Debug, Subcommand)]
pub enum Wish {
    /// Stop a participant: it neither sends nor receives; payments under way still end.
    Suspend {
        /// Whom.
        bic: String,
    },
    /// Let a participant send and receive again.
    Resume {
        /// Whom.
        bic: String,
    },
    /// Prefunding arrived at the settlement agent.
    Fund(FundArgs),
    /// Prefunding goes back.
    Withdraw(FundArgs),
    /// Register a participant, or change its name or key.
    Register {
        /// TOML with bic, name, key, provides_exchange and currencies.
        file: PathBuf,
    },
    /// Register a participant that has applied; the file is as for register.
    Apply {
        /// TOML with bic, name, key, provides_exchange and currencies.
        file: PathBuf,
    },
    /// Set what a participant may do.
    Standing {
        /// Whose.
        bic: String,
        /// certified, live, receive-only, send-only, suspended or left.
        standing: String,
    },
    /// Announce that a participant is not there: payments to it are rejected at once.
    Offline {
        /// Who.
        bic: String,
        /// First moment (RFC 3339); now if not given.
        #[arg(long)]
        from: Option<String>,
        /// First moment at which it is there again (RFC 3339); nobody knows if not given.
        #[arg(long)]
        until: Option<String>,
    },
    /// A participant is there again.
    Online {
        /// Who.
        bic: String,
    },
    /// Set how long behind settlement payments can be returned and recalled, in days.
    ReturnTerms {
        /// A payment can be returned for so long.
        #[arg(long, default_value_t = 427)]
        return_days: u32,
        /// It can be recalled for so long.
        #[arg(long, default_value_t = 14)]
        recall_days: u32,
        /// The same for fraud.
        #[arg(long, default_value_t = 396)]
        fraud_days: u32,
        /// The creditor agent has so long to answer.
        #[arg(long, default_value_t = 15)]
        answer_days: u32,
    },
    /// Begin a participant's signing key, or end one.
    Key(KeyArgs),
    /// Stop asking a participant that does not answer.
    Breaker {
        /// Payments in a row that must go unanswered; 0: never stop.
        timeouts: u32,
        /// Seconds it is not asked then.
        rest_s: u32,
    },
    /// Set net debit cap, warning levels and reservation of a settlement account; what is not given is zero.
    Liquidity(LiquidityArgs),
    /// Name who settles a currency, and when.
    SettlementAgent(SettlementAgentArgs),
    /// Let a participant settle over another one's account, or change how far.
    Sponsor(SponsorArgs),
    /// Sponsor and participant have settled outside: bring the position towards zero.
    Square(SquareArgs),
    /// End a sponsorship: no new payments, what is under way ends.
    EndSponsor {
        /// Who is sponsored.
        participant: String,
        /// In which currency.
        currency: String,
    },
    /// Let the centre ask for a top-up whenever a settlement account is low.
    TopUp {
        /// Whose account.
        bic: String,
        /// Its currency.
        currency: String,
        /// Not any more.
        #[arg(long)]
        off: bool,
    },
    /// Say in the settlement agent's place what became of a transfer.
    AnswerTransfer {
        /// Its UETR.
        uetr: String,
        /// It has not moved and will not, for this ISO reason.
        #[arg(long, value_name = "CODE")]
        refused: Option<String>,
    },
    /// Replace the officers.
    Officers {
        /// TOML with officers = [["name", "key"], …], all of them.
        file: PathBuf,
    },
    /// Replace the rulebook: corridors, hours, limits.
    Rulebook {
        /// TOML as `luohu rulebook` prints it.
        file: PathBuf,
        /// From when on it holds, as 2027-01-01T00:00:00+08:00; at once without it.
        #[arg(long, value_name = "TIME")]
        from: Option<String>,
    },
    /// Tell all participants something.
    Broadcast {
        /// What, in four capitals or digits, as OUTG or CUTO.
        event: String,
        /// In words, at most 1,000 bytes; it stays in the chain.
        text: String,
    },
    /// Replace the tariff: what payments cost, and who bears it.
    Tariff {
        /// TOML as `luohu tariff` prints it.
        file: PathBuf,
        /// From when on it holds, as 2027-01-01T00:00:00+08:00; at once without it.
        #[arg(long, value_name = "TIME")]
        from: Option<String>,
    },
    /// Set which first payments wait, and whether what risk would review waits.
    CoolingOff {
        /// TOML as in docs/howto/cooling-off.md.
        file: PathBuf,
    },
    /// Set how long, how much and how often money may be reserved by pre-authorisations that are asked for from then on.
    PreauthTerms {
        /// Days from asking to expiry, 1 to 90.
        #[arg(long)]
        days: u16,
        /// Captures of one, 1 to 256.
        #[arg(long)]
        captures: u16,
        /// The most of one, by currency, as HKD=5000.00; where none is given, the rulebook's limits alone hold.
        #[arg(long, value_name = "CODE=AMOUNT")]
        most: Vec<String>,
    },
    /// Set a currency's business days: cut-off, closing time, weekdays, holidays.
    Calendar {
        /// TOML as in docs/howto/business-days.md.
        file: PathBuf,
    },
    /// Send a participant a statement at the end of each business day.
    DayStatements(DayStatementsArgs),
    /// Set how long a creditor agent may review a payment that has settled.
    ReviewTime {
        /// In seconds, up to thirty days.
        seconds: u32,
    },
    /// Replace the nodes from the next epoch on.
    Nodes {
        /// TOML with the list of peers as in the chain file, all of them.
        file: PathBuf,
    },
}

/// How much, whose.
#[derive(Debug, Args)]
pub struct FundArgs {
    /// Whose account.
    pub bic: String,
    /// Its currency.
    pub currency: String,
    /// How much.
    pub amount: String,
    /// The pool of an exchange provider instead of the settlement account.
    #[arg(long)]
    pub exchange: bool,
}

/// Who settles for whom, and how far.
#[derive(Debug, Args)]
pub struct SponsorArgs {
    /// Over whose settlement account.
    pub sponsor: String,
    /// For whom.
    pub participant: String,
    /// In which currency.
    pub currency: String,
    /// How far the position may fall below zero.
    #[arg(long, value_name = "AMOUNT")]
    pub limit: String,
    /// The largest payment it may send.
    #[arg(long, value_name = "AMOUNT")]
    pub most: String,
}

/// A signing key, and when it holds.
#[derive(Debug, Args)]
pub struct KeyArgs {
    /// Whose.
    pub bic: String,
    /// Which one of its keys: the number behind `#` in `keyid`. A new one has the next number.
    pub number: u16,
    /// The public key, 32 bytes in hexadecimal.
    #[arg(long, value_name = "HEX")]
    pub ed25519: Option<String>,
    /// The public key, a compressed point of 33 bytes in hexadecimal.
    #[arg(long, value_name = "HEX")]
    pub p256: Option<String>,
    /// From when messages under it are taken, as 2027-01-01T00:00:00+08:00; at once without it.
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Until when; until further notice without it. A time that has passed ends it at once.
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
}

/// Who gets statements, and for which days.
#[derive(Debug, Args)]
pub struct DayStatementsArgs {
    /// Who.
    pub bic: String,
    /// Of its account in this currency.
    pub currency: String,
    /// First day, as 2027-01-04.
    #[arg(long, default_value = "1970-01-01", value_name = "DATE")]
    pub from: String,
    /// Last day; until further notice without it. One that has passed stops them.
    #[arg(long, value_name = "DATE")]
    pub until: Option<String>,
}

/// What the two settled outside.
#[derive(Debug, Args)]
pub struct SquareArgs {
    /// Who is sponsored.
    pub participant: String,
    /// In which currency.
    pub currency: String,
    /// How much.
    pub amount: String,
    /// Who paid the other: participant or sponsor.
    #[arg(long, value_name = "WHO")]
    pub paid_by: String,
}

/// Who settles a currency.
#[derive(Debug, Args)]
pub struct SettlementAgentArgs {
    /// Who.
    pub bic: String,
    /// Which currency.
    pub currency: String,
    /// Minute of the day at which it opens.
    #[arg(long, default_value_t = 0, value_name = "MINUTE")]
    pub opens: u16,
    /// Minute of the day at which it closes.
    #[arg(long, default_value_t = 1440, value_name = "MINUTE")]
    pub closes: u16,
    /// Minutes its clock is ahead of UTC.
    #[arg(long, default_value_t = 480, allow_hyphen_values = true, value_name = "MINUTES")]
    pub offset: i16,
    /// Weekdays on which it opens, 1 for Monday to 7 for Sunday.
    #[arg(long, default_value = "1234567", value_name = "DAYS")]
    pub weekdays: String,
    /// At other times transfers are refused instead of waiting.
    #[arg(long)]
    pub refuse: bool,
}

/// Terms of a settlement account.
#[derive(Debug, Args)]
pub struct LiquidityArgs {
    /// Whose account.
    pub bic: String,
    /// Its currency.
    pub currency: String,
    /// How far it may fall below zero.
    #[arg(long, value_name = "AMOUNT")]
    pub cap: Option<String>,
    /// The same as millionths of its net prefunding.
    #[arg(long, value_name = "MILLIONTHS", conflicts_with = "cap")]
    pub cap_ppm: Option<u32>,
    /// Room below which it is low.
    #[arg(long, value_name = "AMOUNT")]
    pub floor: Option<String>,
    /// Room at which it is not low any more; the floor if not given.
    #[arg(long, value_name = "AMOUNT")]
    pub target: Option<String>,
    /// Room that only payments of high priority may use.
    #[arg(long, value_name = "AMOUNT")]
    pub reserve: Option<String>,
    /// From when on (RFC 3339); at once if not given.
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
}

/// Which order, whose key.
#[derive(Debug, Args)]
pub struct OrderSignArgs {
    /// The order's file; the signature is added to it.
    pub order: PathBuf,
    /// The officer's key.
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
}

/// Which order, where to.
#[derive(Debug, Args)]
pub struct OrderSubmitArgs {
    /// The order's file.
    pub order: PathBuf,
    /// Address of any board of the chain.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDR:PORT")]
    pub board: SocketAddr,
}
