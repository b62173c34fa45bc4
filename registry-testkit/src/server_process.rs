//! A server in a process of its own, on a port of its own.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use registry_testkit::server_process::ServerProcess;
//! # async fn example() -> std::io::Result<()> {
//! let storage = tempfile::tempdir()?;
//! let server = ServerProcess::start(Path::new("target/debug/registry-server"), &[], storage.path()).await;
//! assert!(server.base_url().starts_with("http://127.0.0.1:"));
//! assert!(server.stop().await.success());
//! # Ok(())
//! # }
//! ```

use std::fs;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};

/// The longest that a server may take to start or to end.
const TIME_LIMIT: Duration = Duration::from_mins(1);

/// What the server prints first, before its address.
const LISTENING_ON: &str = "listening on ";

/// A running `registry-server`. It is killed when dropped.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    base_url: String,
    surroundings: TempDir,
    /// Held so that the server's later lines on stdout have somewhere to go.
    _stdout: BufReader<ChildStdout>,
}

impl ServerProcess {
    /// Starts `binary` on the folder `storage`, with `arguments` after `--listen` and `--storage`.
    ///
    /// It sees an empty home, an empty current folder and nothing of this process's environment, so that no setting
    /// of the machine, such as the registry npm uses, reaches the test.
    ///
    /// # Panics
    ///
    /// If the first line on stdout is not `listening on http://ADDR`, showing what is on stderr.
    pub async fn start(binary: &Path, arguments: &[&str], storage: &Path) -> Self {
        Self::start_on(binary, arguments, &format!("file:{}", storage.display()), &[]).await
    }

    /// As [`ServerProcess::start`], on any storage, such as `s3://bucket/prefix`, and with these variables in its
    /// environment.
    ///
    /// # Panics
    ///
    /// If the first line on stdout is not `listening on http://ADDR`, showing what is on stderr.
    pub async fn start_on(
        binary: &Path,
        arguments: &[&str],
        storage: &str,
        environment: &[(String, String)],
    ) -> Self {
        let surroundings = tempfile::Builder::new().prefix("server-process-").tempdir();
        let surroundings =
            surroundings.unwrap_or_else(|error| panic!("cannot make a temporary folder: {error}"));
        let stderr = fs::File::create(surroundings.path().join("stderr"))
            .unwrap_or_else(|error| panic!("cannot make a file for stderr: {error}"));
        let mut command = Command::new(binary);
        command
            .args(["--listen", "127.0.0.1:0", "--storage"])
            .arg(storage)
            .args(arguments)
            .env_clear()
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", surroundings.path())
            .env("RUST_BACKTRACE", "1")
            .current_dir(surroundings.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .kill_on_drop(true);
        if let Some(coverage) = std::env::var_os("LLVM_PROFILE_FILE") {
            command.env("LLVM_PROFILE_FILE", coverage);
        }
        let mut child =
            command.spawn().unwrap_or_else(|error| panic!("cannot start {}: {error}", binary.display()));
        let Some(stdout) = child.stdout.take() else { panic!("the server has no stdout") };
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        let read = tokio::time::timeout(TIME_LIMIT, stdout.read_line(&mut line)).await;
        let Some(base_url) = line.trim_end().strip_prefix(LISTENING_ON).map(str::to_owned) else {
            let printed = fs::read_to_string(surroundings.path().join("stderr")).unwrap_or_default();
            panic!("the server did not start ({read:?}); its first line is {line:?}\n--- stderr\n{printed}");
        };
        Self { child, base_url, surroundings, _stdout: stdout }
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The number of its process; `None` once it has ended.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// What it has printed on stderr so far, for the message of a test that fails.
    pub fn stderr(&self) -> String {
        fs::read_to_string(self.surroundings.path().join("stderr")).unwrap_or_default()
    }

    /// Asks it to end, as an operator does (SIGTERM), and waits until it has.
    ///
    /// # Panics
    ///
    /// If it has not ended after a minute.
    pub async fn stop(mut self) -> ExitStatus {
        if let Some(process) = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
            // It may have ended by itself, and then its status is there to be had.
            let _ = kill_process(process, Signal::TERM);
        }
        match tokio::time::timeout(TIME_LIMIT, self.child.wait()).await {
            Ok(Ok(status)) => status,
            Ok(Err(error)) => panic!("cannot wait for the server: {error}"),
            Err(elapsed) => {
                panic!("the server did not end after SIGTERM: {elapsed}\n--- stderr\n{}", self.stderr())
            }
        }
    }

    /// Ends it in the middle of whatever it does (SIGKILL), and waits until it is gone.
    ///
    /// # Panics
    ///
    /// If it cannot be killed.
    pub async fn kill(mut self) {
        if let Err(error) = self.child.kill().await {
            panic!("cannot kill the server: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::path::PathBuf;

    use super::*;

    /// A shell script in place of a server.
    struct Script {
        folder: TempDir,
    }

    impl Script {
        /// Another process writes the script: one that this process has open for writing cannot be run.
        fn new(script: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let write =
                "printf '#!/bin/sh\\n%s\\n' \"$1\" >\"$2\" && chmod 755 \"$2\" && mkfifo \"$2.alive\"";
            let mut command = std::process::Command::new("sh");
            command.args(["-c", write, "sh", script]).arg(folder.path().join("server"));
            assert!(command.status().unwrap().success());
            Self { folder }
        }

        async fn start(&self) -> ServerProcess {
            ServerProcess::start(&self.binary(), &["--upstream", "none"], self.folder.path()).await
        }

        fn binary(&self) -> PathBuf {
            self.folder.path().join("server")
        }
    }

    #[tokio::test]
    async fn the_arguments_and_a_clean_environment_reach_it() {
        let tell = "printf '%s\\n' \"$*\" >&2; env | cut -d= -f1 | sort >&2";
        let script = Script::new(&format!("{tell}; echo listening on http://127.0.0.1:9; exec sleep 600"));
        let server = script.start().await;
        let printed = server.stderr();
        let (arguments, environment) = printed.split_once('\n').unwrap();
        assert!(arguments.starts_with("--listen 127.0.0.1:0 --storage file:/"), "{arguments}");
        assert!(arguments.ends_with(" --upstream none"), "{arguments}");
        assert!(environment.contains("HOME\n") && !environment.contains("CARGO"), "{environment}");
        server.kill().await;
    }

    #[tokio::test]
    async fn stop_is_a_signal_it_can_answer() {
        let script = Script::new(
            "trap 'kill $!; exit 7' TERM\nsleep 600 &\necho listening on http://127.0.0.1:9\nwait",
        );
        assert_eq!(script.start().await.stop().await.code(), Some(7));
    }

    #[tokio::test]
    #[should_panic(expected = "the folder is locked")]
    async fn a_server_that_does_not_start_shows_its_stderr() {
        Script::new("echo the folder is locked >&2; exit 1").start().await;
    }

    #[tokio::test]
    async fn a_dropped_server_is_killed() {
        let script =
            Script::new("exec 3<>\"$0.alive\"; echo listening on http://127.0.0.1:9; exec sleep 600");
        let server = script.start().await;
        let mut alive = fs::File::open(script.folder.path().join("server.alive")).unwrap();
        drop(server);
        // The pipe ends when the last process that holds it is gone.
        let read = move || alive.read_to_end(&mut Vec::new()).unwrap();
        assert_eq!(tokio::task::spawn_blocking(read).await.unwrap(), 0);
    }
}
