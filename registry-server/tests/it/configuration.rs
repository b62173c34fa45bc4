//! What the command line and `registry.toml` do, and how mistakes in them are told.

use std::net::TcpListener;

use registry_core::settings::StorageUrl;

use crate::running::{Running, registry_server, run, stderr_of_failure};

pub(crate) fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::with_suffix(".toml").unwrap();
    std::fs::write(&file, text).unwrap();
    file
}

#[test]
fn the_printed_template_is_sound() {
    let printed = run(&["config"]);
    assert!(printed.status.success());
    let template = file(std::str::from_utf8(&printed.stdout).unwrap());
    let checked = run(&["config", "check", "--config", template.path().to_str().unwrap()]);
    assert!(checked.status.success(), "{checked:?}");
    let told = format!("configuration file: {}\nthe configuration is valid\n", template.path().display());
    assert_eq!(String::from_utf8_lossy(&checked.stdout), told);
}

/// `config check`: which configuration was read comes first, also where something is wrong with it.
#[track_caller]
pub(crate) fn stderr_of_failed_check(path: &str) -> String {
    let checked = run(&["config", "check", "--config", path]);
    assert_eq!(String::from_utf8_lossy(&checked.stdout), format!("configuration file: {path}\n"));
    stderr_of_failure(&checked, 1)
}

#[test]
fn a_check_tells_what_it_reads() {
    let none = run(&["config", "check"]);
    assert!(none.status.success(), "{none:?}");
    let told = String::from_utf8_lossy(&none.stdout);
    assert!(told.starts_with("configuration file: none"), "{told}");
    assert!(told.contains("--config FILE"), "{told}");
    let text =
        registry_server(&["config", "check"]).env("REGISTRY_CONFIG", "accounts.sign_up = false").output();
    let text = text.unwrap();
    assert_eq!(
        String::from_utf8_lossy(&text.stdout),
        "configuration: the text given\nthe configuration is valid\n"
    );
}

#[test]
fn a_file_without_its_flag_is_told_how_to_be_given() {
    let config = file("");
    let path = config.path().to_str().unwrap();
    for arguments in [
        &["config", "check", path][..],
        &["config", path],
        &["serve", path],
        &["config", "check", "registry.toml"],
        &[path],
    ] {
        let stderr = stderr_of_failure(&run(arguments), 2);
        let file = arguments[arguments.len() - 1];
        assert!(stderr.contains(&format!("--config {file}")), "{stderr}");
    }
    let stderr = stderr_of_failure(&run(&["serve", "now"]), 2);
    assert!(!stderr.contains("--config now"), "{stderr}");
}

#[test]
fn an_upstream_that_is_never_asked_is_refused() {
    let config = file(
        "listen = \"127.0.0.1:0\"\nstorage.url = \"memory:\"\n[upstreams.npm]\nurl = \"https://registry.example\"\n\
         [[packages]]\nmatch = \"**\"\nread = [\"@all\"]\n",
    );
    let path = config.path().to_str().unwrap();
    for stderr in [stderr_of_failed_check(path), stderr_of_failure(&run(&["--config", path]), 1)] {
        for part in ["[upstreams.npm]", "not used", "origin = [\"hosted\", \"npm\"]"] {
            assert!(stderr.contains(part), "no {part} in {stderr}");
        }
    }
}

#[test]
fn a_group_without_its_provider_is_refused() {
    let config = file(
        "listen = \"127.0.0.1:0\"\nstorage.url = \"memory:\"\n[[packages]]\nmatch = \"**\"\nread = [\"group:acme\"]\n",
    );
    let path = config.path().to_str().unwrap();
    for stderr in [stderr_of_failed_check(path), stderr_of_failure(&run(&["--config", path]), 1)] {
        for part in [path, "line 3", "\"group:acme\"", "\"group:local:acme\"", "\"group:github:acme\""] {
            assert!(stderr.contains(part), "no {part} in {stderr}");
        }
    }
}

#[test]
fn an_unknown_key_is_told_with_file_and_line() {
    let config = file("listen = \"127.0.0.1:0\"\n\n[storage]\nulr = \"memory:\"\n");
    let path = config.path().to_str().unwrap();
    let served = [&["--config", path][..], &["serve", "--config", path]];
    let served = served.map(|arguments| stderr_of_failure(&run(arguments), 1));
    for stderr in served.into_iter().chain([stderr_of_failed_check(path)]) {
        for part in [path, "line 4", "`ulr`", "`url`"] {
            assert!(stderr.contains(part), "no {part} in {stderr}");
        }
    }
}

