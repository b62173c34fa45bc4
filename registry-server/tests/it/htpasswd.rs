//! Accounts from an htpasswd file, with a real npm.

use std::path::Path;

use base64::Engine as _;
use registry_testkit::clients::{Npm, package};
use registry_testkit::http_client::HttpClient;
use registry_testkit::server_process::ServerProcess;

use crate::running::{run, stderr_of_failure};
use crate::support::publish;

/// The password `secret`.
const BCRYPT: &str = "$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a";

#[tokio::test]
async fn npm_logs_in_and_publishes_with_an_htpasswd_account() {
    let folder = tempfile::tempdir().unwrap();
    let htpasswd = folder.path().join("htpasswd");
    std::fs::write(&htpasswd, format!("ana:{BCRYPT}\n")).unwrap();
    let config = format!(
        "providers = [\"local\", \"htpasswd\"]\naccounts.sign_up = false\nhtpasswd.file = \"{}\"\n",
        htpasswd.display()
    );
    let arguments = ["--config", config.as_str()];
    let binary = Path::new(env!("CARGO_BIN_EXE_registry-server"));
    let server = ServerProcess::start(binary, &arguments, &folder.path().join("storage")).await;

    let npm = Npm::new(server.base_url()).await;
    let _ = npm.login("ana", "secret").await.assert_success();
    assert_eq!(npm.run(&["whoami"]).await.assert_success().stdout.trim(), "ana");
    publish(&npm, &package("pear", "1.0.0")).await;

    // Name and password with each request, as `_auth` in .npmrc.
    let credential = base64::engine::general_purpose::STANDARD.encode("ana:secret");
    let basic = Npm::new(server.base_url()).await;
    let auth = format!(
        "--{}:_auth={credential}",
        server.base_url().trim_start_matches("http:").trim_end_matches('/').to_owned() + "/"
    );
    let package = basic.home().project(&package("pear", "1.1.0"));
    let _ = basic.run_in(&package, &["publish", &auth]).await.assert_success();

    // A name in the file cannot be signed up.
    let http = HttpClient::new(server.base_url());
    let wrong = crate::support::account("ana", "another");
    let _ = http.put(&crate::support::user_path("ana")).json(&wrong).send().await.assert_status(401);

    std::fs::write(&htpasswd, format!("ben:{BCRYPT}\n")).unwrap();
    let gone = http.get("/-/whoami").header("authorization", &format!("Basic {credential}")).send().await;
    let _ = gone.assert_status(401);
    assert!(!server.stderr().contains("secret"));
    assert!(server.stop().await.success());
}

#[test]
fn sign_up_beside_the_file_keeps_the_server_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    let htpasswd = folder.path().join("htpasswd");
    std::fs::write(&htpasswd, format!("ana:{BCRYPT}\n")).unwrap();
    for providers in
        ["", "providers = [\"local\", \"htpasswd\"]\n", "providers = [\"htpasswd\", \"local\"]\n"]
    {
        let config = format!("{providers}htpasswd.file = \"{}\"\n", htpasswd.display());
        let start = ["--config", &config, "--listen", "127.0.0.1:0", "--storage", "memory:", "--log", "off"];
        let check = ["config", "check", "--config", &config];
        for arguments in [&start[..], &check[..]] {
            let stderr = stderr_of_failure(&run(arguments), 1);
            assert!(stderr.contains("sign_up = false"), "{stderr}");
        }
    }
}

#[test]
fn a_bad_line_keeps_the_server_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    let htpasswd = folder.path().join("htpasswd");
    std::fs::write(&htpasswd, format!("ana:{BCRYPT}\nben:hunter2\n")).unwrap();
    let config = format!("providers = [\"htpasswd\"]\nhtpasswd.file = \"{}\"\n", htpasswd.display());
    let output =
        run(&["--config", &config, "--listen", "127.0.0.1:0", "--storage", "memory:", "--log", "off"]);
    let stderr = stderr_of_failure(&output, 1);
    assert!(stderr.contains("line 2: the password of ben is plain text"), "{stderr}");
    assert!(!stderr.contains("hunter2"), "{stderr}");
}
