//! The pages in a real browser.

use anyhow::{Result, ensure};
use e2e::{Browser, Node, screenshots};
use std::path::PathBuf;

#[test]
fn a_browser_can_be_driven() -> Result<()> {
    let browser = Browser::open(1280, 800, "en")?;
    browser.go("data:text/html,<h1>hello</h1><input id=name>")?;
    browser.fill("#name", "x")?;
    assert_eq!(browser.text_of("h1")?, "hello");
    assert_eq!(browser.script("return document.querySelector('#name').value")?, "x");
    assert_eq!((browser.overflow()?, browser.console_errors()?), (0, Vec::new()));
    browser.go("data:text/html,<div style='width:3000px'>wide</div>")?;
    assert!(browser.overflow()? > 1000);
    Ok(())
}

/// Where the picture of a page is kept, for people to look at.
fn picture(name: &str) -> Result<PathBuf> {
    let folder = screenshots();
    std::fs::create_dir_all(&folder)?;
    Ok(folder.join(format!("{name}.png")))
}

/// No page scrolls sideways, and no script complains.
fn is_sound(browser: &Browser, page: &str) -> Result<()> {
    browser.screenshot(&picture(page)?)?;
    ensure!(browser.overflow()? <= 0, "{page} is {} px too wide", browser.overflow()?);
    let errors = browser.console_errors()?;
    ensure!(errors.is_empty(), "{page}: {errors:?}");
    Ok(())
}

fn sign_in(browser: &Browser, bank: &str) -> Result<()> {
    browser.go(&format!("{bank}/sign-in"))?;
    browser.fill("#name", "taiman")?;
    browser.fill("#password", "luohu-sample")?;
    browser.click("main form button[type=submit]")?;
    browser.wait("signed in", || Ok(!browser.url()?.contains("sign-in")))
}

fn fill_order(browser: &Browser, bank: &str, name: &str, amount: &str) -> Result<()> {
    browser.go(&format!("{bank}/pay"))?;
    browser.choose("#agent", "PENGCNBSXXX")?;
    browser.fill("#payee", "+86-13900010001")?;
    browser.fill("#name", name)?;
    browser.fill("#amount", amount)?;
    browser.choose("#credit_currency", "CNY")
}

/// The whole way of a customer on a telephone, seen by the operator as it happens.
#[test]
fn a_customer_pays_across_and_proves_it() -> Result<()> {
    let node = Node::with_banks()?;
    let bank = format!("http://{}", node.bank(0));
    let board = Browser::open(1280, 800, "en")?;
    board.go(&format!("http://{}/", node.board))?;
    let phone = Browser::open(390, 844, "en")?;
    sign_in(&phone, &bank)?;
    is_sound(&phone, "phone-home")?;

    fill_order(&phone, &bank, "LI Na", "100.00")?;
    is_sound(&phone, "phone-pay")?;
    phone.click("main form button[type=submit]")?;
    phone.wait_for(".countdown")?;
    let left = || -> Result<i64> {
        Ok(phone
            .script("return parseInt(document.querySelector('.countdown').textContent.match(/[0-9]+/)[0])")?
            .as_i64()
            .unwrap_or(0))
    };
    let first = left()?;
    phone.wait("the countdown goes down", || Ok(left()? < first))?;
    ensure!(phone.text()?.contains("LI N*"), "the masked name of the account is shown: {}", phone.text()?);
    is_sound(&phone, "phone-review")?;

    phone.click("#confirm")?;
    phone.wait_for("#progress")?;
    phone.wait_for_text("Credited")?;
    is_sound(&phone, "phone-progress")?;
    let uetr = phone.url()?.rsplit('/').next().unwrap_or_default().to_owned();
    board.wait_for(&format!("tr[data-uetr='{uetr}'][data-state=credited]"))?;
    is_sound(&board, "board")?;

    phone.go(&format!("{bank}/payments/{uetr}/receipt"))?;
    phone.wait_for_text("Verified")?;
    is_sound(&phone, "phone-receipt")?;
    let receipt = phone.script("return document.querySelector('details pre').textContent")?;
    let receipt = receipt.as_str().unwrap_or_default().to_owned();
    verify(&phone, &bank, &receipt, "Verified")?;
    is_sound(&phone, "phone-verify")?;
    verify(&phone, &bank, &receipt.replacen("index 0", "index 1", 1), "Not verified")
}

fn verify(browser: &Browser, bank: &str, receipt: &str, verdict: &str) -> Result<()> {
    browser.go(&format!("{bank}/verify"))?;
    browser.fill("#receipt", receipt)?;
    browser.click("main form button[type=submit]")?;
    browser.wait_for_text(verdict)
}

/// A wrong name is told before anything is paid; a refused payment says why and gives the money back.
#[test]
fn what_goes_wrong_is_told_before_and_after() -> Result<()> {
    let node = Node::with_banks()?;
    let bank = format!("http://{}", node.bank(0));
    let phone = Browser::open(390, 844, "en")?;
    sign_in(&phone, &bank)?;
    fill_order(&phone, &bank, "WANG Wei", "50.00")?;
    phone.click("main form button[type=submit]")?;
    phone.wait_for("input[name=acknowledged]")?;
    is_sound(&phone, "phone-name-differs")?;
    fill_order(&phone, &bank, "LI Na", "0.001")?;
    phone.click("main form button[type=submit]")?;
    phone.wait_for("#amount-fault")?;
    let errors = phone.console_errors()?;
    ensure!(errors.iter().all(|error| error.contains("422")), "{errors:?}");
    let refusing = node.command(&["bank", "fault", "refusing", "--bank", &node.bank(2).to_string()])?;
    ensure!(refusing.status.success(), "{}", String::from_utf8_lossy(&refusing.stderr));
    fill_order(&phone, &bank, "LI Na", "50.00")?;
    phone.click("main form button[type=submit]")?;
    phone.click("#confirm")?;
    phone.wait_for_text("AC06")?;
    is_sound(&phone, "phone-rejected")
}

/// Every page speaks three languages, on a telephone and on a desk.
#[test]
fn pages_speak_three_languages() -> Result<()> {
    let node = Node::with_banks()?;
    let bank = format!("http://{}", node.bank(0));
    let browser = Browser::open(390, 844, "en")?;
    for (tag, words) in [("zh-Hant", "登入"), ("zh-Hans", "登录"), ("en", "Sign in")] {
        browser.go(&format!("{bank}/language/{tag}?back=%2Fsign-in"))?;
        browser.wait_for_text(words)?;
        ensure!(browser.script("return document.documentElement.lang")? == tag, "the page says that it is in {tag}");
        is_sound(&browser, &format!("phone-sign-in-{tag}"))?;
    }
    for (tag, words) in [("zh-Hant", "繁體中文"), ("zh-Hans", "简体中文"), ("en", "English")] {
        browser.go(&format!("http://{}/?lang={tag}", node.board))?;
        browser.wait_for_text(words)?;
        ensure!(browser.script("return document.documentElement.lang")? == tag, "the board says that it is in {tag}");
        is_sound(&browser, &format!("phone-board-{tag}"))?;
    }
    Ok(())
}
