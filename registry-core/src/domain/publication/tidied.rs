use serde_json::{Map, Value, json};

use crate::domain::TarballContents;
use crate::domain::tarball;

/// The short name of each repository host in npm, and its domain.
const HOSTS: [(&str, &str); 3] =
    [("github", "github.com"), ("gitlab", "gitlab.com"), ("bitbucket", "bitbucket.org")];

/// Normalizes a `package.json` as clients do on publish, into the one form that readers of packuments expect. A test
/// checks that `tarball::agree` accepts the result.
pub(super) fn tidied(
    contents: &TarballContents,
    name: &str,
    version: &str,
    bytes: &[u8],
) -> Map<String, Value> {
    let mut manifest = contents.manifest.clone();
    manifest.insert("name".into(), name.into());
    manifest.insert("version".into(), version.into());
    let commands = tarball::commands(&contents.manifest, bytes);
    if commands.is_empty() {
        manifest.shift_remove("bin");
    } else {
        manifest.insert("bin".into(), json!(commands));
    }
    tidy(&mut manifest, "repository", repository);
    tidy(&mut manifest, "bugs", bugs);
    tidy(&mut manifest, "author", person);
    tidy(&mut manifest, "contributors", |people| match people {
        Value::Array(people) => Value::Array(people.into_iter().map(person).collect()),
        other => other,
    });
    tidy(&mut manifest, "keywords", keywords);
    tarball::complete(&mut manifest, contents, bytes);
    manifest
}

fn tidy(manifest: &mut Map<String, Value>, field: &str, tidied: impl FnOnce(Value) -> Value) {
    if let Some(value) = manifest.get_mut(field) {
        *value = tidied(value.take());
    }
}

fn repository(repository: Value) -> Value {
    match repository {
        Value::String(url) => json!({ "type": "git", "url": repository_url(&url) }),
        Value::Object(mut repository) => {
            if let Some(Value::String(url)) = repository.get_mut("url") {
                *url = repository_url(url);
            }
            Value::Object(repository)
        }
        other => other,
    }
}

/// Converts `acme/pear`, `github:acme/pear` and `https://github.com/acme/pear` to
/// `git+https://github.com/acme/pear.git`.
fn repository_url(url: &str) -> String {
    let short = || {
        let (host, path) = url.split_once(':').unwrap_or(("github", url));
        Some((HOSTS.iter().find(|(name, _)| *name == host)?.1, path))
    };
    let long = || {
        let rest =
            ["git+https://", "https://", "git://"].iter().find_map(|scheme| url.strip_prefix(scheme))?;
        let (domain, path) = rest.split_once('/')?;
        HOSTS.iter().find(|(_, known)| *known == domain).map(|(_, domain)| (*domain, path))
    };
    let Some((domain, path)) = long().or_else(short) else { return url.to_owned() };
    let path = path.strip_suffix(".git").unwrap_or(path);
    let plain = |part: &str| !part.is_empty() && !part.contains(|sign: char| "#?@: \\".contains(sign));
    let parts: Vec<&str> = path.split('/').collect();
    if parts.len() == 2 && parts.iter().all(|part| plain(part)) {
        format!("git+https://{domain}/{path}.git")
    } else {
        url.to_owned()
    }
}

fn bugs(bugs: Value) -> Value {
    match bugs {
        Value::String(url) if url.contains("://") => json!({ "url": url }),
        Value::String(email) if email.contains('@') => json!({ "email": email }),
        other => other,
    }
}

/// Splits `Ana Pear <ana@registry.example> (https://registry.example)` into its parts.
fn person(person: Value) -> Value {
    let Value::String(text) = &person else { return person };
    let between = |open, close| {
        let (_, rest) = text.split_once(open)?;
        Some(rest.split_once(close)?.0.trim())
    };
    let name = text.split(['<', '(']).next().unwrap_or_default().trim();
    let parts = [("name", Some(name)), ("email", between('<', '>')), ("url", between('(', ')'))];
    let parts = parts.into_iter().filter_map(|(field, part)| {
        part.filter(|part| !part.is_empty()).map(|part| (field.to_owned(), Value::from(part)))
    });
    Value::Object(parts.collect())
}

fn keywords(keywords: Value) -> Value {
    match keywords {
        Value::String(words) => {
            words.split([',', ' ', '\t', '\n']).filter(|word| !word.is_empty()).map(Value::from).collect()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tidied_of(manifest: &Value, has_gyp_file: bool) -> Value {
        let manifest = manifest.as_object().unwrap().clone();
        let contents = TarballContents { manifest, has_gyp_file, ..TarballContents::default() };
        let tidied = tidied(&contents, "@acme/pear", "1.0.0", &[]);
        assert_eq!(tarball::agree(&tidied, &contents), Ok(()), "what comes out must be what HTTP takes too");
        Value::Object(tidied)
    }

    #[test]
    fn matches_npms_publish_document() {
        let packed = json!({
            "name": "@acme/pear", "version": "v1.0.0+build", "bin": "./cli.js", "repository": "acme/pear",
            "bugs": "https://registry.example/bugs", "author": "Ana Pear <ana@registry.example> (https://ana.example)",
            "contributors": ["Ben", { "name": "Eva" }], "keywords": "fruit, green sweet",
            "dependencies": { "apple": "^1.0.0" }, "bundledDependencies": true
        });
        let said = json!({
            "name": "@acme/pear", "version": "1.0.0", "bin": { "pear": "cli.js" },
            "repository": { "type": "git", "url": "git+https://github.com/acme/pear.git" },
            "bugs": { "url": "https://registry.example/bugs" },
            "author": { "name": "Ana Pear", "email": "ana@registry.example", "url": "https://ana.example" },
            "contributors": [{ "name": "Ben" }, { "name": "Eva" }], "keywords": ["fruit", "green", "sweet"],
            "dependencies": { "apple": "^1.0.0" }, "bundleDependencies": ["apple"]
        });
        assert_eq!(tidied_of(&packed, false), said);
    }

    #[test]
    fn native_code_is_built_unless_a_script_does_it() {
        let packed = |more: Value| {
            let mut packed = json!({ "name": "@acme/pear", "version": "1.0.0" });
            packed.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            tidied_of(&packed, true)
        };
        assert_eq!(packed(json!({}))["scripts"]["install"], "node-gyp rebuild");
        assert_eq!(packed(json!({}))["gypfile"], true);
        let own = json!({ "scripts": { "install": "make" } });
        assert_eq!(packed(own)["scripts"], json!({ "install": "make" }));
        assert_eq!(packed(json!({ "gypfile": false }))["scripts"], json!(null));
    }

    #[test]
    fn repositories_have_one_spelling() {
        let ours = "git+https://github.com/acme/pear.git";
        for url in [
            "acme/pear",
            "github:acme/pear",
            "https://github.com/acme/pear",
            "https://github.com/acme/pear.git",
            "git://github.com/acme/pear.git",
            ours,
        ] {
            assert_eq!(repository_url(url), ours, "{url}");
        }
        assert_eq!(repository_url("gitlab:acme/pear"), "git+https://gitlab.com/acme/pear.git");
        for url in [
            "https://registry.example/acme/pear.git",
            "git@github.com:acme/pear.git",
            "https://github.com/acme/pear/tree/main/packages/one",
            "gist:0123",
            "pear",
            "",
        ] {
            assert_eq!(repository_url(url), url, "{url}");
        }
    }
}
