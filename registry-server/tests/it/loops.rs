//! An upstream that leads back to the server, which its settings do not show.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, OnceLock};
use std::thread;

use rustix::process::Signal;

use crate::running::{Running, registry_server, stderr_of_failure};

/// Passes connections on to an address that is told later, as a proxy does.
fn forward(listener: TcpListener, to: Arc<OnceLock<SocketAddr>>) {
    thread::spawn(move || {
        for client in listener.incoming() {
            let Some(server) = to.get().and_then(|address| TcpStream::connect(address).ok()) else { return };
            let client = client.unwrap();
            for (mut from, mut to) in
                [(client.try_clone().unwrap(), server.try_clone().unwrap()), (server, client)]
            {
                thread::spawn(move || io::copy(&mut from, &mut to));
            }
        }
    });
}

#[test]
fn a_request_that_comes_back_through_a_proxy_is_not_sent_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let address = Arc::new(OnceLock::new());
    forward(listener, Arc::clone(&address));
    let server = Running::start(&["--upstream", &proxy]);
    address.set(server.address).unwrap();
    for path in ["/left-pad", "/left-pad/1.0.0", "/left-pad/-/left-pad-1.0.0.tgz", "/-/npm/v1/keys"] {
        let answer = server.get(path);
        assert!(answer.starts_with("HTTP/1.1 508 "), "{path}: {answer}");
        assert!(answer.contains("leads back to it"), "{path}: {answer}");
        assert!(answer.contains("correct the url of the upstream"), "{path}: {answer}");
    }
    // What is hosted here, and what else the server does, needs no upstream.
    assert!(server.get("/-/ready").starts_with("HTTP/1.1 200 "));
}

/// A server whose user has an `.npmrc` that names `registry`.
fn with_npm_configured(registry: &str, listen: &str) -> (tempfile::TempDir, std::process::Command) {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join(".npmrc"), format!("registry={registry}\n")).unwrap();
    let mut command = registry_server(&["--listen", listen, "--storage", "memory:"]);
    command.env("HOME", home.path()).env_remove("npm_config_registry").env_remove("NPM_CONFIG_REGISTRY");
    (home, command)
}

#[test]
fn the_upstream_that_npm_is_configured_with_is_told_with_its_source() {
    let (home, mut command) = with_npm_configured("http://registry.example/", "127.0.0.1:0");
    let server = Running::start_command(&mut command);
    server.signal(Signal::TERM);
    let (_, _, stderr) = server.wait();
    let told = format!("(http://registry.example/, from the file {}/.npmrc)", home.path().display());
    assert!(
        stderr.contains("the upstream is the registry that npm is configured with") && stderr.contains(&told),
        "{stderr}"
    );
}

#[test]
fn a_server_that_npm_is_configured_with_is_not_its_own_upstream() {
    // The port is taken, so that the server ends by itself after it has chosen its upstream.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for host in [address.clone(), address.replace("127.0.0.1", "localhost")] {
        let (home, mut command) = with_npm_configured(&format!("http://{host}/"), &address);
        let stderr = stderr_of_failure(&command.output().unwrap(), 1);
        let told = format!(
            "no upstream, because npm is configured with this server itself (http://{host}/, from the file {}/.npmrc)",
            home.path().display()
        );
        assert!(stderr.contains(&told), "no {told} in {stderr}");
    }
}
