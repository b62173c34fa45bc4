use std::path::Path;

use registry_core::settings::UpstreamUrl;

/// A registry that npm is configured with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NpmRegistry {
    /// Its URL.
    pub url: UpstreamUrl,
    /// The variable or the file that names it.
    pub source: String,
}

/// Returns the registry that npm itself uses: `npm_config_registry`, or else `registry` in the user's `.npmrc`. `None`
/// if neither is set, which leaves npm's default.
pub fn npm_registry(
    variables: impl Iterator<Item = (String, String)>,
    home: Option<&Path>,
) -> Option<NpmRegistry> {
    let mut variables = variables;
    let from_environment = variables.find(|(name, _)| name.eq_ignore_ascii_case("npm_config_registry"));
    if let Some((name, registry)) = from_environment.filter(|(_, registry)| !registry.is_empty()) {
        return Some(NpmRegistry { url: registry.parse().ok()?, source: format!("the variable {name}") });
    }
    let file = home?.join(".npmrc");
    let npmrc = std::fs::read_to_string(&file).ok()?;
    let url = npmrc.lines().rev().find_map(registry_of)?.parse().ok()?;
    Some(NpmRegistry { url, source: format!("the file {}", file.display()) })
}

/// Returns the value of a line `registry = …`.
fn registry_of(line: &str) -> Option<&str> {
    let (key, value) = line.split_once('=')?;
    (key.trim() == "registry").then(|| value.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(variables: &[(&str, &str)], npmrc: Option<&str>) -> Option<(String, String)> {
        let home = tempfile::tempdir().unwrap();
        if let Some(npmrc) = npmrc {
            std::fs::write(home.path().join(".npmrc"), npmrc).unwrap();
        }
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let found = npm_registry(variables, Some(home.path()))?;
        Some((found.url.to_string(), found.source.replace(&home.path().display().to_string(), "HOME")))
    }

    fn registry(url: &str, source: &str) -> (String, String) {
        (url.to_owned(), source.to_owned())
    }

    #[test]
    fn the_environment_wins_over_the_file_and_the_last_line_over_the_first() {
        let npmrc = "registry=http://first.example/\nfund=false\n registry = \"http://second.example/\"\n";
        let second = registry("http://second.example/", "the file HOME/.npmrc");
        assert_eq!(found(&[], Some(npmrc)), Some(second));
        let variable = [("NPM_CONFIG_REGISTRY", "http://third.example/")];
        let third = registry("http://third.example/", "the variable NPM_CONFIG_REGISTRY");
        assert_eq!(found(&variable, Some(npmrc)), Some(third));
    }

    #[test]
    fn no_registry_is_assumed() {
        assert_eq!(found(&[], None), None);
        assert_eq!(
            found(&[("npm_config_registry", "")], Some("@acme:registry=http://scoped.example/\n")),
            None
        );
        assert_eq!(found(&[], Some("registry=not a url\n")), None);
    }
}
