//! Asks a running server whether it is ready, for health checks in an image that contains only the server.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::Context as _;

use crate::command_line::Overrides;
use crate::run::print;
use crate::settings::Settings;

/// The timeout of each step: longer than the server waits for its store before it reports that it is not ready.
const PATIENCE: Duration = Duration::from_secs(8);

/// An answer is much shorter; a longer one is not from the server.
const LONGEST_ANSWER: u64 = 4096;

/// Asks the server that the configuration describes. Fails if the server is not ready.
pub(crate) fn ask(overrides: &Overrides) -> anyhow::Result<()> {
    let address = reachable(Settings::load_for_process(overrides)?.listen);
    let answer = answer_of(address).with_context(|| format!("no server answers at {address}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    if head.split(' ').nth(1) != Some("200") {
        anyhow::bail!("the server at {address} is not ready: {body}");
    }
    print("ready\n")
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
