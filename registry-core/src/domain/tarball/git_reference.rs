use percent_encoding::percent_decode_str;

/// A repository on one of the hosts that have short names in npm.
#[derive(PartialEq, Eq)]
struct Repository<'a> {
    host: &'static str,
    /// The protocol to fetch it. A short name is equivalent to ssh.
    protocol: &'static str,
    /// The user that fetches it, if the protocol permits one in the reference.
    login: Option<&'a str>,
    path: &'a str,
    commit: String,
}

/// The short name of each host, and its domain.
const HOSTS: [(&str, &str); 3] =
    [("github", "github.com"), ("gitlab", "gitlab.com"), ("bitbucket", "bitbucket.org")];

/// Whether two dependencies are the same git repository, one by short name and one by URL: `a/b`, `github:a/b` and
/// `git+ssh://git@github.com/a/b.git`. npm expands short names on publish.
pub(super) fn is_same_repository(first: &str, second: &str) -> bool {
    Repository::parse(first)
        .is_some_and(|first| Repository::parse(second).is_some_and(|second| first == second))
}

impl<'a> Repository<'a> {
    fn parse(reference: &'a str) -> Option<Self> {
        let (address, commit) = reference.split_once('#').unwrap_or((reference, ""));
        let mut repository = match address.split_once("://") {
            Some((scheme, rest)) => Self::from_url(scheme, rest)?,
            None => Self::from_short_name(address)?,
        };
        if repository.commit.is_empty() {
            repository.commit = percent_decode_str(commit).decode_utf8().ok()?.into_owned();
        }
        repository.path = repository.path.strip_suffix(".git").unwrap_or(repository.path);
        let parts = repository.path.split('/').count();
        let is_path = repository.path.split('/').all(|part| !part.is_empty());
        // Only GitLab has nested groups.
        (is_path && (parts == 2 || (parts > 2 && repository.host == "gitlab"))).then_some(repository)
    }

    /// Parses `a/b`, `github:a/b` or `git@github.com:a/b.git`.
    fn from_short_name(address: &'a str) -> Option<Self> {
        let (host, path) = match address.split_once(':') {
            None if address.starts_with(['.', '/', '@']) || address.contains(['@', ' ']) => return None,
            None => ("github", address),
            Some((prefix, path)) => {
                let is_host = |(name, domain): &&(&str, &str)| {
                    prefix == *name || prefix.strip_prefix("git@").is_some_and(|prefix| prefix == *domain)
                };
                (HOSTS.iter().find(is_host)?.0, path)
            }
        };
        Some(Self { host, protocol: "ssh", login: None, path, commit: String::new() })
    }

    fn from_url(scheme: &str, rest: &'a str) -> Option<Self> {
        let (login, rest) = match rest.split_once('@') {
            Some((login, rest)) if !login.contains('/') => (Some(login), rest),
            _ => (None, rest),
        };
        let (domain, path) = rest.split_once(['/', ':'])?;
        let domain = domain.strip_prefix("www.").unwrap_or(domain);
        let host = HOSTS.iter().find(|(_, known)| domain.eq_ignore_ascii_case(known))?.0;
        let (protocol, login) = match scheme {
            "git+ssh" | "ssh" => ("ssh", None),
            // npm has no form for plain http, and writes ssh.
            "http" if host == "github" => ("ssh", None),
            "git+https" | "https" => ("https", login),
            "git" if host == "github" => ("git", login),
            _ => return None,
        };
        // `/a/b/tree/main` is GitHub's URL of a branch.
        let (path, commit) = match path.split_once("/tree/") {
            Some((path, commit)) if host == "github" => (path, commit.split('/').next()?),
            _ => (path, ""),
        };
        let path = path.strip_suffix('/').unwrap_or(path);
        let commit = percent_decode_str(commit).decode_utf8().ok()?.into_owned();
        // These are file downloads, not repositories.
        let is_download = path.contains("/-/") || path.contains("/archive.tar.gz");
        (!is_download).then_some(Self { host, protocol, login, path, commit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_are_the_same_as_what_they_stand_for() {
        for group in [
            &[
                "a/b",
                "a/b.git",
                "github:a/b",
                "git@github.com:a/b.git",
                "git+ssh://git@github.com/a/b.git",
                "ssh://git@github.com/a/b",
            ][..],
            &["a/b#v1", "github:a/b#v1", "git+ssh://git@github.com:a/b.git#v1"],
            &["https://github.com/a/b", "git+https://github.com/a/b.git", "https://www.GitHub.com/a/b/"],
            &["https://github.com/a/b/tree/main", "git+https://github.com/a/b.git#main"],
            &["gitlab:g/s/p", "git+ssh://git@gitlab.com/g/s/p.git"],
            &["bitbucket:a/b#semver:^1.0.0", "git+ssh://git@bitbucket.org/a/b.git#semver:%5E1.0.0"],
        ] {
            for first in group {
                for second in group {
                    assert!(is_same_repository(first, second), "{first} and {second}");
                }
            }
        }
    }

    #[test]
    fn other_repositories_commits_and_hosts_are_others() {
        for other in [
            "a/c",
            "c/b",
            "A/b",
            "a/b/c",
            "a/b#main",
            "gitlab:a/b",
            "bitbucket:a/b",
            "https://github.com/a/b",
            "git://github.com/a/b",
            "git+ssh://git@github.com.evil.example/a/b.git",
            "git+ssh://git@evil.example/a/b.git",
            "git@evil.example:a/b",
            "evil:a/b",
            "github:a",
            "./a/b",
            "@a/b",
            "^1.0.0",
            "",
        ] {
            assert!(!is_same_repository("a/b", other), "{other}");
        }
        assert!(!is_same_repository("git+https://x@github.com/a/b", "git+https://y@github.com/a/b"));
        assert!(!is_same_repository(
            "https://gitlab.com/a/b/archive.tar.gz",
            "git+https://gitlab.com/a/b/archive.tar.gz"
        ));
        assert!(!is_same_repository("^1.0.0", "^1.0.0"), "equal texts are another matter");
        assert!(!is_same_repository("https://github.com/a/b/archive/x.tar.gz", "https://github.com/a/b"));
    }
}
