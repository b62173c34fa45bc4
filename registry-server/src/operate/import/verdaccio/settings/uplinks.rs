use registry_core::settings::UpstreamUrl;
use serde_json::{Map, Value};

use super::draft::{Draft, Upstream};
use super::quantity::{rounded_up, split};
use super::{ConfigFile, Place, SideFile, plain};

/// The variable of the token where `auth` names none.
const NPM_TOKEN: &str = "NPM_TOKEN";

/// Converts `uplinks`.
pub(super) fn convert(config: &ConfigFile, place: &Place<'_>, draft: &mut Draft) {
    let Some(uplinks) = config.settings.get("uplinks").and_then(Value::as_object) else { return };
    for (name, uplink) in uplinks {
        let setting = format!("uplinks.{name}");
        let Some(uplink) = uplink.as_object() else {
            draft.remark(setting, "it has no `url`, and is left out");
            continue;
        };
        let url = uplink.get("url").and_then(Value::as_str).unwrap_or_default();
        if name == "hosted" || url.parse::<UpstreamUrl>().is_err() {
            // A URL may have a password in it.
            draft.remark(
                setting,
                "its name or `url` cannot be that of an upstream, which has no password in its URL: write it yourself",
            );
            continue;
        }
        let mut upstream = Upstream { name: name.clone(), url: url.to_owned(), ..Upstream::default() };
        for (key, value) in uplink {
            convert_key(&mut upstream, (key, value), config, place, draft);
        }
        draft.upstreams.push(upstream);
    }
}

fn convert_key(
    upstream: &mut Upstream,
    (key, value): (&str, &Value),
    config: &ConfigFile,
    place: &Place<'_>,
    draft: &mut Draft,
) {
    let setting = format!("uplinks.{}.{key}", upstream.name);
    let seconds = || plain(value).and_then(|text| seconds(&text));
    let instead = match key {
        "url" => return,
        "auth" => return token(upstream, &setting, value, place, draft),
        "headers" => return headers(upstream, &setting, value, place, draft),
        "ca" if value.is_string() => {
            upstream.certificate_files.extend(value.as_str().map(|file| config.resolve(file)));
            return;
        }
        "timeout" => {
            upstream.first_byte_seconds = seconds();
            return;
        }
        "maxage" => {
            // One for all upstreams here: the shortest.
            let shorter = |seconds: u64| draft.upstream_seconds.is_none_or(|known| seconds < known);
            draft.upstream_seconds = seconds().filter(|seconds| shorter(*seconds)).or(draft.upstream_seconds);
            return;
        }
        "cache" | "strict_ssl" if value == &Value::Bool(true) => return,
        "cache" => "tarballs are always kept in the storage, up to `upstream_mib` under [cache]",
        "strict_ssl" => "certificates are always checked: name the certificate to trust in certificate_files",
        "max_fails" | "fail_timeout" => "pauses after failures are built in",
        "http_proxy" | "https_proxy" | "no_proxy" => {
            "set the variable HTTPS_PROXY, HTTP_PROXY or NO_PROXY of the server"
        }
        "agent_options" => "connections are shared and limited without a setting",
        _ => "it is not known, and does nothing here",
    };
    draft.remark(setting, instead);
}

/// Verdaccio has a token in its file or in a variable.
fn token(upstream: &mut Upstream, setting: &str, auth: &Value, place: &Place<'_>, draft: &mut Draft) {
    let empty = Map::new();
    let auth = auth.as_object().unwrap_or(&empty);
    let kind = auth.get("type").and_then(Value::as_str).unwrap_or("basic");
    if !kind.eq_ignore_ascii_case("bearer") {
        draft.remark(
            setting,
            "an upstream gets a bearer token alone: create one there, and name it in token_env or token_file",
        );
        return;
    }
    match (auth.get("token").and_then(Value::as_str), auth.get("token_env")) {
        (Some(token), _) => secret(upstream, setting, token, place, draft),
        (None, Some(Value::String(variable))) => upstream.token_env = Some(variable.clone()),
        (None, _) => upstream.token_env = Some(NPM_TOKEN.to_owned()),
    }
}

fn headers(upstream: &mut Upstream, setting: &str, headers: &Value, place: &Place<'_>, draft: &mut Draft) {
    for (header, value) in headers.as_object().into_iter().flatten() {
        let token = value.as_str().and_then(|value| value.strip_prefix("Bearer ")).map(str::trim);
        match token {
            Some(token) if header.eq_ignore_ascii_case("authorization") => {
                secret(upstream, setting, token, place, draft);
            }
            _ => draft.remark(
                format!("{setting}.{header}"),
                "an upstream gets no other header than a bearer token",
            ),
        }
    }
}

/// A token is never written into the settings: it goes into a file of its own.
fn secret(upstream: &mut Upstream, setting: &str, token: &str, place: &Place<'_>, draft: &mut Draft) {
    let plain = |character: char| if character.is_ascii_alphanumeric() { character } else { '_' };
    let name: String = upstream.name.chars().map(plain).collect();
    let Some(file) = place.file else {
        let variable = format!("{}_TOKEN", name.to_ascii_uppercase());
        draft.remark(setting, format!("the token is not shown: put it into the variable {variable}"));
        upstream.token_env = Some(variable);
        return;
    };
    let file = file.with_file_name(format!("{name}.token"));
    draft.remark(setting, format!("the token is in {}, which only its owner can read", file.display()));
    draft.side_files.push(SideFile { path: file.clone(), content: token.into() });
    upstream.token_file = Some(file);
}

/// Reads a duration of Verdaccio, such as `2m`, `1h 30m` or `30`, which are seconds.
pub(super) fn seconds(text: &str) -> Option<u64> {
    let mut sum = 0.0;
    for part in text.split_whitespace() {
        let (number, unit) = split(part)?;
        let unit = match unit {
            "" | "s" => 1.0,
            "ms" => 0.001,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            "w" => 604_800.0,
            "M" => 2_592_000.0,
            "y" => 31_536_000.0,
            _ => return None,
        };
        sum += number * unit;
    }
    rounded_up(sum, 31_536_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_verdaccio() {
        for (text, expected) in [
            ("2m", Some(120)),
            ("30", Some(30)),
            ("30s", Some(30)),
            ("1h 30m", Some(5400)),
            ("500ms", Some(1)),
            ("1d", Some(86_400)),
            ("", None),
            ("0", None),
            ("soon", None),
            ("-1s", None),
            ("900y", None),
        ] {
            assert_eq!(seconds(text), expected, "{text:?}");
        }
    }
}
