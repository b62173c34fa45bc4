//! A server that is for this machine alone is reached by the names of this machine alone.

use crate::running::Running;

fn ask(server: &Running, request: &str, headers: &str) -> String {
    server.ask(&format!("{request} HTTP/1.1\r\n{headers}connection: close\r\n\r\n"))
}

#[track_caller]
fn assert_status(answer: &str, status: u16, what: &str) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{what}: {answer}");
}

#[test]
fn a_name_that_a_stranger_gave_this_machine_reaches_nothing() {
    let server = Running::start(&[]);
    let body = "{\"name\":\"eve\",\"password\":\"long enough\"}";
    let sign_up = format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
    for host in
        ["evil.example", "evil.example:4873", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1"]
    {
        for path in ["/", "/pear", "/-/ping", "/-/ready", "/-/metrics", "/-/v1/search?text=pear"] {
            let refused = ask(&server, &format!("GET {path}"), &format!("host: {host}\r\n"));
            assert_status(&refused, 421, &format!("{path} of {host}"));
            assert!(refused.contains("hosts = [") && refused.contains("public_url"), "{refused}");
        }
        let head =
            format!("host: {host}\r\norigin: http://{host}\r\n{sign_up}connection: close\r\n\r\n{body}");
        let refused = server.ask(&format!("PUT /-/user/org.couchdb.user:eve HTTP/1.1\r\n{head}"));
        assert_status(&refused, 421, host);
    }
    for host in ["localhost", "LocalHost:1", "127.0.0.1", "127.1.2.3:4873", "[::1]", "npm.localhost"] {
        for path in ["/-/ping", "/-/ready", "/-/metrics"] {
            let answer = ask(&server, &format!("GET {path}"), &format!("host: {host}\r\n"));
            assert_status(&answer, 200, &format!("{path} of {host}"));
        }
    }
}

#[test]
fn unclear_hosts_are_refused_everywhere() {
    let server = Running::start(&[]);
    for path in ["/-/ping", "/-/ready", "/-/metrics"] {
        for headers in [
            "host: localhost\r\nhost: localhost\r\n",
            "host: localhost\r\nhost: evil.example\r\n",
            "host: \r\n",
            "host: localhost:x\r\n",
            "host: ana@localhost\r\n",
        ] {
            assert_status(&ask(&server, &format!("GET {path}"), headers), 400, headers);
        }
        let differing = ask(&server, &format!("GET http://evil.example{path}"), "host: localhost\r\n");
        assert_status(&differing, 400, "an absolute target");
        let foreign = ask(&server, &format!("GET http://evil.example{path}"), "host: evil.example\r\n");
        assert_status(&foreign, 421, "an absolute target");
    }
}

#[test]
fn names_that_the_settings_list_are_answered() {
    let server = Running::start(&["--config", "server.hosts = [\"npm.example\"]"]);
    for (host, status) in
        [("npm.example", 200), ("NPM.example:81", 200), ("localhost", 200), ("evil.example", 421)]
    {
        assert_status(&ask(&server, "GET /-/ping", &format!("host: {host}\r\n")), status, host);
    }
    let server = Running::start(&["--public-url", "https://npm.example"]);
    for host in ["npm.example", "registry", "localhost"] {
        assert_status(&ask(&server, "GET /-/ping", &format!("host: {host}\r\n")), 200, host);
    }
    // What is for this machine alone is not for clients that choose its name.
    assert_status(&ask(&server, "GET /-/metrics", "host: evil.example\r\n"), 403, "metrics");
    assert_status(&ask(&server, "GET /-/metrics", "host: localhost\r\n"), 200, "metrics");
}

#[test]
fn a_page_of_another_site_changes_nothing() {
    let server = Running::start(&[]);
    let host = format!("host: {}\r\n", server.address);
    let own = format!("{host}origin: http://{}\r\n", server.address);
    assert_status(
        &ask(&server, "POST /-/v1/login", &format!("{own}content-length: 0\r\n")),
        200,
        "its own page",
    );
    let foreign = format!("{host}origin: http://evil.example\r\ncontent-length: 0\r\n");
    assert_status(&ask(&server, "POST /-/v1/login", &foreign), 403, "another page");
}

#[test]
fn a_client_in_a_trusted_network_cannot_say_that_it_is_elsewhere() {
    let storage = tempfile::TempDir::with_prefix("storage-").unwrap();
    let url = format!("file:{}", storage.path().display());
    let arguments = ["--listen", "127.0.0.1:0", "--storage", &url];
    let server = Running::start_command(&mut crate::running::registry_server(&arguments));
    let body = "{\"name\":\"ana\",\"password\":\"long enough\"}";
    let head = format!("host: localhost\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    let signed_up = server.ask(&format!("PUT /-/user/org.couchdb.user:ana HTTP/1.1\r\n{head}{body}"));
    assert_status(&signed_up, 201, "sign-up");
    drop(server);
    let made = crate::running::run(&["token", "create", "ana", "--storage", &url, "--cidr=192.0.2.0/24"]);
    let token = String::from_utf8(made.stdout).unwrap();
    let claim = format!(
        "host: localhost\r\nauthorization: Bearer {}\r\nx-forwarded-for: 192.0.2.7\r\n",
        token.trim_end()
    );
    for (settings, status) in [
        ("server.trusted_proxies = [\"127.0.0.0/8\"]", 401),
        ("server.trusted_proxies = [\"127.0.0.0/8\"]\nserver.only_proxies_connect = true", 200),
        ("server.trusted_proxies = [\"127.0.0.1\"]", 200),
        ("server.trusted_proxies = []", 401),
    ] {
        let arguments = ["--config", settings, "--listen", "127.0.0.1:0", "--storage", &url];
        let server = Running::start_command(&mut crate::running::registry_server(&arguments));
        assert_status(&ask(&server, "GET /-/whoami", &claim), status, settings);
    }
}
