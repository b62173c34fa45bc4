//! Settings that are wrong, misspelled, or protect less than they seem to.

use rustix::process::Signal;

use crate::configuration::{file, stderr_of_failed_check};
use crate::running::{Running, registry_server, run, stderr_of_failure};

#[test]
fn a_variable_that_nothing_reads_is_refused() {
    for (variable, told) in [
        ("REGISTRY_ACCES", "the file that REGISTRY_CONFIG names"),
        ("REGISTRY_STORGAE", "did you mean REGISTRY_STORAGE?"),
        ("REGISTRY_LISTE", "did you mean REGISTRY_LISTEN?"),
        ("REGISTRY_STORAGE_MUST_EXIST", "must_exist = true under [storage]"),
        ("REGISTRY_LAMBDA_RESPONSE", "only registry-lambda reads it"),
        ("REGISTRY_PORT", "remove it"),
    ] {
        let here = ["--listen", "127.0.0.1:0", "--storage", "memory:"];
        for arguments in [&["config", "check"][..], &["serve"], &["log"], &["token", "create", "ana"]] {
            let mut command = registry_server(&[arguments, &here].concat());
            let stderr = stderr_of_failure(&command.env(variable, "s3cret").output().unwrap(), 1);
            assert!(stderr.contains(variable) && stderr.contains(told), "{stderr}");
            assert!(!stderr.contains("s3cret"), "{stderr}");
        }
    }
}

/// Kubernetes sets these for a service that is called `registry`.
#[test]
fn variables_of_orchestrators_do_not_stop_the_start() {
    let mut command = registry_server(&["--listen", "127.0.0.1:0", "--storage", "memory:"]);
    let command = command.envs([
        ("REGISTRY_SERVICE_HOST", "10.0.0.7"),
        ("REGISTRY_SERVICE_PORT", "4873"),
        ("REGISTRY_SERVICE_PORT_HTTP", "4873"),
        ("REGISTRY_PORT", "tcp://10.0.0.7:4873"),
        ("REGISTRY_PORT_4873_TCP", "tcp://10.0.0.7:4873"),
        ("REGISTRY_PORT_4873_TCP_PROTO", "tcp"),
    ]);
    assert!(Running::start_command(command).get("/-/ready").starts_with("HTTP/1.1 200 OK"));
}

/// The configuration is taken, and the operator is told what it does not protect, by a check and by the server.
#[test]
fn what_protects_less_than_it_seems_is_warned_of() {
    let sso = "[openid]\nissuer = \"https://login.example\"\nclient_id = \"registry\"\n[github]\n";
    let rule = "[[packages]]\nmatch = \"**\"\nread = [\"group:github:acme\"]";
    let proxies = "[server]\nonly_proxies_connect = true\ntrusted_proxies = ";
    for (text, told) in [
        (sso.to_owned(), "[github]: organizations is empty"),
        (format!("{sso}organizations = [\"acme\"]"), ""),
        (rule.to_owned(), "read lists \"group:github:acme\""),
        (format!("{rule}\n[github]"), ""),
        (format!("{proxies}[\"10.0.0.0/8\", \"0.0.0.0/0\"]"), "trusted_proxies lists 0.0.0.0/0"),
        (format!("{proxies}[\"::/0\"]"), "trusted_proxies lists ::/0"),
        (format!("{proxies}[\"10.0.0.0/8\"]"), ""),
    ] {
        let top = "listen = \"127.0.0.1:0\"\naccounts.sign_up = false\nstorage.url = \"memory:\"\n";
        let config = file(&format!("{top}{text}"));
        let path = config.path().to_str().unwrap();
        let checked = run(&["config", "check", "--config", path]);
        assert!(checked.status.success(), "{checked:?}");
        let stderr = String::from_utf8_lossy(&checked.stderr);
        assert!(stderr.contains(told) && stderr.is_empty() == told.is_empty(), "{told}: {stderr}");
        let server = Running::start_command(&mut registry_server(&["--config", path, "--log", "warn"]));
        server.signal(Signal::TERM);
        let (_, _, stderr) = server.wait();
        assert!(stderr.contains(told), "{told}: {stderr}");
    }
}

#[test]
fn a_pattern_of_hosts_is_refused() {
    for host in ["*", "*.example.com"] {
        let config = file(&format!("[server]\nhosts = [\"{host}\"]"));
        let stderr = stderr_of_failed_check(config.path().to_str().unwrap());
        assert!(stderr.contains("leave the list empty"), "{stderr}");
    }
}

#[test]
fn misspelled_entries_and_origins_are_told_the_nearest() {
    for (list, told) in [
        ("read = [\"@authenticatd\"]", "write `@authenticated`"),
        ("read = [\"$authenticatd\"]", "write `@authenticated`"),
        ("origin = [\"hosted\", \"intrenal\"]", "did you mean \"internal\"?"),
        ("origin = [\"hostd\"]", "did you mean \"hosted\"?"),
        ("origin = [\"hosted\", \"elsewhere\"]", "write origin = [\"hosted\"]"),
    ] {
        let upstream = "[upstreams.internal]\nurl = \"https://registry.example\"";
        let config = file(&format!("{upstream}\n[[packages]]\nmatch = \"**\"\n{list}"));
        let stderr = stderr_of_failed_check(config.path().to_str().unwrap());
        assert!(stderr.contains(told), "no {told} in {stderr}");
    }
}

/// Commands of operators are for the storage of a server: a wrong path is no new registry.
#[test]
fn commands_begin_no_registry() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    std::fs::write(folder.path().join("pear-1.0.0.tgz"), "").unwrap();
    for place in [&folder.path().join("mistyped"), &empty] {
        let storage = format!("file:{}", place.display());
        for arguments in [
            &["token", "create", "ana"][..],
            &["publish", "pear-1.0.0.tgz", "--as", "ana"],
            &["publish", "pear-1.0.0.tgz", "--as", "ana", "--dry-run"],
            &["log"],
            &["log", "--follow"],
            &["access", "explain", "ana", "read", "pear"],
        ] {
            let mut command =
                registry_server(&[arguments, &["--storage", &storage, "--log", "off"]].concat());
            let stderr = stderr_of_failure(&command.current_dir(&folder).output().unwrap(), 1);
            let told = format!(
                "there is no registry in {storage}: name the server's storage with --storage or --config"
            );
            assert!(stderr.contains(&told), "{arguments:?}: {stderr}");
        }
    }
    assert!(!folder.path().join("mistyped").exists());
    assert_eq!(empty.read_dir().unwrap().count(), 0);
}

#[test]
fn relative_paths_in_a_file_start_at_its_folder() {
    let (etc, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let text = "listen = \"127.0.0.1:0\"\naccounts.sign_up = false\nstorage.url = \"file:data\"\nhtpasswd.file = \"users\"";
    let config = etc.path().join("registry.toml");
    std::fs::write(&config, text).unwrap();
    std::fs::write(etc.path().join("users"), "").unwrap();
    let config = config.to_str().unwrap();
    let server = Running::start_command(registry_server(&["--config", config]).current_dir(&elsewhere));
    assert!(server.get("/-/ready").contains(r#"{"ok":true}"#));
    assert!(etc.path().join("data/version").exists());
    assert_eq!(elsewhere.path().read_dir().unwrap().count(), 0);

    let by_flag = ["--config", config, "--storage", "file:flag"];
    let server = Running::start_command(registry_server(&by_flag).current_dir(&elsewhere));
    assert!(server.get("/-/ready").contains(r#"{"ok":true}"#));
    assert!(elsewhere.path().join("flag/version").exists());
}
