use std::fmt::Write as _;
use std::path::PathBuf;

use registry_core::access::RuleSettings;

use super::{ConfigFile, Place, Remark, SideFile};

/// The settings as far as they are known.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) listen: Option<String>,
    pub(super) public_url: Option<String>,
    pub(super) path_prefix: Option<String>,
    pub(super) htpasswd: Option<PathBuf>,
    pub(super) publish_body_mib: Option<u64>,
    pub(super) upstream_seconds: Option<u64>,
    pub(super) log_format: Option<&'static str>,
    pub(super) log_filter: Option<&'static str>,
    pub(super) trusted_proxies: Vec<String>,
    pub(super) upstreams: Vec<Upstream>,
    pub(super) rules: Vec<RuleSettings>,
    pub(super) remarks: Vec<Remark>,
    pub(super) side_files: Vec<SideFile>,
}

/// `[upstreams.NAME]`
#[derive(Default)]
pub(super) struct Upstream {
    pub(super) name: String,
    pub(super) url: String,
    pub(super) token_env: Option<String>,
    pub(super) token_file: Option<PathBuf>,
    pub(super) certificate_files: Vec<PathBuf>,
    pub(super) first_byte_seconds: Option<u64>,
}

impl Draft {
    /// Notes what has no equal.
    pub(super) fn remark(&mut self, setting: impl Into<String>, instead: impl Into<String>) {
        self.remarks.push(Remark { setting: setting.into(), instead: instead.into() });
    }

    /// Writes the file.
    pub(super) fn render(&self, config: &ConfigFile, place: &Place<'_>) -> String {
        let mut text = String::new();
        let mut line = |content: String| {
            text.push_str(&content);
            text.push('\n');
        };
        line(format!(
            "# Made by `registry-server import verdaccio` of {}",
            comment(&config.path.display().to_string())
        ));
        line(
            "# Check it: registry-server config check --config FILE. All keys: registry-server config"
                .to_owned(),
        );
        if !self.remarks.is_empty() {
            line("#\n# What has no equal, or means something else here:".to_owned());
        }
        for Remark { setting, instead } in &self.remarks {
            line(format!("# - {}: {}", comment(setting), comment(instead)));
        }
        line(String::new());
        let mut keys = Lines::default();
        keys.text("listen", self.listen.as_deref());
        keys.text("public_url", self.public_url.as_deref());
        keys.text("path_prefix", self.path_prefix.as_deref());
        line(keys.0);
        section(&mut line, "[storage]", |keys| keys.text("url", Some(place.storage)));
        section(&mut line, "[accounts]", |keys| keys.raw("sign_up", Some(false)));
        section(&mut line, "[htpasswd]", |keys| keys.path("file", self.htpasswd.as_ref()));
        section(&mut line, "[limits]", |keys| keys.raw("publish_body_mib", self.publish_body_mib));
        section(&mut line, "[cache]", |keys| keys.raw("upstream_seconds", self.upstream_seconds));
        section(&mut line, "[log]", |keys| {
            keys.text("format", self.log_format);
            keys.text("filter", self.log_filter);
        });
        section(&mut line, "[server]", |keys| {
            keys.texts("trusted_proxies", &self.trusted_proxies);
            keys.texts("legacy_prefixes", self.path_prefix.as_slice());
        });
        for upstream in &self.upstreams {
            section(&mut line, &format!("[upstreams.{}]", quoted(&upstream.name)), |keys| {
                keys.text("url", Some(&upstream.url));
                keys.text("token_env", upstream.token_env.as_deref());
                keys.path("token_file", upstream.token_file.as_ref());
                let files: Vec<_> =
                    upstream.certificate_files.iter().map(|file| file.display().to_string()).collect();
                keys.texts("certificate_files", &files);
                keys.raw("first_byte_seconds", upstream.first_byte_seconds);
            });
        }
        for rule in &self.rules {
            section(&mut line, "[[packages]]", |keys| {
                keys.text("match", Some(&rule.pattern));
                keys.list("read", &rule.read);
                keys.list("publish", &rule.publish);
                keys.texts("administer", &rule.administer);
                keys.list("origin", &rule.origin);
            });
        }
        format!("{}\n", text.trim_end())
    }
}

/// The lines of a section.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn raw(&mut self, key: &str, value: Option<impl std::fmt::Display>) {
        if let Some(value) = value {
            // Writing to a text does not fail.
            let _ = writeln!(self.0, "{key} = {value}");
        }
    }

    fn text(&mut self, key: &str, value: Option<&str>) {
        self.raw(key, value.map(quoted));
    }

    fn path(&mut self, key: &str, value: Option<&PathBuf>) {
        self.raw(key, value.map(|path| quoted(&path.display().to_string())));
    }

    fn list(&mut self, key: &str, values: &[String]) {
        let values: Vec<_> = values.iter().map(|value| quoted(value)).collect();
        self.raw(key, Some(format!("[{}]", values.join(", "))));
    }

    /// Leaves an empty list out.
    fn texts(&mut self, key: &str, values: &[String]) {
        if !values.is_empty() {
            self.list(key, values);
        }
    }
}

/// Writes a section, unless it is empty.
fn section(line: &mut impl FnMut(String), header: &str, fill: impl FnOnce(&mut Lines)) {
    let mut keys = Lines::default();
    fill(&mut keys);
    if !keys.0.is_empty() {
        line(format!("{header}\n{}", keys.0));
    }
}

/// Returns a basic string of TOML.
fn quoted(text: &str) -> String {
    let escaped = text.chars().fold(String::new(), |mut escaped, character| {
        match character {
            '"' | '\\' => escaped.extend(['\\', character]),
            _ if character.is_control() => {
                // Writing to a text does not fail.
                let _ = write!(escaped, "\\u{:04X}", u32::from(character));
            }
            _ => escaped.push(character),
        }
        escaped
    });
    format!("\"{escaped}\"")
}

/// Returns a text without what would end a comment.
fn comment(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}
