use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use saphyr::{LoadableYamlNode as _, Yaml};
use serde_json::{Map, Value};

/// How Verdaccio calls its file, in the order in which they are looked for in a folder.
const NAMES: [&str; 2] = ["config.yaml", "config.yml"];

/// The variable of Verdaccio that wins over `storage`.
const STORAGE_VARIABLE: &str = "VERDACCIO_STORAGE_PATH";

/// The largest file that is read.
const MOST_BYTES: u64 = 4 << 20;

/// The configuration of Verdaccio.
pub(super) struct ConfigFile {
    /// The absolute path.
    pub(super) path: PathBuf,
    /// Its keys, in the order of the file, which is that of the rules.
    pub(super) settings: Map<String, Value>,
}

impl ConfigFile {
    /// Reads a file, or the one in a folder.
    pub(super) fn read(named: &Path) -> anyhow::Result<Self> {
        let path = if named.is_dir() {
            let found = NAMES.iter().map(|name| named.join(name)).find(|path| path.is_file());
            found.with_context(|| format!("there is no config.yaml in {}: name the file", named.display()))?
        } else {
            named.to_owned()
        };
        let shown = path.display();
        let length = fs::metadata(&path).with_context(|| format!("cannot read {shown}"))?.len();
        if length > MOST_BYTES {
            bail!("{shown} has more than {} MiB, as no configuration has", MOST_BYTES >> 20);
        }
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {shown}"))?;
        let settings =
            parse(&text).with_context(|| format!("{shown} is no configuration of Verdaccio in YAML"))?;
        let path = std::path::absolute(&path).with_context(|| format!("cannot find {}", path.display()))?;
        Ok(Self { path, settings })
    }

    /// Returns a path of the file, which starts at its folder, as an absolute one.
    pub(super) fn resolve(&self, path: &str) -> PathBuf {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        folder.join(path).components().collect()
    }

    /// Returns the folder in which Verdaccio keeps its packages.
    pub(super) fn storage(&self) -> anyhow::Result<PathBuf> {
        let set = env::var(STORAGE_VARIABLE).ok().filter(|path| !path.is_empty());
        let written = self.settings.get("storage").and_then(Value::as_str);
        let Some(storage) = set.as_deref().or(written) else {
            let plugin = self.settings.get("store").and_then(Value::as_object);
            let plugin = plugin.and_then(|plugin| plugin.keys().next());
            match plugin {
                Some(plugin) => bail!(
                    "Verdaccio keeps its packages with the plugin {plugin:?}: use import registry, or copy them to a folder \
                     and name it in {STORAGE_VARIABLE}"
                ),
                None => bail!(
                    "{} has no `storage`: name the folder of the packages in {STORAGE_VARIABLE}",
                    self.path.display()
                ),
            }
        };
        let storage = self.resolve(storage);
        if !storage.is_dir() {
            bail!(
                "there is no storage of Verdaccio at {}: name the folder of the packages in {STORAGE_VARIABLE}",
                storage.display()
            );
        }
        Ok(storage)
    }
}

fn parse(text: &str) -> anyhow::Result<Map<String, Value>> {
    let documents = Yaml::load_from_str(text).map_err(|error| anyhow::anyhow!("{error}"))?;
    match documents.first().map(to_json) {
        Some(Value::Object(settings)) => Ok(settings),
        _ => bail!("it has no keys, such as `storage`"),
    }
}

/// Returns what a node says. Verdaccio reads YAML 1.1, where `yes` and `off` are booleans, too.
fn to_json(node: &Yaml<'_>) -> Value {
    if let Some(mapping) = node.as_mapping() {
        let entries = mapping.iter().filter_map(|(key, value)| Some((key_text(key)?, to_json(value))));
        return Value::Object(entries.collect());
    }
    if let Some(sequence) = node.as_sequence() {
        return sequence.iter().map(to_json).collect();
    }
    if let Yaml::Tagged(_, tagged) = node {
        return to_json(tagged);
    }
    if let Some(is_so) = node.as_bool() {
        return is_so.into();
    }
    if let Some(number) = node.as_integer() {
        return number.into();
    }
    if let Some(number) = node.as_floating_point() {
        return number.into();
    }
    node.as_str().map_or(Value::Null, Value::from)
}

fn key_text(key: &Yaml<'_>) -> Option<String> {
    match to_json(key) {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is_so) => Some(is_so.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_keys_is_kept() {
        let settings =
            parse("packages:\n  '@b/*': {}\n  7: {}\n  '**': { access: $all }\nstorage: ./s\n").unwrap();
        assert_eq!(settings.keys().collect::<Vec<_>>(), ["packages", "storage"]);
        let packages: Vec<_> = settings["packages"].as_object().unwrap().keys().collect();
        assert_eq!(packages, ["@b/*", "7", "**"]);
    }

    #[test]
    fn what_is_no_configuration_is_refused() {
        for text in ["", "just text", "- a\n- b\n", "a: [", "\t- x: {"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
