use std::path::Path;

use registry_core::settings::UpstreamUrl;

/// Returns the registry that npm itself uses: `npm_config_registry`, or else `registry` in the user's `.npmrc`. `None`
/// if neither is set, which leaves npm's default.
pub fn npm_registry(
    variables: impl Iterator<Item = (String, String)>,
    home: Option<&Path>,
) -> Option<UpstreamUrl> {
    let mut variables = variables;
    let from_environment = variables.find(|(name, _)| name.eq_ignore_ascii_case("npm_config_registry"));
    if let Some((_, registry)) = from_environment.filter(|(_, registry)| !registry.is_empty()) {
        return registry.parse().ok();
    }
    let npmrc = std::fs::read_to_string(home?.join(".npmrc")).ok()?;
    npmrc.lines().rev().find_map(registry_of).and_then(|registry| registry.parse().ok())
}

/// Returns the value of a line `registry = …`.
fn registry_of(line: &str) -> Option<&str> {
    let (key, value) = line.split_once('=')?;
    (key.trim() == "registry").then(|| value.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(variables: &[(&str, &str)], npmrc: Option<&str>) -> Option<String> {
        let home = tempfile::tempdir().unwrap();
        if let Some(npmrc) = npmrc {
            std::fs::write(home.path().join(".npmrc"), npmrc).unwrap();
        }
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        npm_registry(variables, Some(home.path())).map(|url| url.to_string())
    }

    #[test]
    fn the_environment_wins_over_the_file_and_the_last_line_over_the_first() {
        let npmrc = "registry=http://first.example/\nfund=false\n registry = \"http://second.example/\"\n";
        assert_eq!(found(&[], Some(npmrc)).as_deref(), Some("http://second.example/"));
        let variable = [("NPM_CONFIG_REGISTRY", "http://third.example/")];
        assert_eq!(found(&variable, Some(npmrc)).as_deref(), Some("http://third.example/"));
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
