//! A server on a folder of its own, and people who use it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use futures::TryStreamExt as _;
use registry_core::storage::{BlobPrefix, BlobStore};
use registry_testkit::clients::{Answer, Client, CommandOutput, Npm, PackageFolder, PinnedClient, Screen};
use registry_testkit::http_client::HttpClient;
use registry_testkit::server_process::ServerProcess;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

/// The password of everybody here.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// How long what comes after the path of a login's page is.
const SESSION: usize = 10 + 1 + 32 + 1 + 40;

/// A server and its folder. Both go when it is dropped.
pub(crate) struct Registry {
    pub(crate) server: ServerProcess,
    pub(crate) storage: TempDir,
}

impl Registry {
    /// A server with nothing set but its folder, and nothing in the folder.
    pub(crate) async fn start() -> Self {
        let storage = TempDir::with_prefix("storage-").unwrap();
        let server = start_server(storage.path()).await;
        Self { server, storage }
    }

    /// The same with the text of a `registry.toml`.
    pub(crate) async fn configured(config: &str) -> Self {
        let storage = TempDir::with_prefix("storage-").unwrap();
        let binary = Path::new(env!("CARGO_BIN_EXE_registry-server"));
        let server = ServerProcess::start(binary, &["--config", config], storage.path()).await;
        Self { server, storage }
    }

    /// The folder that everything is stored in.
    pub(crate) fn storage(&self) -> &Path {
        self.storage.path()
    }

    /// Plain HTTP to the server.
    pub(crate) fn http(&self) -> HttpClient {
        HttpClient::new(self.server.base_url())
    }

    /// npm, signed in nowhere.
    pub(crate) async fn stranger(&self) -> Npm {
        Npm::new(self.server.base_url()).await
    }

    /// npm, signed in as a new user.
    pub(crate) async fn user(&self, name: &str) -> Npm {
        let token = sign_up(&self.http(), name).await;
        Npm::with_token(self.server.base_url(), &token).await
    }

    /// This npm, signed in as a new user.
    pub(crate) async fn user_of(&self, npm: &PinnedClient, name: &str) -> Npm {
        let token = sign_up(&self.http(), name).await;
        npm_with_token(npm, self.server.base_url(), &token).await
    }
}

/// This npm in a fresh home, signed in with `token`.
pub(crate) async fn npm_with_token(npm: &PinnedClient, base_url: &str, token: &str) -> Npm {
    Npm::from(Client::with_token(npm, base_url, token).await)
}

/// Makes tests out of functions that take the npm to use: one with npm 11, and one with npm 12, which runs on request.
/// They differ little in what they send and in what they print, and `npm_12.rs` holds what npm 12 is used for most.
macro_rules! with_each_npm {
    ($($test:ident),+ $(,)?) => {
        mod npm_11 {
            $(#[tokio::test]
            async fn $test() {
                super::$test(&registry_testkit::clients::NPM).await;
            })+
        }
        mod npm_12 {
            $(#[tokio::test]
            #[ignore = "npm 11 shows nearly the same: run it with `cargo test -p registry-server npm_12 -- --ignored`"]
            async fn $test() {
                super::$test(&registry_testkit::clients::NPM_12).await;
            })+
        }
    };
}
pub(crate) use with_each_npm;

/// The server under test, on `storage`.
pub(crate) async fn start_server(storage: &Path) -> ServerProcess {
    ServerProcess::start(Path::new(env!("CARGO_BIN_EXE_registry-server")), &[], storage).await
}

/// Makes an account and returns its token.
pub(crate) async fn sign_up(http: &HttpClient, name: &str) -> String {
    let account = account(name, PASSWORD);
    let answer = http.put(&user_path(name)).json(&account).send().await.assert_status(201);
    answer.json()["token"].as_str().unwrap().to_owned()
}

/// What npm sends to sign up or to log in.
pub(crate) fn account(name: &str, password: &str) -> Value {
    json!({
        "_id": format!("org.couchdb.user:{name}"),
        "name": name,
        "password": password,
        "email": format!("{name}@registry.example"),
        "type": "user",
        "roles": [],
        "date": "2026-11-22T07:00:00.000Z",
    })
}

/// Where npm sends it.
pub(crate) fn user_path(name: &str) -> String {
    format!("/-/user/org.couchdb.user:{name}")
}

/// Runs a client of the registry at `base_url` while a person opens the page of the login that it prints.
pub(crate) async fn run_with_person(
    base_url: &str,
    client: &Client,
    folder: &Path,
    arguments: &[&str],
    answers: &[Answer<'_>],
    person: impl AsyncFnOnce(&str),
) -> CommandOutput {
    let screen = Screen::new();
    let at_the_browser = async {
        let url = screen.address(&format!("{base_url}/-/v1/login/"), SESSION).await;
        person(&url).await;
    };
    let run = client.run_watched(folder, arguments, answers, &screen);
    let (output, ()) = tokio::join!(run, at_the_browser);
    output
}

/// Publishes a package with `npm publish`.
pub(crate) async fn publish(npm: &Npm, package: &PackageFolder) {
    let folder = npm.home().project(package);
    let _ = npm.run_in(&folder, &["publish"]).await.assert_success();
}

/// What is stored of packages, without what each commit makes anew.
pub(crate) async fn packages(store: &dyn BlobStore) -> BTreeMap<String, Value> {
    let listed: Vec<_> = store.list(&BlobPrefix::ROOT).try_collect().await.unwrap();
    let mut found = BTreeMap::new();
    for blob in listed {
        let path = blob.path.to_string();
        if path.starts_with('_') && !path.starts_with("_spellings/") {
            continue;
        }
        let bytes = store.get(&blob.path).await.unwrap().unwrap().bytes;
        let content = match serde_json::from_slice::<Value>(&bytes) {
            Ok(Value::Object(mut packument)) => {
                forget_what_is_made_anew(&mut packument);
                // When it was applied.
                if let Some(Value::Object(times)) = packument.get_mut("time") {
                    times.shift_remove("modified");
                }
                Value::Object(packument)
            }
            _ => bytes.to_vec().into(),
        };
        found.insert(path, content);
    }
    found
}

/// Removes from a stored packument what each commit makes anew. Each storage signs with a key of its own, and no two signatures
/// are alike.
pub(crate) fn forget_what_is_made_anew(packument: &mut Map<String, Value>) {
    for field in ["_rev", "_history", "_outbox"] {
        packument.shift_remove(field);
    }
    // When versions came here.
    if let Some(Value::Object(imported)) = packument.get_mut("_imported") {
        imported.shift_remove("added");
    }
    let versions = packument.get_mut("versions").and_then(Value::as_object_mut);
    for manifest in versions.into_iter().flat_map(Map::values_mut) {
        if let Some(Value::Object(dist)) = manifest.get_mut("dist") {
            dist.shift_remove("signatures");
            dist.shift_remove("sourceSignatures");
        }
    }
}

/// Path below the folder → content, of all files. A running server may take files away in the meantime: those are none.
pub(crate) fn files_below(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fn there<T>(result: std::io::Result<T>) -> Option<T> {
        match result {
            Ok(found) => Some(found),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => panic!("{error}"),
        }
    }
    fn walk(folder: &Path, root: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in there(fs::read_dir(folder)).into_iter().flatten().filter_map(there) {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, root, found);
            } else if let Some(content) = there(fs::read(&path)) {
                found.insert(path.strip_prefix(root).unwrap().to_string_lossy().into_owned(), content);
            }
        }
    }
    assert!(folder.is_dir(), "{} is no folder", folder.display());
    let mut found = BTreeMap::new();
    walk(folder, folder, &mut found);
    found
}
