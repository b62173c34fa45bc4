//! Starts the binary, talks to it, and never leaves it behind.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::AsyncBufReadExt as _;

/// Longer than anything here takes; what is not there by then will never be.
const PATIENCE: Duration = Duration::from_secs(20);

/// The binary with `arguments`, and no configuration from the environment of the tests.
pub(crate) fn registry_server(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_registry-server"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("REGISTRY_") {
            command.env_remove(name);
        }
    }
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What the binary says when it ends by itself.
#[track_caller]
pub(crate) fn run(arguments: &[&str]) -> Output {
    registry_server(arguments).output().unwrap()
}

#[track_caller]
pub(crate) fn stderr_of_failure(output: &Output, code: i32) -> String {
    let stderr = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    let stdout = String::from_utf8_lossy(&output.stdout);
    // `config check` tells first what it reads.
    assert!(
        stdout.is_empty() || (stdout.starts_with("configuration") && stdout.lines().count() == 1),
        "{stdout}"
    );
    stderr
}

/// Ends a command by SIGKILL after its line `after`, or lets it come to its end.
pub(crate) async fn kill_after(command: impl Into<tokio::process::Command>, after: usize) {
    let mut child =
        command.into().stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true).spawn().unwrap();
    let mut printed = tokio::io::BufReader::new(child.stdout.take().unwrap()).lines();
    for _ in 0..after {
        if printed.next_line().await.unwrap().is_none() {
            break;
        }
    }
    child.kill().await.unwrap();
}

/// A server that runs, and is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Running {
    /// Starts a server on a free port, with its packages in memory.
    #[track_caller]
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_command(registry_server(arguments).args([
            "--listen",
            "127.0.0.1:0",
            "--storage",
            "memory:",
        ]))
    }

    /// Starts a server as `command` says and waits for its first line.
    #[track_caller]
    pub(crate) fn start_command(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let Some(address) =
            line.strip_prefix("listening on http://").and_then(|rest| rest.trim_end().parse().ok())
        else {
            let _ = child.kill();
            panic!("{line:?}, {:?}", child.wait_with_output());
        };
        Self { child, stdout, address }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends `request` over a connection of its own and gives everything that comes back.
    pub(crate) fn ask(&self, request: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// The answer to `GET path`, head and body.
    pub(crate) fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until the server has ended: how, and what it had still written to stdout and stderr.
    #[track_caller]
    pub(crate) fn wait(mut self) -> (ExitStatus, String, String) {
        let status = wait_for("the end of the server", || self.child.try_wait().unwrap());
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.stdout.read_to_string(&mut stdout).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        (status, stdout, stderr)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks again and again until there is an answer.
#[track_caller]
pub(crate) fn wait_for<Answer>(what: &str, mut ask: impl FnMut() -> Option<Answer>) -> Answer {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::yield_now();
    }
}
