//! The pages in a real browser.

#[test]
fn driver_works() {
    let browser = e2e::Browser::open(1280, 800, "en").unwrap();
    browser.go("data:text/html,<h1>hello</h1><input id=a>").unwrap();
    browser.fill("#a", "x").unwrap();
    assert_eq!(browser.text_of("h1").unwrap(), "hello");
    assert_eq!(browser.overflow().unwrap(), 0);
    browser.screenshot(&e2e::screenshots().join("x.png")).unwrap();
    assert_eq!(browser.console_errors().unwrap(), [""; 0]);
}