#[test]
fn a_file_may_have_any_name() {
    let config = tempfile::Builder::new().prefix("a=b").tempfile().unwrap();
    let checked = run(&["config", "check", "--config", config.path().to_str().unwrap()]);
    assert!(checked.status.success(), "{checked:?}");
}

#[test]
fn a_missing_file_is_named() {
    let stderr = stderr_of_failure(&run(&["--config", "no/such/registry.toml"]), 1);
    assert!(
        stderr.starts_with("registry-server: cannot read the configuration file no/such/registry.toml: ")
    );
}

#[test]
fn a_wrong_flag_or_variable_is_a_usage_error() {
    if "gs://bucket/prefix".parse::<StorageUrl>().is_err() {
        let stderr = stderr_of_failure(&run(&["--storage", "gs://bucket/prefix"]), 2);
        assert!(stderr.contains("this build has no support for gs:// storage"), "{stderr}");
    }
    let stderr = stderr_of_failure(&registry_server(&[]).env("REGISTRY_LISTEN", "here").output().unwrap(), 2);
    assert!(stderr.contains("'here'") && stderr.contains("--listen"), "{stderr}");
    stderr_of_failure(&run(&["--frobnicate"]), 2);
}

#[test]
fn other_machines_are_not_let_in_without_rules() {
    let stderr = stderr_of_failure(&run(&["--listen", "0.0.0.0:0", "--storage", "memory:"]), 1);
    assert!(stderr.contains("0.0.0.0:0"), "{stderr}");
    for line in ["[[packages]]", "match = \"**\"", "read = [\"@authenticated\"]", "publish = [\"user:ana\"]"]
    {
        assert!(stderr.lines().any(|found| found == line), "no {line} in {stderr}");
    }
}

#[test]
fn the_environment_carries_a_whole_configuration() {
    let text = "listen = \"127.0.0.1:0\"\nstorage.url = \"memory:\"\npath_prefix = \"/registry\"\n[log]\nfilter = \"off\"";
    let server = Running::start_command(registry_server(&[]).env("REGISTRY_CONFIG", text));
    assert!(server.get("/-/ready").starts_with("HTTP/1.1 200 OK"));
}

#[test]
fn flags_win_over_the_environment_over_the_file() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let config =
        file(&format!("listen = \"{taken}\"\n[storage]\nurl = \"memory:\"\n[log]\nfilter = \"info\""));
    let start = || registry_server(&["--config", config.path().to_str().unwrap()]);
    let by_environment = Running::start_command(start().env("REGISTRY_LISTEN", "127.0.0.1:0"));
    assert_ne!(by_environment.address.to_string(), taken);
    let by_flag = Running::start_command(
        start().args(["--listen", "127.0.0.1:0"]).env("REGISTRY_LISTEN", &taken).env("REGISTRY_LOG", "off"),
    );
    assert_ne!(by_flag.address.to_string(), taken);
}

