use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use rcgen::{KeyPair, PKCS_ED25519, PublicKeyData as _, SigningKey as _};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::loopback_server::{LoopbackPort, LoopbackServer};

const KEY: &str = "test";
const EXPIRES: &str = "2090-01-01T00:00:00Z";

/// Leads Sigstore's client of TUF repositories, in npm, to another repository. npm has no setting for it.
const PRELOAD: &str = r"
const Module = require('module');
const load = Module._load;
Module._load = function (request, ...rest) {
  const loaded = load.call(this, request, ...rest);
  if (request !== '@sigstore/tuf') return loaded;
  const at = { mirrorURL: process.env.TEST_TUF_URL, rootPath: process.env.TEST_TUF_ROOT };
  return {
    ...loaded,
    initTUF: (options) => loaded.initTUF({ ...options, ...at }),
    getTrustedRoot: (options) => loaded.getTrustedRoot({ ...options, ...at }),
  };
};
";

/// A TUF repository on this machine, as the one that npm asks for Sigstore's trust root.
#[derive(Debug)]
pub struct TestTuf {
    server: LoopbackServer,
    folder: TempDir,
}

impl TestTuf {
    /// A repository with this trust root.
    ///
    /// # Panics
    ///
    /// If there is no port, or no temporary folder.
    pub async fn start(trusted_root: &Value) -> Self {
        let (files, root) = repository(&trusted_root.to_string());
        let files = Arc::new(files);
        let answer = move |request: http::Request<hyper::body::Incoming>| {
            let found = files.get(request.uri().path().trim_start_matches('/')).cloned();
            async move {
                let mut response = Response::new(Full::new(found.clone().unwrap_or_default()));
                if found.is_none() {
                    *response.status_mut() = StatusCode::NOT_FOUND;
                }
                Ok(response)
            }
        };
        let server = LoopbackPort::open().await.serve(answer);
        let folder = TempDir::with_prefix("tuf-").unwrap_or_else(|error| panic!("no folder: {error}"));
        let tuf = Self { server, folder };
        for (path, content) in [(tuf.root(), root.as_bytes()), (tuf.preload(), PRELOAD.as_bytes())] {
            std::fs::write(path, content).unwrap_or_else(|error| panic!("cannot write: {error}"));
        }
        tuf
    }

    /// The variables with which npm asks this repository.
    pub fn variables(&self) -> [(&'static str, String); 3] {
        [
            ("NODE_OPTIONS", format!("--require={}", self.preload().display())),
            ("TEST_TUF_URL", self.server.base_url()),
            ("TEST_TUF_ROOT", self.root().display().to_string()),
        ]
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("root.json")
    }

    fn preload(&self) -> PathBuf {
        self.folder.path().join("preload.cjs")
    }
}

/// Path → file of a repository with one target, and its root.
fn repository(trusted_root: &str) -> (BTreeMap<String, Bytes>, String) {
    let key = KeyPair::generate_for(&PKCS_ED25519).unwrap_or_else(|error| panic!("{error}"));
    let role = json!({ "keyids": [KEY], "threshold": 1 });
    let public = json!({ "keytype": "ed25519", "scheme": "ed25519", "keyval": { "public": const_hex::encode(key.der_bytes()) } });
    let root = signed(
        &key,
        &json!({
            "_type": "root",
            "spec_version": "1.0.0",
            "version": 1,
            "expires": EXPIRES,
            "consistent_snapshot": true,
            "keys": { KEY: public },
            "roles": { "root": role, "timestamp": role, "snapshot": role, "targets": role },
        }),
    );
    let hash = const_hex::encode(Sha256::digest(trusted_root));
    let target = json!({ "length": trusted_root.len(), "hashes": { "sha256": hash } });
    let other = |kind: &str, field: &str, value: Value| {
        let document =
            json!({ "_type": kind, "spec_version": "1.0.0", "version": 1, "expires": EXPIRES, field: value });
        Bytes::from(signed(&key, &document))
    };
    let files = BTreeMap::from([
        (
            "timestamp.json".to_owned(),
            other("timestamp", "meta", json!({ "snapshot.json": { "version": 1 } })),
        ),
        (
            "1.snapshot.json".to_owned(),
            other("snapshot", "meta", json!({ "targets.json": { "version": 1 } })),
        ),
        ("1.targets.json".to_owned(), other("targets", "targets", json!({ "trusted_root.json": target }))),
        (format!("targets/{hash}.trusted_root.json"), Bytes::from(trusted_root.to_owned())),
    ]);
    (files, root)
}

fn signed(key: &KeyPair, document: &Value) -> String {
    let signature =
        key.sign(sorted(document).to_string().as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    json!({ "signatures": [{ "keyid": KEY, "sig": const_hex::encode(signature) }], "signed": document })
        .to_string()
}

/// The fields in the order of their names, as canonical JSON has them.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let sorted: BTreeMap<_, _> =
                fields.iter().map(|(name, value)| (name.clone(), sorted(value))).collect();
            Value::Object(sorted.into_iter().collect::<Map<_, _>>())
        }
        Value::Array(values) => values.iter().map(sorted).collect(),
        other => other.clone(),
    }
}
