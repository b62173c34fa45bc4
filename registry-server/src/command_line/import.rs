//! The flags of imports.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use registry_core::domain::PackageName;
use registry_core::settings::UpstreamUrl;

use super::care::package_name;

/// Where packages are imported from.
#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "a command line has one")]
pub enum ImportSource {
    /// Import packages of any npm registry over HTTP, with all versions, dist-tags, times, deprecations, owners and readmes.
    /// Run again, it brings up to date what was not changed here since.
    Registry(ImportRegistry),
    /// Import the packages of a Verdaccio from its folder, while it runs, too, and write a registry.toml that follows from its
    /// config.yaml. Run again, it brings the packages up to date.
    Verdaccio(ImportVerdaccio),
}

/// `import verdaccio CONFIG.yaml`
#[derive(Debug, Args)]
pub struct ImportVerdaccio {
    /// The config.yaml of Verdaccio, or the folder with it. Its `storage`, or `VERDACCIO_STORAGE_PATH`, says where the packages
    /// are
    #[arg(value_name = "CONFIG.yaml")]
    pub from: PathBuf,
    /// The file for the settings, which is never overwritten; `-` shows them and imports nothing [default: registry.toml,
    /// unless --config names one]
    #[arg(long, value_name = "FILE")]
    pub settings_out: Option<PathBuf>,
    /// Add to packages, too, that users published here and that were never imported
    #[arg(long)]
    pub into_published: bool,
    /// Say what would be imported, and write nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `import registry URL NAME…`
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("packages").required(true).multiple(true).args([
    "names", "names_files", "scopes", "all", "lockfiles",
])))]
pub struct ImportRegistry {
    /// The registry to import from, such as <https://old.registry.example/npm/>
    pub url: UpstreamUrl,
    /// A package to import
    #[arg(value_name = "NAME", value_parser = package_name)]
    pub names: Vec<PackageName>,
    /// A file with names of packages, one a line; may be given more than once
    #[arg(long = "names", value_name = "FILE")]
    pub names_files: Vec<PathBuf>,
    /// All packages of this scope that the search of the registry finds; may be given more than once
    #[arg(long = "scope", value_name = "@SCOPE", value_parser = scope)]
    pub scopes: Vec<String>,
    /// All packages that the registry lists at `/-/all`
    #[arg(long)]
    pub all: bool,
    /// The packages that a lock file names, in all of their versions: package-lock.json, npm-shrinkwrap.json, pnpm-lock.yaml,
    /// yarn.lock or bun.lock; may be given more than once
    #[arg(long = "lockfile", value_name = "FILE")]
    pub lockfiles: Vec<PathBuf>,
    /// What the registry is asked with.
    #[command(flatten)]
    pub credential: SourceCredential,
    /// A file with certificates to trust besides the system's (PEM); may be given more than once
    #[arg(long = "certificate-file", value_name = "FILE")]
    pub certificate_files: Vec<PathBuf>,
    /// A host that the registry may name for its tarballs and that has no public address, as HOST or HOST:PORT; may be given
    /// more than once
    #[arg(long = "tarball-host", value_name = "HOST")]
    pub tarball_hosts: Vec<String>,
    /// Add to packages, too, that users published here and that were never imported
    #[arg(long)]
    pub into_published: bool,
    /// Say what would be imported, fetch no tarball and write nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Where the credential is. It is no flag itself, because every user of a machine can read all command lines.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct SourceCredential {
    /// The variable with the token to send to the registry
    #[arg(long, value_name = "VARIABLE")]
    pub token_env: Option<String>,
    /// The file with the token to send to the registry
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// The variable with the login to send to the registry, as USER:PASSWORD
    #[arg(long, value_name = "VARIABLE")]
    pub login_env: Option<String>,
    /// The file with the login to send to the registry, as USER:PASSWORD
    #[arg(long, value_name = "FILE")]
    pub login_file: Option<PathBuf>,
}

impl SourceCredential {
    /// Returns the flag that was given.
    pub fn flag(&self) -> Option<&'static str> {
        let given = [
            ("--token-env", self.token_env.is_some()),
            ("--token-file", self.token_file.is_some()),
            ("--login-env", self.login_env.is_some()),
            ("--login-file", self.login_file.is_some()),
        ];
        given.into_iter().find(|(_, is_given)| *is_given).map(|(flag, _)| flag)
    }
}

/// Parses a scope, with or without its `@`, and returns it without.
fn scope(text: &str) -> Result<String, String> {
    let scope = text.strip_prefix('@').unwrap_or(text);
    let scope = scope.strip_suffix("/*").unwrap_or(scope);
    PackageName::parse(&format!("@{scope}/any")).map_err(|problem| problem.to_string())?;
    Ok(scope.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_told_by_what_stands_before_the_slash() {
        for text in ["acme", "@acme", "@acme/*"] {
            assert_eq!(scope(text), Ok("acme".to_owned()), "{text}");
        }
        for text in ["", "@", "@acme/pear", "a b"] {
            assert!(scope(text).is_err(), "{text}");
        }
    }
}
