//! Runs one command to its end, with its answers ready.

use std::fmt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::process::{Child, Command};

/// The longest that a client may take. It is far above what any command needs, so that only a client that hangs meets it.
const TIME_LIMIT: Duration = Duration::from_mins(2);

/// What to type at a prompt.
#[derive(Clone, Copy)]
pub struct Answer<'a> {
    /// A part of the prompt, as it is printed on stdout.
    pub prompt: &'a str,
    /// What is typed once the prompt is there, without the line end.
    pub text: &'a str,
    /// Whether a terminal must have stopped showing what is typed. Programs throw away what comes before.
    pub secret: bool,
    /// Makes the answer out of all that was printed before, in place of `text`.
    pub compute: Option<&'a (dyn Fn(&str) -> String + Sync)>,
}

impl fmt::Debug for Answer<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Answer").field("prompt", &self.prompt).finish_non_exhaustive()
    }
}

impl<'a> Answer<'a> {
    /// An answer that is not secret.
    pub const fn new(prompt: &'a str, text: &'a str) -> Self {
        Self { prompt, text, secret: false, compute: None }
    }

    /// An answer that is typed unseen, such as a password.
    pub const fn secret(prompt: &'a str, text: &'a str) -> Self {
        Self { prompt, text, secret: true, compute: None }
    }

    /// An answer that depends on what was printed before, such as what an authenticator app shows that scans it, or
    /// that is given once something else was done.
    pub const fn computed(prompt: &'a str, compute: &'a (dyn Fn(&str) -> String + Sync)) -> Self {
        Self { prompt, text: "", secret: false, compute: Some(compute) }
    }
}

/// What a command left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandOutput {
    /// The command line, for messages.
    pub command: String,
    /// How it ended.
    pub status: ExitStatus,
    /// All of its stdout.
    pub stdout: String,
    /// All of its stderr.
    pub stderr: String,
}

impl CommandOutput {
    /// Itself, if the command ended well.
    ///
    /// # Panics
    ///
    /// If it did not, showing both streams.
    #[track_caller]
    #[must_use = "look at what it printed, or bind it to `_`"]
    pub fn assert_success(self) -> Self {
        assert!(self.status.success(), "this should have succeeded:\n{self}");
        self
    }

    /// Itself, if the command ended with an error.
    ///
    /// # Panics
    ///
    /// If it did not, showing both streams.
    #[track_caller]
    #[must_use = "look at what it printed, or bind it to `_`"]
    pub fn assert_failure(self) -> Self {
        assert!(!self.status.success(), "this should have failed:\n{self}");
        self
    }

    /// Itself, if `text` is on stdout or stderr.
    ///
    /// # Panics
    ///
    /// If it is on neither, showing both streams.
    #[track_caller]
    #[must_use = "look at what it printed, or bind it to `_`"]
    pub fn assert_printed(self, text: &str) -> Self {
        assert!(self.printed(text), "{text:?} should have been printed:\n{self}");
        self
    }

    /// Whether `text` is on stdout or stderr.
    pub fn printed(&self, text: &str) -> bool {
        self.stdout.contains(text) || self.stderr.contains(text)
    }
}

