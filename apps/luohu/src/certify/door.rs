//! The test door of the bank under test: the requests by which the kit acts as its customer and as somebody at the bank, and looks
//! at its books. They are described in `docs/howto/certify.md`.

use crate::web::BankDoor;
use anyhow::{Context, Result};
use hyper::Method;
use money::{Amount, Currency};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How often something is looked at that takes its time.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A customer of the bank under test, signed in.
pub struct Door {
    door: BankDoor,
    /// The account used.
    pub account: String,
    currency: Currency,
}

/// A payment of that customer.
pub struct Ordered<'a> {
    pub amount: &'a str,
    pub agent: &'a str,
    pub payee: &'a str,
    pub name: &'a str,
    /// Currency that arrives.
    pub credit_currency: &'a str,
}

impl Door {
    /// Signs in and takes the first account in the currency.
    pub async fn open(addr: SocketAddr, sign_in: &str, password: &str, currency: Currency) -> Result<Self> {
        let mut door = BankDoor { addr, token: None };
        let credentials = json!({ "name": sign_in, "password": password });
        let session = door.json(Method::POST, "/api/v1/sessions", Some(&credentials)).await.context("signing in")?;
        door.token = Some(session["token"].as_str().context("the answer to a sign-in has no token")?.to_owned());
        let mut opened = Self { door, account: String::new(), currency };
        let accounts = opened.accounts().await?;
        let has = |account: &&Value| pot(account, currency).is_some();
        let found = accounts.iter().find(has).and_then(|account| account["number"].as_str());
        opened.account = found.with_context(|| format!("the customer has no account in {}", currency.code))?.to_owned();
        Ok(opened)
    }

    async fn accounts(&self) -> Result<Vec<Value>> {
        let answer = self.door.json(Method::GET, "/api/v1/account", None).await.context("the customer's accounts")?;
        answer["accounts"].as_array().cloned().context("the bank shows no accounts")
    }

    /// What the customer has, in minor units: available and held.
    pub async fn balance(&self) -> Result<(u64, u64)> {
        let accounts = self.accounts().await?;
        let account =
            accounts.iter().find(|account| account["number"] == self.account.as_str()).context("the account is gone")?;
        let pot = pot(account, self.currency).context("the currency is gone")?;
        let read = |key: &str| -> Result<u64> {
            let text = pot[key].as_str().with_context(|| format!("a balance has no {key}"))?;
            Ok(Amount::parse(text, self.currency).with_context(|| format!("{key} {text}"))?.minor.0)
        };
        Ok((read("available")?, read("held")?))
    }

    /// Waits until the customer has this much available and nothing held; gives what there is after `patience` otherwise.
    pub async fn balance_becomes(&self, wanted: u64, patience: Duration) -> Result<(u64, u64)> {
        let begun = Instant::now();
        loop {
            let now = self.balance().await?;
            if now == (wanted, 0) || begun.elapsed() > patience {
                return Ok(now);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Has the customer pay; the answer is the payment as it stands.
    pub async fn pay(&self, order: &Ordered<'_>) -> Result<Value> {
        let body = json!({
            "from": format!("{}/{}", self.account, self.currency.code), "agent": order.agent, "payee": order.payee,
            "name": order.name, "amount": order.amount, "fixed": "debit", "credit_currency": order.credit_currency,
            "purpose": "GDDS", "note": "Certification", "acknowledge_name": true, "dry_run": false,
        });
        self.door.json(Method::POST, "/api/v1/payments", Some(&body)).await.context("paying")
    }

    /// Asks for something that a test door need not have; `None` if it has not.
    pub async fn wants(&self, path: &str, body: &Value) -> Result<Option<Value>> {
        self.door.json_if_there(Method::POST, path, Some(body)).await.with_context(|| path.to_owned())
    }

    /// How a request to pay stands that the customer made.
    pub async fn request_state(&self, uetr: &str) -> Result<String> {
        let request = self.door.json(Method::GET, &format!("/api/v1/requests/{uetr}"), None).await.context("a request")?;
        Ok(request["state"].as_str().context("a request has no state")?.to_owned())
    }

    /// Waits until a payment has ended as the customer sees it; gives how it stands after `patience` otherwise.
    pub async fn ended(&self, uetr: &str, patience: Duration) -> Result<Value> {
        let begun = Instant::now();
        loop {
            let payment = self.door.json(Method::GET, &format!("/api/v1/payments/{uetr}"), None).await.context("a payment")?;
            let is_final = matches!(payment["state"].as_str(), Some("settled" | "credited" | "rejected"));
            if is_final || begun.elapsed() > patience {
                return Ok(payment);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

fn pot(account: &Value, currency: Currency) -> Option<&Value> {
    account["balances"].as_array()?.iter().find(|pot| pot["currency"] == currency.code.as_str())
}
