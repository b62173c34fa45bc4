//! Real package managers, run as a user would run them: each in a clean home, against any base URL.
//!
//! ```no_run
//! use registry_testkit::clients::{Npm, package};
//! # async fn example() {
//! let npm = Npm::new("http://127.0.0.1:4873").await;
//! npm.adduser("ana", "correct horse battery").await.assert_success();
//! let folder = npm.home().project(&package("@acme/one", "1.0.0"));
//! let published = npm.run_in(&folder, &["publish"]).await.assert_success();
//! assert_eq!(published.stdout, "+ @acme/one@1.0.0\n");
//! # }
//! ```
//!
//! The clients are installed once into `target/clients`, at the pinned versions of [`NPM`], [`NPM_12`], [`NPM_10`], [`PNPM`], [`PNPM_11`], [`YARN_1`], [`YARN_4`],
//! [`BUN`] and [`DENO`], through
//! whatever registry the machine's own `npm` is set up with. The client under test sees none of that set-up: its
//! environment is empty but for `PATH`, `LANG` and folders of its own.

mod client;
mod client_home;
mod command;
mod install_once;
mod node;
mod npm;
mod package_folder;
mod pinned;
mod redaction;
mod screen;
mod terminal;
mod toolbox;

pub use client::Client;
pub use client_home::ClientHome;
pub use command::{Answer, CommandOutput};
pub use npm::Npm;
pub use package_folder::{PackageFolder, package};
pub use pinned::{
    AZURITE, BUN, COREPACK, DCLINT, DENO, NODE, NPM, NPM_10, NPM_12, PNPM, PNPM_11, PNPR, PinnedClient,
    Program, S3RVER, VERDACCIO, YARN_1, YARN_4,
};
pub use screen::Screen;
pub use terminal::{on_terminal, on_terminal_answering};
pub use toolbox::Toolbox;
