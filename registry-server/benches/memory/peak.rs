use anyhow::Context as _;
use registry_testkit::server_process::ServerProcess;

use crate::process;

/// Begins to look for the most memory anew.
pub(crate) fn forget(server: &ServerProcess) -> anyhow::Result<()> {
    let path = format!("/proc/{}/clear_refs", server.id().context("the server has ended")?);
    std::fs::write(&path, "5").with_context(|| format!("cannot write to {path}"))
}

/// The most memory that the server had in use since then.
pub(crate) fn megabytes(server: &ServerProcess) -> anyhow::Result<f64> {
    process::megabytes(server, "VmHWM:")
}
