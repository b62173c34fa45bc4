use std::io::{self, Write as _};

use anyhow::Context as _;

use crate::command_line::Overrides;
use crate::operate::session::{Access, run};

/// Prints the id of the registry's key, then the key as PEM, before which readers of PEM skip all lines.
pub(super) fn print(overrides: &Overrides) -> anyhow::Result<()> {
    let key = run(overrides, Access::Writes, async |registry| Ok(registry.signing_key().await?))?;
    let public = key.public_key();
    write!(io::stdout(), "{}\n{}", public.id(), public.pem()).context("cannot write to stdout")
}
