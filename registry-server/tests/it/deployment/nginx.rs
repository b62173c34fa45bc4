//! `examples/docker/nginx.conf` in front of two servers, over TLS.

use std::path::Path;
use std::process::Command;

use registry_testkit::benchmark::{Process, free_port};
use registry_testkit::clients::{Client, NPM, package};
use registry_testkit::http_client::HttpClient;
use registry_testkit::machine_tools::find_or_skip;
use registry_testkit::server_process::ServerProcess;
use tempfile::TempDir;

use super::text_of;
use crate::support::sign_up;

/// The file as it is, but for addresses and folders of this test.
fn configuration(folder: &Path, port: u16, servers: &[ServerProcess]) -> String {
    let replace = |text: String, from: &str, to: &str| {
        assert_eq!(text.matches(from).count(), 1, "{from}");
        text.replace(from, to)
    };
    let addresses: Vec<_> =
        servers.iter().map(|server| server.base_url().trim_start_matches("http://")).collect();
    let text = text_of("docker/nginx.conf");
    let text = replace(text, "server registry:4873;", &format!("server {};", addresses.join("; server ")));
    let text = replace(text, "listen 443 ssl;", &format!("listen 127.0.0.1:{port} ssl;"));
    let folder = folder.display();
    let text = text.replace("/etc/nginx/certificates", &folder.to_string());
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {folder}/{kind};"))
        .join("\n");
    format!(
        "daemon off;\npid {folder}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}\n{text}\n}}\n"
    )
}

fn start_nginx(nginx: &Path, folder: &Path, port: u16, servers: &[ServerProcess]) -> Process {
    let names = ["127.0.0.1".to_owned(), "npm.example.com".to_owned()];
    let certificate = rcgen::generate_simple_self_signed(names).unwrap();
    std::fs::write(folder.join("npm.example.com.crt"), certificate.cert.pem()).unwrap();
    std::fs::write(folder.join("npm.example.com.key"), certificate.signing_key.serialize_pem()).unwrap();
    let file = folder.join("nginx.conf");
    std::fs::write(&file, configuration(folder, port, servers)).unwrap();
    let mut command = Command::new(nginx);
    command.arg("-p").arg(folder).arg("-c").arg(&file).args(["-e", "stderr"]);
    Process::start(&mut command, port, &folder.join("log")).unwrap()
}

#[tokio::test]
async fn a_scoped_package_passes_through_nginx_over_tls() {
    let Some(nginx) = find_or_skip("nginx", "apt-get install --no-install-recommends nginx-light") else {
        return;
    };
    let (storage, folder) =
        (TempDir::with_prefix("storage-").unwrap(), TempDir::with_prefix("nginx-").unwrap());
    // As root, nginx works as an unprivileged user.
    let open = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).unwrap();
    // Where clients are is to be learned from nginx, port and all.
    let settings = text_of("systemd/registry.toml");
    let public_url = "public_url = \"https://npm.example.com\"\n";
    assert!(settings.contains(public_url));
    let settings = settings.replace(public_url, "");
    let binary = Path::new(env!("CARGO_BIN_EXE_registry-server"));
    let mut servers = Vec::new();
    for _ in 0..2 {
        servers.push(ServerProcess::start(binary, &["--config", &settings], storage.path()).await);
    }
    let port = free_port().unwrap();
    let _nginx = start_nginx(&nginx, folder.path(), port, &servers);

    let token = sign_up(&HttpClient::new(servers[0].base_url()), "ana").await;
    let base_url = format!("https://127.0.0.1:{port}");
    let npm = Client::with_token(&NPM, &base_url, &token).await;
    let trusted = folder.path().join("npm.example.com.crt");
    let npm = npm.with_variable("NODE_EXTRA_CA_CERTS", trusted.to_str().unwrap());
    let pear = npm.home().project(&package("@acme/pear", "1.0.0"));
    let _ = npm.run_in(&pear, &["publish"]).await.assert_success();
    let app = npm.home().project(&package("app", "1.0.0").dependency("@acme/pear", "1.0.0"));
    let _ = npm.run_in(&app, &["install"]).await.assert_success();
    let lock = std::fs::read_to_string(app.join("package-lock.json")).unwrap();
    assert!(lock.contains(&format!("\"{base_url}/@acme/pear/-/pear-1.0.0.tgz\"")), "{lock}");

    let logs: Vec<String> = servers.iter().map(ServerProcess::stderr).collect();
    assert!(logs.iter().any(|log| log.contains("path=/@acme%2fpear")), "{}", logs.concat());
    assert!(logs.iter().all(|log| log.contains("status=")), "each server has had requests: {logs:?}");
}