#[test]
fn a_folder_is_made_where_the_server_starts() {
    let folder = tempfile::tempdir().unwrap();
    let server = Running::start_command(
        registry_server(&["--listen", "127.0.0.1:0", "--storage", "file:data/packages"]).current_dir(&folder),
    );
    assert!(server.get("/-/ready").contains(r#""ok":true"#));
    assert!(folder.path().join("data/packages").is_dir());
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let in_the_way = file("");
    let storage = format!("file:{}/packages", in_the_way.path().display());
    let stderr =
        stderr_of_failure_line(&run(&["--listen", "127.0.0.1:0", "--log", "off", "--storage", &storage]));
    assert!(stderr.starts_with(&format!("registry-server: cannot open the storage {storage}: ")), "{stderr}");
    assert!(stderr.contains("--storage file:DIR"), "{stderr}");
}

#[track_caller]
fn stderr_of_failure_line(output: &std::process::Output) -> String {
    let stderr = stderr_of_failure(output, 1);
    assert_eq!(stderr.trim_end().lines().count(), 1, "{stderr}");
    stderr
}

#[test]
fn a_port_in_use_is_told() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let stderr =
        stderr_of_failure_line(&run(&["--listen", &address, "--storage", "memory:", "--log", "off"]));
    assert_eq!(
        stderr,
        format!(
            "registry-server: cannot listen on {address}: another program does already; stop it, or choose another \
             port with --listen\n"
        )
    );
}

#[test]
fn an_address_of_another_machine_is_told() {
    let rules = "[[packages]]\nmatch = \"**\"\nread = [\"@all\"]\n";
    let arguments = ["--config", rules, "--listen", "192.0.2.7:0", "--storage", "memory:", "--log", "off"];
    let stderr = stderr_of_failure_line(&run(&arguments));
    assert_eq!(
        stderr,
        "registry-server: cannot listen on 192.0.2.7:0: this machine has no such address; choose another with --listen, \
         such as 127.0.0.1:4873 or 0.0.0.0:4873\n"
    );
}

#[test]
fn help_and_version_answer() {
    let help = run(&["--help"]);
    assert!(help.status.success());
    let help = String::from_utf8(help.stdout).unwrap();
    let forms = ["file:DIR", "s3://BUCKET/PREFIX", "gs://BUCKET/PREFIX", "az://CONTAINER/PREFIX", "memory:"];
    for form in forms {
        let mut lines = help.lines().map(str::trim);
        assert!(
            lines.any(|line| line.starts_with(&format!("`{form}` ")) && line.ends_with('.')),
            "no {form} in {help}"
        );
    }
    for word in ["serve", "config", "--public-url", "REGISTRY_STORAGE", "file:./registry-data"] {
        assert!(help.contains(word), "no {word} in {help}");
    }
    let version = run(&["--version"]);
    assert_eq!(
        String::from_utf8_lossy(&version.stdout),
        concat!("registry-server ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

/// Whatever the settings name is looked at before a server starts, and by `config check` alike.
#[test]
fn what_the_settings_name_must_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().display();
    let loopback = "listen = \"127.0.0.1:4879\"\npublic_url = \"https://npm.example/registry\"\nstorage.url = \"memory:\"\n";
    for (text, told) in [
        (
            "accounts.sign_up = false\nhtpasswd.file = \"FOLDER/none\"",
            &["[htpasswd]: file", "FOLDER/none"][..],
        ),
        // A folder cannot be read as a file.
        ("accounts.sign_up = false\nhtpasswd.file = \"FOLDER\"", &["[htpasswd]: file", "FOLDER"]),
        (
            "[upstreams.npm]\nurl = \"https://registry.example\"\ntoken_env = \"NOT_SET_ANYWHERE\"",
            &["[upstreams.npm]", "token_env names the variable NOT_SET_ANYWHERE, which is not set"],
        ),
        (
            "[upstreams.npm]\nurl = \"https://registry.example\"\ncertificate_files = [\"FOLDER/ca.pem\"]",
            &["[upstreams.npm]", "FOLDER/ca.pem"],
        ),
        (
            "accounts.sign_up = false\n[github]\nclient_id = \"Iv1\"\nclient_secret_env = \"NOT_SET_ANYWHERE\"",
            &["[github]", "NOT_SET_ANYWHERE"],
        ),
        (
            "accounts.sign_up = false\n[openid]\nissuer = \"https://login.example\"\nclient_id = \"registry\"\n\
             client_secret_env = \"NOT_SET_ANYWHERE\"",
            &["[openid]: client_secret_env names the variable NOT_SET_ANYWHERE, which is not set"],
        ),
        ("[log]\nfilter = \"loud\"", &["line 5", "`loud` is no level", "info"]),
        ("[log]\nfilter = \"info,registry_server=loud\"", &["line 5", "not a log filter"]),
        (
            "[upstreams.npm]\nurl = \"http://localhost:4879/\"",
            &["[upstreams.npm]: url", "http://localhost:4879/", "this server itself", "listen"],
        ),
        (
            "[upstreams.npm]\nurl = \"https://npm.example/registry/\"",
            &["[upstreams.npm]: url", "this server itself", "public_url"],
        ),
    ] {
        let config = file(&format!("{loopback}{text}").replace("FOLDER", &folder.to_string()));
        let path = config.path().to_str().unwrap();
        for stderr in [stderr_of_failed_check(path), stderr_of_failure(&run(&["serve", "--config", path]), 1)]
        {
            for part in told {
                let part = part.replace("FOLDER", &folder.to_string());
                assert!(stderr.contains(&part), "no {part} in {stderr}");
            }
        }
    }
    let sound = file("[log]\nfilter = \"warn,registry_server=debug,registry_core::ops=trace\"");
    let checked = run(&["config", "check", "--config", sound.path().to_str().unwrap()]);
    assert!(checked.status.success(), "{checked:?}");
}
