//! The report in a real browser: it runs under its own policy, can be clicked through, and fits a phone.
//!
//! Speaks the WebDriver protocol to `chromedriver`. Where that or a browser is missing, the test says so and passes.
//! Start at [`Browser`].

use crate::support::{Scratch, quickstart, run};
use boxherd::report::html;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// No step takes so long, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A headless browser and its driver, which end with it.
struct Browser {
    driver: Child,
    port: u16,
    session: String,
}

impl Browser {
    /// Nothing where there is none.
    fn start(scratch: &Scratch, dark: bool) -> Option<Browser> {
        let mut driver = Command::new("chromedriver")
            .args(["--port=0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let output = BufReader::new(driver.stdout.take().expect("piped"));
        let port = output.lines().map_while(Result::ok).find_map(|line| {
            line.strip_prefix("ChromeDriver was started successfully on port ")?
                .trim_end_matches('.')
                .parse()
                .ok()
        });
        let mut browser = Browser { driver, port: port?, session: String::new() };
        let profile = format!("--user-data-dir={}", scratch.path().join("profile").display());
        let theme = format!("--blink-settings=preferredColorScheme={}", if dark { 0 } else { 1 });
        let quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync"];
        let basic = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"];
        let arguments: Vec<&str> = [&basic[..], &quiet[..], &[&profile, &theme]].concat();
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": arguments}, "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        browser.session = browser.call("POST", "/session", &wanted)["sessionId"].as_str()?.to_owned();
        Some(browser)
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = body.to_string();
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the driver listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time that is not zero");
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).expect("the driver reads");
        // The driver keeps the connection open: what it says ends where its length says so.
        let mut answer = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            answer.read_line(&mut line).expect("the driver answers");
            if line.trim().is_empty() {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().expect("a number");
            }
        }
        let mut body = vec![0; length];
        answer.read_exact(&mut body).expect("the driver answers whole");
        let answer: Value = serde_json::from_slice(&body).expect("JSON");
        answer["value"].clone()
    }

    fn command(&self, name: &str, body: &Value) -> Value {
        self.call("POST", &format!("/session/{}/{name}", self.session), body)
    }

    /// What the function body gives back in the page.
    fn evaluate(&self, script: &str) -> Value {
        self.command("execute/sync", &json!({"script": script, "args": []}))
    }

    fn click(&self, selector: &str) {
        let found = self.command("element", &json!({"using": "css selector", "value": selector}));
        let id = found.as_object().and_then(|o| o.values().next()).and_then(Value::as_str);
        let id = id.unwrap_or_else(|| panic!("no {selector}: {found}"));
        let answer = self.command(&format!("element/{id}/click"), &json!({}));
        assert!(answer.is_null(), "{selector}: {answer}");
    }

    /// Errors that the browser logged: a blocked script, a request that was refused.
    fn complaints(&self) -> Vec<String> {
        let log = self.command("se/log", &json!({"type": "browser"}));
        let entries = log.as_array().cloned().unwrap_or_default();
        entries.iter().map(|entry| entry["message"].to_string()).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            self.call("DELETE", &format!("/session/{}", self.session), &json!({}));
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

#[test]
fn the_report_can_be_clicked_through_in_light_and_dark_and_fits_a_phone() {
    let scratch = Scratch::new("browser");
    let results = run(&quickstart(&["run.length=2d", "run.replications=2"]));
    let file = scratch.write("report.html", &html::page(&results));
    for dark in [false, true] {
        let Some(browser) = Browser::start(&scratch, dark) else {
            eprintln!("skipped: chromedriver or a browser is not installed");
            return;
        };
        browser.command("url", &json!({"url": format!("file://{}", file.display())}));

        // The theme is the reader's: ink on paper is dark on light, or light on dark.
        let paper =
            browser.evaluate("return getComputedStyle(document.querySelector('section')).backgroundColor");
        assert_eq!(paper, if dark { "rgb(28, 29, 32)" } else { "rgb(255, 255, 255)" });

        // The script runs under the policy: there is a plot, and choosing another measure draws another.
        let title = "return document.querySelector('.u-label').textContent + document.querySelectorAll('canvas').length";
        let before =
            browser.evaluate("return document.querySelector('#measure').selectedOptions[0].textContent");
        assert_eq!(browser.evaluate(title), "time1", "one plot with a legend");
        browser.click("#measure option:nth-child(3)");
        let after =
            browser.evaluate("return document.querySelector('#measure').selectedOptions[0].textContent");
        assert_ne!(before, after);
        // A service has no machines of its own.
        browser.click("#scope option:nth-child(2)");
        let offered = browser
            .evaluate("return [...document.querySelectorAll('#measure option')].map(o => o.textContent)");
        assert!(!offered.to_string().contains("VMs"), "{offered}");

        // What is folded opens.
        let shows = "return document.querySelector('#cost table').checkVisibility()";
        assert_eq!(browser.evaluate(shows), false);
        browser.click("#cost summary");
        assert_eq!(browser.evaluate(shows), true);

        // No sideways scrolling of the page on a phone: wide things scroll within themselves.
        for width in [360, 1200] {
            let frame = json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": true});
            browser.command(
                "goog/cdp/execute",
                &json!({"cmd": "Emulation.setDeviceMetricsOverride", "params": frame}),
            );
            let wide = browser.evaluate("return document.documentElement.scrollWidth");
            assert!(wide.as_i64().is_some_and(|wide| wide <= width), "{wide} at {width}");
        }
        assert_eq!(browser.complaints(), Vec::<String>::new());
    }
}