impl fmt::Display for CommandOutput {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { command, status, stdout, stderr } = self;
        write!(formatter, "$ {command}\n{status}\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }
}

/// Ends a process group when dropped, so that a test that fails or is dropped leaves no process behind.
struct ProcessGroup(Option<Pid>);

impl ProcessGroup {
    fn forget(mut self) {
        self.0 = None;
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            // It may have ended in the meantime, which is as good.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

/// Runs `command` in a process group of its own and types each answer when its prompt appears.
///
/// Answers wait for their prompt because npm reads each answer through a reader of its own, which swallows everything
/// that was typed ahead. No terminal is needed for that.
pub(super) async fn run(mut command: Command, shown: String, answers: &[Answer<'_>]) -> CommandOutput {
    command.stdin(if answers.is_empty() { Stdio::null() } else { Stdio::piped() });
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
    let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot run `{shown}`: {error}"));
    let (keyboard, screen, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let spoken = Spoken { keyboard, screen, errors, enter: "\n", until_unseen: async || () };
    finish(child, spoken, shown, answers).await
}

/// What a person has of a running command.
pub(super) struct Spoken<Keyboard, Screen, Errors, UntilUnseen> {
    pub(super) keyboard: Option<Keyboard>,
    pub(super) screen: Option<Screen>,
    /// Where errors are printed, if not on the screen.
    pub(super) errors: Option<Errors>,
    /// What ends an answer.
    pub(super) enter: &'static str,
    /// Waits until the screen does not show what is typed.
    pub(super) until_unseen: UntilUnseen,
}

/// Talks to `child`, which leads a process group, until it has ended.
pub(super) async fn finish<Keyboard, Screen, Errors, UntilUnseen>(
    mut child: Child,
    mut spoken: Spoken<Keyboard, Screen, Errors, UntilUnseen>,
    shown: String,
    answers: &[Answer<'_>],
) -> CommandOutput
where
    Keyboard: AsyncWrite + Unpin,
    Screen: AsyncRead + Unpin,
    Errors: AsyncRead + Unpin,
    UntilUnseen: AsyncFn(),
{
    let group = ProcessGroup(child.id().and_then(|id| Pid::from_raw(id.cast_signed())));
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let errors = spoken.errors.take();
    let finished = tokio::time::timeout(TIME_LIMIT, async {
        let talk = async { converse(spoken, &mut stdout, answers).await };
        let listen = async {
            if let Some(mut errors) = errors {
                let _ = errors.read_to_end(&mut stderr).await;
            }
        };
        let ((), ()) = tokio::join!(talk, listen);
        child.wait().await
    })
    .await;
    let (stdout, stderr) = (into_text(&stdout), into_text(&stderr));
    match finished {
        Ok(Ok(status)) => {
            group.forget();
            CommandOutput { command: shown, status, stdout, stderr }
        }
        Ok(Err(error)) => panic!("cannot wait for `{shown}`: {error}"),
        Err(elapsed) => panic!("`{shown}` was killed: {elapsed}\n--- stdout\n{stdout}\n--- stderr\n{stderr}"),
    }
}

/// Reads the screen to its end, and answers on the way.
async fn converse<Errors>(
    spoken: Spoken<impl AsyncWrite + Unpin, impl AsyncRead + Unpin, Errors, impl AsyncFn()>,
    read: &mut Vec<u8>,
    answers: &[Answer<'_>],
) {
    let Spoken { mut keyboard, screen, enter, until_unseen, .. } = spoken;
    let Some(mut screen) = screen else { return };
    let mut answers = answers.iter();
    let mut next = answers.next();
    let mut seen = 0;
    loop {
        if let Some(answer) = next
            && let Some(at) = find(&read[seen..], answer.prompt.as_bytes())
        {
            seen += at + answer.prompt.len();
            if answer.secret {
                until_unseen().await;
            }
            let text = match answer.compute {
                Some(compute) => compute(&String::from_utf8_lossy(read)),
                None => answer.text.to_owned(),
            };
            if let Some(keyboard) = &mut keyboard {
                // Where it has ended already, its exit status tells why.
                let _ = keyboard.write_all(format!("{text}{enter}").as_bytes()).await;
                let _ = keyboard.flush().await;
            }
            next = answers.next();
            continue;
        }
        if next.is_none() {
            // A client that asks more than was foreseen finds the end of the input, and does not wait for ever.
            drop(keyboard.take());
        }
        if matches!(screen.read_buf(read).await, Ok(0) | Err(_)) {
            return;
        }
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

fn into_text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn shell(script: &str, answers: &[Answer<'_>]) -> CommandOutput {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        run(command, format!("sh -c {script}"), answers).await
    }

    #[tokio::test]
    async fn both_streams_and_the_status_are_kept() {
        let output = shell("echo out; echo err >&2; exit 3", &[]).await.assert_failure();
        assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("out\n", "err\n"));
        assert_eq!(output.status.code(), Some(3));
    }

    #[tokio::test]
    async fn stdin_is_closed() {
        assert_eq!(shell("cat; echo end", &[]).await.assert_success().stdout, "end\n");
    }

    #[tokio::test]
    async fn each_prompt_gets_its_answer() {
        let script = "printf 'Name: '; read name; printf 'Word: '; read word; echo \"$name $word\"; cat";
        let answers = [Answer::new("Name:", "ana"), Answer::secret("Word:", "secret")];
        let output = shell(script, &answers).await.assert_success();
        assert_eq!(output.stdout, "Name: Word: ana secret\n");
    }

    #[tokio::test]
    #[should_panic(expected = "this should have succeeded:\n$ sh -c echo why >&2; exit 1")]
    async fn a_failure_shows_the_command_and_what_it_printed() {
        let _ = shell("echo why >&2; exit 1", &[]).await.assert_success();
    }

    #[tokio::test]
    async fn dropping_a_run_ends_all_its_processes() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        // The grandchild holds the pipe open for writing; reading to its end proves that the grandchild is gone.
        let script = format!("(echo started; sleep 600) >'{}' & wait", pipe.display());
        let mut reader = tokio::fs::File::from_std({
            let running = tokio::spawn(async move { shell(&script, &[]).await });
            let path = pipe.clone();
            let file = tokio::task::spawn_blocking(move || std::fs::File::open(path).unwrap()).await.unwrap();
            running.abort();
            assert!(running.await.unwrap_err().is_cancelled());
            file
        });
        let mut text = String::new();
        reader.read_to_string(&mut text).await.unwrap();
        assert!(text.is_empty() || text == "started\n");
    }
}
