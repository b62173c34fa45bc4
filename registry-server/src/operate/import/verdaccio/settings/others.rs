use serde_json::Value;

use super::draft::Draft;
use super::quantity::{rounded_up, split};
use super::{ConfigFile, plain};

/// Keys that other parts convert.
const CONVERTED: [&str; 7] = ["storage", "auth", "uplinks", "packages", "listen", "https", "url_prefix"];

/// Converts the other keys, and notes each that has no equal.
pub(super) fn convert(config: &ConfigFile, draft: &mut Draft) {
    for (key, value) in &config.settings {
        if CONVERTED.contains(&key.as_str()) || value.is_null() {
            continue;
        }
        match key.as_str() {
            "max_body_size" => {
                draft.publish_body_mib = plain(value).and_then(|text| mebibytes(&text));
                if draft.publish_body_mib.is_none() {
                    draft.remark(key, "it is no size: set publish_body_mib under [limits]");
                }
            }
            "log" | "logs" => log(key, value, draft),
            "middlewares" => middlewares(value, draft),
            "server" => server(value, draft),
            _ => draft.remark(key, instead_of(key)),
        }
    }
}

fn instead_of(key: &str) -> &'static str {
    match key {
        "web" | "i18n" | "theme" | "title" => {
            "there are no pages of packages: use `npm view` and `npm search`; sign-in in the browser is under [login]"
        }
        "notify" | "notifications" => {
            "write a table [webhooks.NAME] with the url: changes are posted there as signed JSON, in a form of its own"
        }
        "security" => {
            "tokens are random, and no part of them is signed: their days are under [tokens]; logins last until `npm logout`"
        }
        "store" => "plugins do not run here: a bucket is a url under [storage], such as s3://bucket/prefix",
        "plugins" => "plugins do not run here",
        "publish" => {
            "a publish needs the upstreams of its rule (shadow = true under [[packages]] for one without them), and readmes are \
             those of latest"
        }
        "userRateLimit" | "user_rate_limit" | "rateLimit" => {
            "guesses of passwords are limited without a setting; requests_per_minute under [limits] limits all"
        }
        "http_proxy" | "https_proxy" | "no_proxy" => {
            "set the variable HTTPS_PROXY, HTTP_PROXY or NO_PROXY of the server"
        }
        "filters" => "versions of upstreams are not filtered: let clients have a minimum release age",
        "flags" | "experiments" => {
            "tokens, changes of passwords and searches of upstreams ([search]) are built in"
        }
        "secret" => "secrets of tokens are not needed here",
        "user_agent" | "server_id" | "self_path" | "config_path" | "configPath" => "it is not needed here",
        _ => "it is not known, and does nothing here",
    }
}

fn log(key: &str, value: &Value, draft: &mut Draft) {
    let entries = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    for (at, entry) in entries.iter().enumerate() {
        if at > 0 {
            draft.remark(key, "there is one log, on stderr: a second one is left out");
            return;
        }
        for (name, value) in entry.as_object().into_iter().flatten() {
            let text = plain(value).unwrap_or_default();
            let instead = match (name.as_str(), text.as_str()) {
                ("type", "stdout" | "stderr") => continue,
                ("type", _) => "the log goes to stderr: let systemd or the container keep it",
                ("format", "json") => {
                    draft.log_format = Some("json");
                    continue;
                }
                ("format", _) => continue,
                ("level", level) => {
                    draft.log_filter = filter(level);
                    continue;
                }
                ("path", _) => "the log goes to stderr: send its output to the file",
                _ => "it is not known, and does nothing here",
            };
            draft.remark(format!("{key}.{name}"), instead);
        }
    }
}

/// Requests are lines of `info`, which is the default.
fn filter(level: &str) -> Option<&'static str> {
    match level {
        "fatal" | "error" => Some("error"),
        "warn" => Some("warn"),
        "debug" => Some("debug"),
        "trace" => Some("trace"),
        _ => None,
    }
}

fn middlewares(value: &Value, draft: &mut Draft) {
    for (name, settings) in value.as_object().into_iter().flatten() {
        if name != "audit" {
            draft.remark(format!("middlewares.{name}"), "plugins do not run here");
        } else if settings.get("enabled") == Some(&Value::Bool(false)) {
            draft.remark("middlewares.audit", "audits are always answered, by the upstreams: see [audit]");
        }
    }
}

fn server(value: &Value, draft: &mut Draft) {
    for (name, _) in value.as_object().into_iter().flatten() {
        let instead = match name.as_str() {
            // Converted with the addresses.
            "trustProxy" => continue,
            "keepAliveTimeout" => "header_read_seconds under [server] limits idle connections (30 s)",
            "rateLimit" => "requests_per_minute under [limits] limits requests",
            "passwordValidationRegex" => {
                "the tool that changes the htpasswd file decides what a password needs"
            }
            "legacyAuthCache" => "valid passwords are kept for token_seconds under [cache]",
            _ => "it is not known, and does nothing here",
        };
        draft.remark(format!("server.{name}"), instead);
    }
}

/// Reads a size such as `10mb`, rounded up.
fn mebibytes(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let (number, unit) = split(&text)?;
    let unit: f64 = match unit {
        "" | "b" => 1.0,
        "kb" => 1024.0,
        "mb" => 1_048_576.0,
        "gb" => 1_073_741_824.0,
        _ => return None,
    };
    rounded_up(number * unit / 1_048_576.0, 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_up() {
        for (text, expected) in [
            ("10mb", Some(10)),
            ("1.5 MB", Some(2)),
            ("100kb", Some(1)),
            ("1gb", Some(1024)),
            ("5000000", Some(5)),
            ("0", None),
            ("many", None),
        ] {
            assert_eq!(mebibytes(text), expected, "{text}");
        }
    }
}
