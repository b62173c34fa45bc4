//! Asks a running server whether it is ready, for health checks in an image that contains only the server.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;

use crate::command_line::Overrides;
use crate::condition::{Level, ReadyAnswer, ServerFinding};
use crate::operate::Findings;
use crate::run::print;
use crate::settings::Settings;

/// The timeout of each step: longer than the server waits for its store before it reports that it is not ready.
const PATIENCE: Duration = Duration::from_secs(8);

/// An answer is much shorter; a longer one is not from the server.
const LONGEST_ANSWER: u64 = 16 << 10;

/// What came of the question.
#[derive(Serialize)]
struct Told<'a> {
    address: SocketAddr,
    ready: bool,
    /// What the server says is wrong.
    findings: &'a [ServerFinding],
    /// Why it is not ready.
    error: Option<String>,
}

/// Asks the server that the configuration describes. Fails if the server is not ready.
pub(crate) fn ask(overrides: &Overrides, json: bool) -> anyhow::Result<()> {
    let address = reachable(Settings::load_for_process(overrides)?.listen);
    let answer = answer_of(address).with_context(|| format!("no server answers at {address}"));
    let (head, body) = answer.as_deref().map_or(("", ""), split);
    let is_ready = head.split(' ').nth(1) == Some("200");
    let told = answer.as_ref().map_err(|error| anyhow::anyhow!("{error:#}"));
    let told = told.and_then(|_| report(address, is_ready, body));
    if !json {
        return print(&told?);
    }
    let findings = serde_json::from_str(body).map(|ReadyAnswer { findings, .. }| findings);
    let error = told.as_ref().err().map(|error| format!("{error:#}"));
    let ready = told.is_ok();
    let told = Told { address, ready, findings: &findings.unwrap_or_default(), error };
    print(&format!("{}\n", serde_json::to_string(&told)?))?;
    if ready { Ok(()) } else { Err(Findings.into()) }
}

fn split(answer: &str) -> (&str, &str) {
    answer.split_once("\r\n\r\n").unwrap_or((answer, ""))
}

/// Returns what to print about a server that is ready, or the error about one that is not.
fn report(address: SocketAddr, is_ready: bool, body: &str) -> anyhow::Result<String> {
    let Ok(ReadyAnswer { findings, .. }) = serde_json::from_str(body) else {
        // Another release, or another program.
        anyhow::ensure!(is_ready, "the server at {address} is not ready: {body}");
        return Ok("ready\n".to_owned());
    };
    let texts = |level| {
        let of_level = findings.iter().filter(move |finding| finding.level == level);
        of_level.map(|finding| finding.message.as_str())
    };
    let mut warnings = String::new();
    for warning in texts(Level::Warning) {
        warnings.push_str("warning: ");
        warnings.push_str(warning);
        warnings.push('\n');
    }
    if is_ready {
        return Ok(format!("ready\n{warnings}"));
    }
    let errors = texts(Level::Error).collect::<Vec<_>>().join("; ");
    let errors = if errors.is_empty() { body } else { &errors };
    anyhow::bail!("the server at {address} is not ready: {errors}{}", with_line_before(&warnings))
}

fn with_line_before(warnings: &str) -> String {
    if warnings.is_empty() { String::new() } else { format!("\n{}", warnings.trim_end()) }
}

fn answer_of(address: SocketAddr) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "GET /-/ready HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(LONGEST_ANSWER).read_to_string(&mut answer)?;
    Ok(answer)
}

/// A server that listens on all addresses also listens on loopback.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let address = match listen.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        other => other,
    };
    SocketAddr::new(address, listen.port())
}
