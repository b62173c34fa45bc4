use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::Options;

/// What is asked for, again and again.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) url: String,
    pub(crate) headers: Vec<(&'static str, String)>,
}

/// Refuses to begin without the program.
pub(crate) fn require() -> anyhow::Result<()> {
    let found = Command::new("wrk").arg("-v").output();
    found.map(drop).context("wrk is missing; install it with: apt-get install --no-install-recommends wrk")
}

/// Requests in a second, over 32 connections.
pub(crate) fn run(load: &Load, options: &Options) -> anyhow::Result<f64> {
    let mut command = Command::new("wrk");
    // The patience is for a machine that others use too: slowness shows in the rate, and only a failure is to fail.
    command.args(["-t1", "-c32", "--timeout", "60s", &format!("-d{}s", options.seconds)]);
    for (name, value) in &load.headers {
        command.args(["-H", &format!("{name}: {value}")]);
    }
    let output = command.arg(&load.url).output().context("cannot run wrk")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let failed = text.contains("Non-2xx or 3xx responses") || text.contains("Socket errors");
    ensure!(output.status.success() && !failed, "{} did not go well:\n{text}", load.url);
    let rate = text.lines().find_map(|line| line.strip_prefix("Requests/sec:"));
    rate.and_then(|rate| rate.trim().parse().ok()).with_context(|| format!("wrk tells no rate:\n{text}"))
}
