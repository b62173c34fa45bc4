use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;

use anyhow::Context as _;
use registry_core::auth::{RejectedLine, SiftedHtpasswd};
use serde_json::Value;

use super::draft::Draft;
use super::{ConfigFile, Place, SideFile, plain};

/// Converts `auth`. Returns the users who can sign in.
pub(super) fn convert(
    config: &ConfigFile,
    place: &Place<'_>,
    draft: &mut Draft,
) -> anyhow::Result<BTreeSet<String>> {
    draft.remark(
        "tokens",
        "tokens of Verdaccio do not count here: each user runs `npm login` again with the same password, and builds get a \
         token of `npm token create` or `registry-server token create`",
    );
    let mut users = BTreeSet::new();
    for (plugin, settings) in config.settings.get("auth").and_then(Value::as_object).into_iter().flatten() {
        if plugin == "htpasswd" {
            users = htpasswd(config, settings, place, draft)?;
        } else {
            draft.remark(
                format!("auth.{plugin}"),
                "plugins do not run here: users sign in by [openid], [github], [htpasswd] or accounts of this registry",
            );
        }
    }
    Ok(users)
}

fn htpasswd(
    config: &ConfigFile,
    settings: &Value,
    place: &Place<'_>,
    draft: &mut Draft,
) -> anyhow::Result<BTreeSet<String>> {
    for (key, value) in settings.as_object().into_iter().flatten() {
        let setting = format!("auth.htpasswd.{key}");
        match key.as_str() {
            "file" => {}
            "max_users" if plain(value).is_some_and(|number| number.starts_with('-')) => {}
            "max_users" => draft
                .remark(setting, "users of the file do not sign up: add them with `htpasswd -B FILE NAME`"),
            "algorithm" | "rounds" => draft
                .remark(setting, "the tool that changes the file chooses the hash: `htpasswd -B` for bcrypt"),
            "slow_verify_ms" => {
                draft.remark(setting, "passwords are checked two at a time, off the other requests");
            }
            _ => draft.remark(setting, "it is not known, and does nothing here"),
        }
    }
    if settings.get("max_users").is_none() {
        let instead = "users of the file do not sign up: add them with `htpasswd -B FILE NAME`";
        draft.remark("auth.htpasswd.max_users", instead);
    }
    let Some(file) = settings.get("file").and_then(Value::as_str) else {
        draft.remark("auth.htpasswd.file", "it is missing: name the file under [htpasswd]");
        return Ok(BTreeSet::new());
    };
    let file = config.resolve(file);
    let text = match fs::read(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let instead = format!(
                "there is no {}, so no user can sign in: copy it, and name it under [htpasswd]",
                file.display()
            );
            draft.remark("auth.htpasswd.file", instead);
            return Ok(BTreeSet::new());
        }
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
    };
    let sifted = SiftedHtpasswd::of(&text);
    for RejectedLine { line, user, problem, .. } in &sifted.rejected {
        let setting = user.as_ref().map_or_else(|| format!("line {line}"), |user| format!("the user {user}"));
        draft.remark(format!("auth.htpasswd.file, {setting}"), problem.clone());
    }
    draft.htpasswd = match place.file {
        _ if sifted.rejected.is_empty() => Some(file),
        // The server rejects a file with such lines.
        Some(settings) => {
            let copy = settings.with_extension("htpasswd");
            let instead = format!("{} is a copy without those lines: add users to it", copy.display());
            draft.remark("auth.htpasswd.file", instead);
            draft.side_files.push(SideFile { path: copy.clone(), content: sifted.text });
            Some(copy)
        }
        None => {
            let instead =
                "name a copy without those lines under [htpasswd], as --settings-out FILE makes one";
            draft.remark("auth.htpasswd.file", instead);
            None
        }
    };
    Ok(sifted.users.into_iter().collect())
}
