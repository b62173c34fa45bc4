use std::fs;
use std::path::{Path, PathBuf};

use registry_testkit::clients::{Client, ClientHome, CommandOutput};

use super::world::printed;

/// Set it to write the tables instead of comparing them.
pub(super) const RENEW: &str = "RENEW_ATTACK_TABLES";
/// The most lines of a failure.
const MOST_LINES: usize = 8;

/// How an install ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    installed: Option<String>,
    succeeded: bool,
    said: Option<String>,
    all: String,
}

impl Outcome {
    pub(super) fn new(installed: Option<String>, output: &CommandOutput, home: &ClientHome) -> Self {
        let all = home.redacted(output);
        Self { installed, succeeded: output.status.success(), said: refusal(&printed(output)), all }
    }

    /// The version that was installed.
    pub(super) fn installed(&self) -> Option<&str> {
        self.installed.as_deref()
    }

    /// Whether it failed and the client named no answer of the registry.
    pub(super) fn fails_without_reason(&self) -> bool {
        !self.succeeded && self.said.is_none()
    }

    /// What the client says about a failure: the part that the registry said, or its own words.
    pub(super) fn said(&self) -> Option<&str> {
        (!self.succeeded).then(|| self.said.as_deref().unwrap_or("nothing about the reason"))
    }

    /// The outcome, for a cell of a table.
    pub(super) fn cell(&self) -> String {
        match (&self.installed, self.succeeded) {
            (Some(version), true) => format!("installs {version}"),
            (None, false) => match &self.said {
                Some(said) if said.contains("(rule ") => "fails and says why".to_owned(),
                Some(said) if said.contains("403") => "fails with 403".to_owned(),
                Some(said) if said.contains("404") => "fails with 404".to_owned(),
                _ => "fails".to_owned(),
            },
            _ => panic!("{self:?}"),
        }
    }
}

/// Returns the line that says most of why an install failed.
fn refusal(printed: &str) -> Option<String> {
    let lines = || printed.lines().map(str::trim).filter(|line| !line.is_empty());
    let find = |text: &str| lines().find(|line| line.contains(text));
    let line = find("(rule ").or_else(|| find("403")).or_else(|| find("404"))?;
    Some(without_what_varies(line))
}

/// Returns the lines of a failure, without banners, progress, stack traces and what differs from run to run.
pub(super) fn what_it_says(client: &Client, output: &CommandOutput) -> Vec<String> {
    let redacted = client.home().redacted(output);
    let is_said = |line: &&str| {
        let noise = [
            "A complete log",
            "debug-0.log",
            "Progress:",
            "    at ",
            "· Yarn ",
            "└ Completed",
            "┌ ",
            "· Failed with",
            "· Done",
            "bun install v",
            "bun publish v",
            "bun pack v",
            "Resolving",
            "packed ",
            "npm notice\u{20}",
            "Total files",
            "Shasum",
            "Integrity",
            "Unpacked size",
            "Packed size",
            "npm warn",
            "> ",
            "$ ",
            "exit status",
            "--- std",
        ];
        let is_notice = line.contains("is hidden:") || line.contains("looks like");
        !line.trim().is_empty() && (is_notice || !noise.iter().any(|noise| line.contains(noise)))
    };
    let lines = redacted.lines().filter(is_said).take(MOST_LINES);
    lines.map(|line| without_what_varies(line.trim_end())).collect()
}

/// Replaces addresses, and times by the kind of thing that they are.
fn without_what_varies(line: &str) -> String {
    let words = line.split(' ').map(|word| {
        if let Some(at) = word.find("http://127.0.0.1:") {
            let rest = &word[at + "http://127.0.0.1:".len()..];
            let rest = rest.trim_start_matches(|digit: char| digit.is_ascii_digit());
            return format!("{}https://registry.example{rest}", &word[..at]);
        }
        let moment = word.trim_matches(|end: char| !end.is_ascii_alphanumeric());
        if moment.len() >= 20 && moment.parse::<chrono::DateTime<chrono::Utc>>().is_ok() {
            return word.replace(moment, "TIME");
        }
        word.to_owned()
    });
    words.collect::<Vec<_>>().join(" ")
}

fn guide() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/policies.md")
}

/// Compares a part of the guide, which stands between two comments of this name, or writes it.
pub(super) fn compare(name: &str, expected: &str) {
    let text = fs::read_to_string(guide()).unwrap();
    let (begin, end) = (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->"));
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("the guide has no {begin}"));
    let (found, after) = rest.split_once(&end).unwrap_or_else(|| panic!("the guide has no {end}"));
    if std::env::var_os(RENEW).is_some() {
        fs::write(guide(), format!("{before}{begin}{expected}{end}{after}")).unwrap();
        return;
    }
    assert_eq!(found, expected, "if this is as it should be, run the test with {RENEW}=1");
}
