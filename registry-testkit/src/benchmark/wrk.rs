use std::process::Command;

use anyhow::{Context as _, ensure};

/// What is asked for, again and again.
#[derive(Debug, Clone)]
pub struct Load {
    /// The whole URL.
    pub url: String,
    /// Headers of each request.
    pub headers: Vec<(&'static str, String)>,
}

/// How `wrk` asks.
#[derive(Debug, Clone, Copy)]
pub struct Wrk {
    /// How many connections ask at the same time.
    pub connections: usize,
    /// For how long.
    pub seconds: u64,
}

/// What `wrk` tells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Answers in a second; zero where none came in time.
    pub requests_per_second: f64,
    /// What 99 of 100 answers stayed below, in milliseconds.
    pub p99_milliseconds: f64,
}

impl Wrk {
    /// Refuses to begin without the program.
    pub fn require() -> anyhow::Result<()> {
        let found = Command::new("wrk").arg("-v").output();
        found
            .map(drop)
            .context("wrk is missing; install it with: apt-get install --no-install-recommends wrk")
    }

    /// The command to run, for a developer who wants to watch it.
    pub fn command(&self, load: &Load) -> Command {
        let Self { connections, seconds } = self;
        let mut command = Command::new("wrk");
        // The patience is for a machine that others use too: slowness shows in the rate, and only a failure is to fail.
        command.args(["-t1", "--latency", "--timeout", "60s"]);
        command.args([format!("-c{connections}"), format!("-d{seconds}s")]);
        for (name, value) in &load.headers {
            command.args(["-H", &format!("{name}: {value}")]);
        }
        command.arg(&load.url);
        command
    }

    /// Runs it to its end. An error where any answer was none of success.
    pub fn run(&self, load: &Load) -> anyhow::Result<Measured> {
        let output = self.command(load).output().context("cannot run wrk")?;
        let text = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "{} did not go well:\n{text}", load.url);
        parse(&text).with_context(|| format!("{} did not go well", load.url))
    }
}

fn parse(text: &str) -> anyhow::Result<Measured> {
    let failed = text.contains("Non-2xx or 3xx responses") || text.contains("Socket errors");
    ensure!(!failed, "some requests failed:\n{text}");
    let value = |label: &str| text.lines().find_map(|line| line.trim().strip_prefix(label)).map(str::trim);
    let rate = value("Requests/sec:").and_then(|rate| rate.parse().ok());
    let p99 = value("99%").and_then(milliseconds);
    Ok(Measured {
        requests_per_second: rate.with_context(|| format!("wrk tells no rate:\n{text}"))?,
        p99_milliseconds: p99.with_context(|| format!("wrk tells no latency:\n{text}"))?,
    })
}

/// `wrk` writes `87.00us`, `1.23ms`, `4.56s`, `1.50m`.
fn milliseconds(text: &str) -> Option<f64> {
    let (number, unit) = text.split_at(text.find(|letter: char| letter.is_ascii_alphabetic())?);
    let factor = match unit {
        "us" => 0.001,
        "ms" => 1.0,
        "s" => 1000.0,
        "m" => 60_000.0,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `wrk` 4.1 prints it.
    const PRINTED: &str = "Running 1s test @ http://127.0.0.1:4873/pear
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.21ms  400.00us   9.93ms   88.10%
    Req/Sec    26.32k     1.50k   28.99k    70.00%
  Latency Distribution
     50%    1.10ms
     75%    1.31ms
     90%    1.55ms
     99%    2.75ms
  26190 requests in 1.00s, 99.10MB read
Requests/sec:  26189.77
Transfer/sec:     99.10MB
";

    #[test]
    fn rate_and_p99_are_read() {
        let expected = Measured { requests_per_second: 26_189.77, p99_milliseconds: 2.75 };
        assert_eq!(parse(PRINTED).unwrap(), expected);
    }

    #[test]
    fn every_unit_of_time_is_known() {
        let read: Vec<_> = ["125.00us", "1.23ms", "4.50s", "1.50m", "1.0h", "-"].map(milliseconds).to_vec();
        assert_eq!(
            read,
            [Some(0.125), Some(1.23), Some(4500.0), Some(90_000.0), None, None],
            "in milliseconds"
        );
    }

    #[test]
    fn failed_requests_are_no_measurement() {
        let failed = format!("{PRINTED}  Non-2xx or 3xx responses: 3\n");
        assert!(parse(&failed).unwrap_err().to_string().starts_with("some requests failed"));
        assert!(parse("").unwrap_err().to_string().starts_with("wrk tells no rate"));
    }
}
