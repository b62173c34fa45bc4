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
        (
            format!("{proxies}[\"0.0.0.0/1\", \"128.0.0.0/1\"]"),
            "trusted_proxies lists 0.0.0.0/1 and 128.0.0.0/1",
        ),
        (
            format!("{proxies}[\"192.0.0.0/8\", \"193.0.0.0/8\"]"),
            "trusted_proxies lists 192.0.0.0/8 and 193.0.0.0/8",
        ),
        (format!("{proxies}[\"::ffff:0:0/96\"]"), "trusted_proxies lists ::ffff:0.0.0.0/96"),
        (format!("{proxies}[\"fc00::/7\"]"), ""),
        (
            "[github]\nurl = \"http://github.example\"\norganizations = [\"acme\"]".to_owned(),
            "[github]: url = \"http://github.example",
        ),
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
    assert!(server.get("/-/ready").contains(r#""ok":true"#));
    assert!(etc.path().join("data/version").exists());
    assert_eq!(elsewhere.path().read_dir().unwrap().count(), 0);

    let by_flag = ["--config", config, "--storage", "file:flag"];
    let server = Running::start_command(registry_server(&by_flag).current_dir(&elsewhere));
    assert!(server.get("/-/ready").contains(r#""ok":true"#));
    assert!(elsewhere.path().join("flag/version").exists());
}

/// Whatever a start rejects of the storage, a check rejects too, and creates nothing.
#[test]
fn a_check_looks_at_the_storage_and_creates_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("plain"), "").unwrap();
    std::fs::create_dir(at("foreign")).unwrap();
    std::fs::write(at("foreign/notes.txt"), "").unwrap();
    std::fs::create_dir(at("newer")).unwrap();
    std::fs::write(at("newer/version"), "99").unwrap();
    std::fs::create_dir(at("empty")).unwrap();
    std::fs::create_dir_all(at("emptied/objects")).unwrap();
    std::fs::write(at("emptied/version"), "1").unwrap();
    std::os::unix::fs::symlink(at("nowhere"), at("link")).unwrap();
    let files = || {
        let mut files: Vec<_> =
            folder.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
        files.sort();
        (files, at("empty").read_dir().unwrap().count())
    };
    let before = files();
    let must_exist = "must_exist = true";
    for (name, more, told) in [
        ("absent", must_exist, "there is no registry in file:"),
        ("empty", must_exist, "there is no registry in file:"),
        ("emptied", must_exist, "there is no registry in file:"),
        ("plain", "", "cannot open the storage file:"),
        ("plain/below", "", "cannot open the storage file:"),
        ("link", "", "cannot open the storage file:"),
        ("foreign", "", "holds other files (notes.txt)"),
        ("newer", "", "holds a registry in format 99"),
    ] {
        let url = format!("file:{}", at(name).display());
        let config = file(&format!("listen = \"127.0.0.1:0\"\n[storage]\nurl = \"{url}\"\n{more}"));
        let path = config.path().to_str().unwrap();
        let stderr = stderr_of_failed_check(path);
        assert!(stderr.contains(told) && stderr.contains(at(name).to_str().unwrap()), "{name}: {stderr}");
        assert_eq!(files(), before, "{name}");
        let started = stderr_of_failure(&run(&["--config", path, "--log", "off"]), 1);
        assert!(started.contains(told), "{name}: {started}");
        assert_eq!(files(), before, "{name}");
    }
    for sound in ["absent", "absent/below", "empty"] {
        let checked = run(&["config", "check", "--storage", &format!("file:{}", at(sound).display())]);
        assert!(checked.status.success(), "{sound}: {checked:?}");
        assert_eq!(files(), before, "{sound}");
    }
}

/// The superuser writes everywhere, so the check runs as another user where the tests run as the superuser.
#[test]
fn a_check_tells_of_a_storage_that_cannot_be_written() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::process::CommandExt as _;

    let folder = tempfile::tempdir().unwrap();
    let storage = folder.path().join("storage");
    std::fs::create_dir(&storage).unwrap();
    for path in [folder.path(), &storage] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o555)).unwrap();
    }
    for path in [storage.clone(), folder.path().join("absent")] {
        let url = format!("file:{}", path.display());
        let mut command = registry_server(&["config", "check", "--storage", &url]);
        if rustix::process::geteuid().is_root() {
            command.uid(65_534);
        }
        let stderr = stderr_of_failure(&command.output().unwrap(), 1);
        assert!(stderr.contains(&format!("cannot write to the storage {url}")), "{stderr}");
    }
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn all_mistakes_are_told_at_once() {
    let config =
        file("public_ur = \"x\"\n[limits]\nowners = 0\n[tokens]\ndefault_days = 91\nmost_days = 90\n");
    let stderr = stderr_of_failed_check(config.path().to_str().unwrap());
    for told in ["3 mistakes", "line 1: ", "`public_url`", "line 3: ", "line 4: ", "lower default_days"] {
        assert!(stderr.contains(told), "no {told} in {stderr}");
    }
    // What the file names is looked at once it can be read.
    let config = file(
        "listen = \"0.0.0.0:0\"\nstorage.url = \"file:/dev/null\"\nhtpasswd.file = \"none\"\n\
         [upstreams.a]\nurl = \"https://a.example\"\ntoken_env = \"NOT_SET_ANYWHERE\"\n\
         [upstreams.b]\nurl = \"https://b.example\"\ntoken_file = \"none-either\"\n",
    );
    let stderr = stderr_of_failed_check(config.path().to_str().unwrap());
    for told in [
        "there are no access rules",
        "sign_up = false under [accounts]",
        "[upstreams.b] is configured but not used",
        "cannot open the storage file:/dev/null",
        "[upstreams.a]",
        "NOT_SET_ANYWHERE",
        "none-either",
        "[htpasswd]: file",
    ] {
        assert!(stderr.contains(told), "no {told} in {stderr}");
    }
}
