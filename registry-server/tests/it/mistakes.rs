//! Settings that are wrong, misspelled, or protect less than they seem to.

use crate::configuration::{file, stderr_of_failed_check};
use crate::running::{Running, registry_server, run, stderr_of_failure};

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
