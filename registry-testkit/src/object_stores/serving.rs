use std::io::BufReader;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::oneshot;

/// The longest that a store may take to start, on a machine that does much else.
const TIME_LIMIT: Duration = Duration::from_mins(1);
/// Where no process listens. What a store might ask of others ends there.
const NOWHERE: &str = "http://127.0.0.1:9";
/// What every store is told to listen on, and so what its first own address begins with.
const HERE: &str = "127.0.0.1:";

/// A program that serves on this machine. It is killed when dropped.
#[derive(Debug)]
pub(super) struct Serving {
    child: Child,
    address: String,
    /// Held until the process is gone.
    _folder: TempDir,
}

impl Serving {
    /// Starts what `command` makes of an empty folder, which is its home too, and waits until it says where it
    /// listens. It sees nothing of this process's environment.
    ///
    /// # Panics
    ///
    /// If it ends before that, or says nothing in a minute: with all that it printed.
    pub(super) async fn start(name: &str, command: impl FnOnce(&std::path::Path) -> Command) -> Self {
        let folder = tempfile::Builder::new().prefix("object-store-").tempdir();
        let folder = folder.unwrap_or_else(|error| panic!("cannot make a temporary folder: {error}"));
        let mut command = command(folder.path());
        let (reader, writer) =
            std::io::pipe().unwrap_or_else(|error| panic!("cannot make a pipe for {name}: {error}"));
        let errors = writer.try_clone().unwrap_or_else(|error| panic!("cannot share a pipe: {error}"));
        command
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", folder.path())
            .envs(["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"].map(|name| (name, NOWHERE)))
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(writer)
            .stderr(errors);
        let child = command.spawn().unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        // The command holds the writing ends too, and the pipe must end with the child.
        drop(command);
        let (found, address) = oneshot::channel();
        let printed = Arc::new(Mutex::new(String::new()));
        let seen = Arc::clone(&printed);
        std::thread::spawn(move || read(BufReader::new(reader), found, &seen));
        let mut serving = Self { child, address: String::new(), _folder: folder };
        match tokio::time::timeout(TIME_LIMIT, address).await {
            Ok(Ok(address)) => serving.address = address,
            _ => panic!("{name} did not start:\n{}", printed.lock().unwrap_or_else(PoisonError::into_inner)),
        }
        serving
    }

    /// Host and port.
    pub(super) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads all that a store prints, so that it never waits for a reader, and keeps what it says before its address.
fn read(printed: impl std::io::BufRead, found: oneshot::Sender<String>, seen: &Mutex<String>) {
    let mut found = Some(found);
    for line in printed.lines().map_while(Result::ok) {
        if found.is_none() {
            continue;
        }
        if let Some(address) = address_in(&line) {
            // After the timeout, no caller waits for it.
            let _ = found.take().map(|found| found.send(address));
        } else {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.push_str(&line);
            seen.push('\n');
        }
    }
}

/// The first address in `line` that a client can connect to: port 0 is only the wish for any.
fn address_in(line: &str) -> Option<String> {
    let port = line.split_once(HERE)?.1;
    let port: String = port.chars().take_while(char::is_ascii_digit).collect();
    (port.parse::<u16>().ok()? != 0).then(|| format!("{HERE}{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn the_address_is_the_one_that_is_listened_on() {
        let says = "echo starting on 127.0.0.1:0; echo at http://127.0.0.1:4711/x >&2; exec sleep 600";
        let serving = Serving::start("a store", |_| script(says)).await;
        assert_eq!(serving.address(), "127.0.0.1:4711");
    }

    #[tokio::test]
    #[should_panic(expected = "a store did not start:\nthe disk is full\n")]
    async fn a_store_that_does_not_start_shows_what_it_printed() {
        Serving::start("a store", |_| script("echo the disk is full >&2; exit 1")).await;
    }

    #[tokio::test]
    async fn a_dropped_store_is_killed_and_its_folder_gone() {
        let mut folder = std::path::PathBuf::new();
        let command = |its: &std::path::Path| {
            folder = its.to_path_buf();
            script("mkdir kept; echo at 127.0.0.1:4711; exec sleep 600")
        };
        let serving = Serving::start("a store", command).await;
        let id = serving.child.id().cast_signed();
        assert!(folder.join("kept").is_dir());
        drop(serving);
        assert!(!folder.exists());
        let process = rustix::process::Pid::from_raw(id).unwrap();
        assert!(rustix::process::test_kill_process(process).is_err());
    }
}
