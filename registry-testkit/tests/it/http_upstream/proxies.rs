use std::env;

use registry_core::upstream::{HttpUpstreamSettings, Upstream as _};
use tokio::process::Command;

use super::{bounded, connect, fake};

#[tokio::test]
async fn proxies_come_from_the_environment() {
    let proxy = fake().await;
    // The environment is the whole process's, so another process has it.
    let child = Command::new(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "http_upstream::proxies::asks_a_registry_behind_the_proxy"])
        .env_clear()
        .env("http_proxy", proxy.base_url())
        .kill_on_drop(true)
        .output();
    let child = bounded(child).await.unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    let hosts: Vec<_> = proxy.requests().into_iter().map(|request| request.headers["host"].clone()).collect();
    assert_eq!(hosts, ["registry.example"]);
}

#[tokio::test]
#[ignore = "is run by the test above, which sets the environment"]
async fn asks_a_registry_behind_the_proxy() {
    let upstream = connect(HttpUpstreamSettings::new("http://registry.example/".parse().unwrap()));
    assert_eq!(bounded(upstream.keys()).await.unwrap().unwrap(), r#"{"keys":[]}"#);
}
