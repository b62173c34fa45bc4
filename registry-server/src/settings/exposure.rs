use std::net::SocketAddr;

use super::Settings;

/// The server would be open to other machines without access rules.
#[derive(Debug, thiserror::Error)]
#[error(
    "other machines could reach {listen}, and there are no access rules. Write them to the file given with --config, for example:

[[packages]]
match = \"**\"
read = [\"@authenticated\"]
publish = [\"user:ana\"]

Every client that reaches the server may create an account and is then @authenticated, unless you write sign_up = false under [accounts]. Or listen on this machine alone: --listen 127.0.0.1:{}",
    .listen.port()
)]
pub struct ExposureError {
    /// The address that is not loopback.
    pub listen: SocketAddr,
}

impl Settings {
    /// Rejects an address that other machines can reach if there are no access rules.
    pub fn refuse_open_doors(&self) -> Result<(), ExposureError> {
        if self.listen.ip().to_canonical().is_loopback() || !self.registry.packages.is_empty() {
            return Ok(());
        }
        Err(ExposureError { listen: self.listen })
    }
}
