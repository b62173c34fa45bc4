use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::Method;
use sha2::Sha256;

use super::StoreAddress;
use super::serving::Serving;
use crate::clients::{AZURITE, NODE, Toolbox};
use crate::http_client::HttpClient;

/// The account that every Azurite has.
const ACCOUNT: &str = "devstoreaccount1";
/// Its key, which Microsoft's documentation names: no secret.
const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
/// When its container is made. It compares with no clock.
const DATE: &str = "Sun, 22 Nov 2026 07:00:00 GMT";
const VERSION: &str = "2023-11-03";

/// Microsoft's own stand-in for Azure Blob Storage.
#[derive(Debug)]
pub struct Azurite {
    serving: Serving,
}

impl Azurite {
    /// Installs it once, and starts it with an empty container, in memory.
    ///
    /// # Panics
    ///
    /// If it cannot be installed or started.
    pub async fn start() -> Self {
        let toolbox = Toolbox::shared();
        let (node, script) = (toolbox.entry_of(&NODE).await, toolbox.entry_of(&AZURITE).await);
        let command = |_: &std::path::Path| {
            let mut command = Command::new(node);
            command
                .arg(script)
                .args(["--blobHost", "127.0.0.1", "--blobPort", "0", "--inMemoryPersistence", "--silent"])
                .args(["--skipApiVersionCheck", "--disableTelemetry"])
                .env_clear();
            command
        };
        let azurite = Self { serving: Serving::start("azurite", command).await };
        azurite.make_container("registry").await;
        azurite
    }

    /// Its container.
    pub fn address(&self) -> StoreAddress {
        StoreAddress::new(
            "az://registry",
            [
                ("azure_storage_endpoint", self.account_url()),
                ("azure_allow_http", "true".to_owned()),
                ("azure_storage_account_name", ACCOUNT.to_owned()),
                ("azure_storage_account_key", KEY.to_owned()),
            ],
        )
    }

    fn account_url(&self) -> String {
        format!("http://{}/{ACCOUNT}", self.serving.address())
    }

    async fn make_container(&self, name: &str) {
        // What is signed: the method, eleven headers that this request does not have, its own headers, its path.
        let signed = format!(
            "PUT{}x-ms-date:{DATE}\nx-ms-version:{VERSION}\n/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container",
            "\n".repeat(12)
        );
        let answer = HttpClient::new(&self.account_url())
            .request(Method::PUT, &format!("/{name}?restype=container"))
            .header("x-ms-date", DATE)
            .header("x-ms-version", VERSION)
            .header("authorization", &format!("SharedKey {ACCOUNT}:{}", signature(&signed)))
            .send()
            .await;
        let _ = answer.assert_status(201);
    }
}

#[expect(clippy::expect_used, reason = "a constant that is no key fails every test")]
fn signature(text: &str) -> String {
    let key = STANDARD.decode(KEY).expect("the key is base64");
    let mut signature = Hmac::<Sha256>::new_from_slice(&key).expect("a key may have any length");
    signature.update(text.as_bytes());
    STANDARD.encode(signature.finalize().into_bytes())
}
