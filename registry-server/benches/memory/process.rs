use anyhow::Context as _;
use registry_testkit::server_process::ServerProcess;

/// The memory that a server has in use, as Linux counts it.
pub(crate) fn resident_megabytes(server: &ServerProcess) -> anyhow::Result<f64> {
    megabytes(server, "VmRSS:")
}

/// What the line of that name in the status of a server's process tells.
pub(crate) fn megabytes(server: &ServerProcess, line: &str) -> anyhow::Result<f64> {
    let path = format!("/proc/{}/status", server.id().context("the server has ended")?);
    let status = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let line = status.lines().find_map(|found| found.strip_prefix(line));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    Ok(kilobytes.with_context(|| format!("{path} does not tell the memory in use"))? / 1024.0)
}
