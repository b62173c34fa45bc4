/// Probe.
#[derive(Debug)]
pub struct ProbeError;
/// Probe.
pub fn probe() {}
