use std::fs;
use std::path::Path;

use anyhow::Context as _;
use registry_core::auth::Credential;

use crate::command_line::SourceCredential;

/// Reads the credential for the source. No error contains a part of it.
pub(super) fn credential(request: &SourceCredential) -> anyhow::Result<Option<Credential>> {
    let SourceCredential { token_env, token_file, login_env, login_file } = request;
    if let Some(token) = secret("--token-env", token_env.as_deref(), "--token-file", token_file.as_deref())? {
        return Ok(Some(Credential::Bearer(token.into())));
    }
    let Some(login) = secret("--login-env", login_env.as_deref(), "--login-file", login_file.as_deref())?
    else {
        return Ok(None);
    };
    let Some((name, password)) = login.split_once(':') else {
        anyhow::bail!("the login for the source has no colon: write it as USER:PASSWORD");
    };
    Ok(Some(Credential::Basic { name: name.to_owned(), password: password.into() }))
}

fn secret(
    variable_flag: &str,
    variable: Option<&str>,
    file_flag: &str,
    file: Option<&Path>,
) -> anyhow::Result<Option<String>> {
    let (secret, place) = match (variable, file) {
        (Some(variable), _) => {
            let secret = std::env::var(variable).with_context(|| {
                format!("{variable_flag} names the variable {variable}, which is not set")
            })?;
            (secret, format!("the variable {variable}"))
        }
        (None, Some(file)) => {
            let place = file.display().to_string();
            (fs::read_to_string(file).with_context(|| format!("cannot read {place} of {file_flag}"))?, place)
        }
        (None, None) => return Ok(None),
    };
    let secret = secret.trim();
    if secret.is_empty() {
        anyhow::bail!("{place} is empty: put the credential for the source there");
    }
    Ok(Some(secret.to_owned()))
}
