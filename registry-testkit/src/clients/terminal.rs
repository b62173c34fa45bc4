//! Runs one command on a terminal, for clients that ask nothing where there is none.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};
use tokio::process::Command;

use super::command::{Spoken, finish};
use super::screen::Watched;
use super::{Answer, CommandOutput, Screen};

/// The two ends of a terminal: the one that a person sits at, and the one that a program sees.
fn open() -> io::Result<(File, File)> {
    let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
    grantpt(&person)?;
    unlockpt(&person)?;
    let name = ptsname(&person, Vec::new())?;
    let path = PathBuf::from(std::ffi::OsStr::from_bytes(name.as_bytes()));
    let program = OpenOptions::new().read(true).write(true).open(path)?;
    Ok((File::from(person), program))
}

/// Runs `command` in a process group of its own and types each answer when its prompt appears.
pub(super) async fn run_on_terminal(
    mut command: Command,
    shown: String,
    answers: &[Answer<'_>],
    watched: Option<Screen>,
) -> CommandOutput {
    let opened = open().and_then(|(person, program)| {
        command.stdin(program.try_clone()?).stdout(program.try_clone()?).stderr(program);
        Ok((person.try_clone()?, person.try_clone()?, person))
    });
    let (keyboard, screen, terminal) =
        opened.unwrap_or_else(|error| panic!("cannot open a terminal: {error}"));
    command.env("TERM", "xterm").process_group(0).kill_on_drop(true);
    let child = command.spawn().unwrap_or_else(|error| panic!("cannot run `{shown}`: {error}"));
    // The terminal hangs up, which ends the reading, only when no process holds the program's end any more.
    drop(command);
    let spoken = Spoken {
        keyboard: Some(tokio::fs::File::from_std(keyboard)),
        screen: Some(Watched { inner: tokio::fs::File::from_std(screen), screen: watched.clone() }),
        errors: None::<tokio::io::Empty>,
        enter: "\r",
        until_unseen: async || {
            while tcgetattr(&terminal).is_ok_and(|modes| modes.local_modes.contains(LocalModes::ECHO)) {
                tokio::task::yield_now().await;
            }
        },
    };
    let output = finish(child, spoken, shown, answers).await;
    if let Some(screen) = watched {
        screen.end();
    }
    output
}

/// Runs a program that is no client on a terminal, where no user types anything. All that it prints is on stdout.
///
/// # Panics
///
/// If it cannot be started, or takes longer than two minutes.
pub async fn on_terminal(command: Command, shown: &str) -> CommandOutput {
    run_on_terminal(command, shown.to_owned(), &[], None).await
}

/// The same, with a user who types answers.
///
/// # Panics
///
/// As [`on_terminal`].
pub async fn on_terminal_answering(command: Command, shown: &str, answers: &[Answer<'_>]) -> CommandOutput {
    run_on_terminal(command, shown.to_owned(), answers, None).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_program_sees_a_terminal_and_reads_what_is_typed() {
        let script = "test -t 0 && test -t 1 && test -t 2 || exit 9; \
                      printf 'Name: '; read name; printf 'Word: '; read word; echo \"<$name $word>\"; exit 3";
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let answers = [Answer::new("Name:", "ana"), Answer::new("Word:", "secret")];
        let output = run_on_terminal(command, "sh".to_owned(), &answers, None).await.assert_failure();
        assert_eq!(output.status.code(), Some(3), "{output}");
        let _ = output.assert_printed("<ana secret>");
    }
    #[tokio::test]
    async fn a_secret_is_typed_when_the_program_has_hidden_it() {
        // A program that asks first, hides later, and then throws away what came before.
        let script = "printf 'Word: '; sleep 0.2; stty -echo; read word; stty echo; echo \"<$word>\"";
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let output =
            run_on_terminal(command, "sh".to_owned(), &[Answer::secret("Word:", "hidden")], None).await;
        assert_eq!(output.assert_success().stdout, "Word: <hidden>\r\n");
    }
}
