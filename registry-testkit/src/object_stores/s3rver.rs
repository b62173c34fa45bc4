use std::process::Command;

use super::StoreAddress;
use super::serving::Serving;
use crate::clients::{NODE, S3RVER, Toolbox};

/// A server that speaks S3 and ignores the conditions of writes: what two people write at once, one of them loses.
#[derive(Debug)]
pub struct S3rver {
    serving: Serving,
}

impl S3rver {
    /// Installs it once, and starts it with an empty bucket.
    ///
    /// # Panics
    ///
    /// If it cannot be installed or started.
    pub async fn start() -> Self {
        let toolbox = Toolbox::shared();
        let (node, script) = (toolbox.entry_of(&NODE).await, toolbox.entry_of(&S3RVER).await);
        let command = |folder: &std::path::Path| {
            let mut command = Command::new(node);
            command
                .arg(script)
                .args(["--address", "127.0.0.1", "--port", "0", "--silent", "--no-vhost-buckets"])
                .args(["--configure-bucket", "registry", "--directory"])
                .arg(folder)
                .env_clear();
            command
        };
        Self { serving: Serving::start("s3rver", command).await }
    }

    /// Its bucket.
    pub fn address(&self) -> StoreAddress {
        let endpoint = format!("http://{}", self.serving.address());
        StoreAddress::new(
            "s3://registry",
            [
                ("aws_endpoint", endpoint.as_str()),
                ("aws_allow_http", "true"),
                ("aws_region", "us-east-1"),
                // It knows this one user.
                ("aws_access_key_id", "S3RVER"),
                ("aws_secret_access_key", "S3RVER"),
            ],
        )
    }
}
