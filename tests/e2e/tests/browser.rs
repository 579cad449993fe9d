//! The pages in a real browser.

use anyhow::Result;
use e2e::Browser;

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
