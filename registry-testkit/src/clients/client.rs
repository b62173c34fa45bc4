//! Any of the clients.
//!
//! ```no_run
//! use registry_testkit::clients::{Client, YARN_4, package};
//! # async fn example() {
//! let yarn = Client::with_token(&YARN_4, "http://127.0.0.1:4873", "npm_secret").await;
//! let project = yarn.home().project(&package("project", "0.0.0"));
//! let _ = yarn.run_in(&project, &["npm", "whoami"]).await.assert_success().assert_printed("ana");
//! # }
//! ```

use std::path::{Path, PathBuf};

use super::command::run;
use super::pinned::NODE_RUNS_HERE;
use super::terminal::run_on_terminal;
use super::{Answer, ClientHome, CommandOutput, NODE, PinnedClient, Program, Screen, Toolbox, YARN_4};

/// A pinned client in a home of its own.
#[derive(Debug)]
pub struct Client {
    pinned: PinnedClient,
    home: ClientHome,
    entry: PathBuf,
    variables: Vec<(String, String)>,
    /// What runs the entry, if it does not run by itself.
    node: Option<PathBuf>,
}

impl Client {
    /// `pinned` in a fresh home, for the registry at `base_url`, signed in nowhere.
    ///
    /// # Panics
    ///
    /// Where the client cannot be installed: with what to do about it.
    pub async fn new(pinned: &PinnedClient, base_url: &str) -> Self {
        let toolbox = Toolbox::shared();
        let entry = toolbox.entry_of(pinned).await;
        let node = match pinned.program {
            // It starts npm in two thirds of the time that Node.js 20 takes, and the tests start it a thousand times.
            Program::Script { .. } if NODE_RUNS_HERE => Some(toolbox.entry_of(&NODE).await),
            Program::Script { .. } => Some(PathBuf::from("node")),
            Program::ScriptOfNode { .. } => Some(toolbox.entry_of(&NODE).await),
            Program::Executable { .. } => None,
        };
        let home = ClientHome::new(base_url);
        let home = if *pinned == YARN_4 { home.with_yarn_locks() } else { home };
        Self { pinned: *pinned, home, entry, variables: Vec::new(), node }
    }

    /// `pinned` in a fresh home, signed in with `token`.
    ///
    /// # Panics
    ///
    /// Where the client cannot be installed: with what to do about it.
    pub async fn with_token(pinned: &PinnedClient, base_url: &str, token: &str) -> Self {
        let client = Self::new(pinned, base_url).await;
        client.home.set_token(token);
        client
    }

    /// The same with a variable in its environment, such as those that a build has.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The home it lives in.
    pub fn home(&self) -> &ClientHome {
        &self.home
    }

    /// Runs it in an empty folder.
    ///
    /// # Panics
    ///
    /// If it cannot be started, or takes longer than two minutes.
    pub async fn run(&self, arguments: &[&str]) -> CommandOutput {
        self.run_in(&self.home.work_folder(), arguments).await
    }

    /// Runs it in `folder`.
    ///
    /// # Panics
    ///
    /// If it cannot be started, or takes longer than two minutes.
    pub async fn run_in(&self, folder: &Path, arguments: &[&str]) -> CommandOutput {
        self.run_answering(folder, arguments, &[]).await
    }

    /// Runs it in `folder` and answers its prompts, in this order, through a pipe. Only npm prompts without a terminal.
    ///
    /// # Panics
    ///
    /// If it cannot be started, or takes longer than two minutes.
    pub async fn run_answering(
        &self,
        folder: &Path,
        arguments: &[&str],
        answers: &[Answer<'_>],
    ) -> CommandOutput {
        run(self.command(folder, arguments), self.shown(arguments), answers).await
    }

    /// Runs it in `folder` on a terminal and answers its prompts, in this order. All that it prints is in `stdout`,
    /// with the codes that move a terminal's cursor.
    ///
    /// # Panics
    ///
    /// If it cannot be started, or takes longer than two minutes.
    pub async fn run_on_terminal(
        &self,
        folder: &Path,
        arguments: &[&str],
        answers: &[Answer<'_>],
    ) -> CommandOutput {
        run_on_terminal(self.command(folder, arguments), self.shown(arguments), answers, None).await
    }

    /// The same, and what it prints appears on `screen` while it runs.
    ///
    /// # Panics
    ///
    /// If it cannot be started, or takes longer than two minutes.
    pub async fn run_watched(
        &self,
        folder: &Path,
        arguments: &[&str],
        answers: &[Answer<'_>],
        screen: &Screen,
    ) -> CommandOutput {
        let command = self.command(folder, arguments);
        run_on_terminal(command, self.shown(arguments), answers, Some(screen.clone())).await
    }

    fn command(&self, folder: &Path, arguments: &[&str]) -> tokio::process::Command {
        let mut command = match &self.node {
            Some(node) => {
                let mut command = self.home.command(node, folder);
                command.arg(&self.entry);
                command
            }
            None => self.home.command(&self.entry, folder),
        };
        command.args(arguments).envs(self.pinned.environment.iter().copied());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    fn shown(&self, arguments: &[&str]) -> String {
        format!("{} {}", self.pinned.command, arguments.join(" "))
    }
}
