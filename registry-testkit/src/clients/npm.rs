//! The npm command line.

use std::path::Path;

use super::{Answer, Client, ClientHome, CommandOutput, NPM};

/// The pinned npm in a home of its own.
#[derive(Debug)]
pub struct Npm {
    client: Client,
}

impl From<Client> for Npm {
    /// Another version of npm than [`NPM`], in the home of `client`.
    fn from(client: Client) -> Self {
        Self { client }
    }
}

impl Npm {
    /// npm in a fresh home, for the registry at `base_url`, signed in nowhere.
    ///
    /// # Panics
    ///
    /// Where npm cannot be installed: with what to do about it.
    pub async fn new(base_url: &str) -> Self {
        Self { client: Client::new(&NPM, base_url).await }
    }

    /// npm in a fresh home, signed in with `token`.
    ///
    /// # Panics
    ///
    /// Where npm cannot be installed: with what to do about it.
    pub async fn with_token(base_url: &str, token: &str) -> Self {
        Self { client: Client::with_token(&NPM, base_url, token).await }
    }

    /// The home it lives in.
    pub fn home(&self) -> &ClientHome {
        self.client.home()
    }

    /// Runs npm in an empty folder.
    ///
    /// # Panics
    ///
    /// If npm cannot be started, or takes longer than two minutes.
    pub async fn run(&self, arguments: &[&str]) -> CommandOutput {
        self.client.run(arguments).await
    }

    /// Runs npm in `folder`.
    ///
    /// # Panics
    ///
    /// If npm cannot be started, or takes longer than two minutes.
    pub async fn run_in(&self, folder: &Path, arguments: &[&str]) -> CommandOutput {
        self.client.run_in(folder, arguments).await
    }

    /// Runs npm in an empty folder and answers its prompts, in this order.
    ///
    /// # Panics
    ///
    /// If npm cannot be started, or takes longer than two minutes.
    pub async fn run_answering(&self, arguments: &[&str], answers: &[Answer<'_>]) -> CommandOutput {
        self.client.run_answering(&self.home().work_folder(), arguments, answers).await
    }

    /// Makes an account with `npm adduser`, as from a terminal.
    pub async fn adduser(&self, name: &str, password: &str) -> CommandOutput {
        let email = format!("{name}@registry.example");
        let answers = [
            Answer::new("Username:", name),
            Answer::secret("Password:", password),
            Answer::new("Email (this will be public):", &email),
        ];
        self.run_answering(&["adduser", "--auth-type=legacy"], &answers).await
    }

    /// Signs in with `npm login`, as from a terminal.
    pub async fn login(&self, name: &str, password: &str) -> CommandOutput {
        let answers = [Answer::new("Username:", name), Answer::secret("Password:", password)];
        self.run_answering(&["login", "--auth-type=legacy"], &answers).await
    }
}
