use std::fmt::{self, Write as _};

use crate::domain::PackageName;
use crate::domain::provenance::{BuildIdentity, Provenance, ProvenanceError};
use crate::vocabulary::{PackagePattern, PatternError};

/// Where a short name of a repository is.
const SHORT_REPOSITORY: &str = "https://github.com/";
/// What vouches for builds of GitHub. An enterprise may have its own issuer below it.
const ISSUER_OF_GITHUB: &str = "https://token.actions.githubusercontent.com";

/// Which packages are only published with provenance, and of which builds. The first rule whose pattern matches decides; a
/// package that no rule matches needs none.
///
/// ```
/// use registry_core::domain::PackageName;
/// use registry_core::provenance::{ProvenanceRule, ProvenanceRules};
/// let mut rule = ProvenanceRule::new("@acme/*");
/// rule.repository = Some("acme/pear".to_owned());
/// let rules = ProvenanceRules::compile(vec![rule]).unwrap();
/// let pear = PackageName::parse("@acme/pear").unwrap();
/// assert_eq!(rules.of(&pear).unwrap().to_string(), "repository https://github.com/acme/pear");
/// ```
#[derive(Debug, Clone, Default)]
pub struct ProvenanceRules(Vec<CompiledRule>);

/// What provenance of some packages must say. What is `None` may be anything.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProvenanceRule {
    /// The pattern of packages, as in access rules.
    pub pattern: String,
    /// The repository: a URL, or `OWNER/NAME` on GitHub. `*` at the end stands for anything.
    pub repository: Option<String>,
    /// The issuer of the token of the build. By default, that of GitHub for a repository there, and for any other repository one on
    /// its own host: other issuers may name any repository.
    pub issuer: Option<String>,
    /// The file of the workflow, such as `publish.yml`.
    pub workflow: Option<String>,
    /// The branches and tags, such as `refs/heads/main` or `refs/tags/v*`; none for any.
    pub refs: Vec<String>,
}

/// Why a rule cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProvenanceRuleError {
    /// The pattern is wrong.
    #[error("its pattern {0}")]
    Pattern(#[from] PatternError),
    /// A name of a branch or a tag is wrong.
    #[error("{0:?} is no branch and no tag: write `refs/heads/main` or `refs/tags/v*`")]
    Ref(String),
    /// The repository is wrong.
    #[error("{0:?} is no repository: write `https://github.com/acme/pear`, or `acme/pear` on GitHub")]
    Repository(String),
    /// The workflow is wrong.
    #[error("{0:?} is no file of a workflow: write `publish.yml`")]
    Workflow(String),
}

/// A rule that was checked. It shows what it requires.
#[derive(Debug, Clone)]
pub struct CompiledRule {
    packages: PackagePattern,
    repository: Option<String>,
    issuers: Issuers,
    workflow: Option<String>,
    refs: Vec<String>,
}

/// Which issuers vouch for a build.
#[derive(Debug, Clone)]
enum Issuers {
    Any,
    Named(String),
    /// This one, and all whose URL begins with it and a slash.
    Below(String),
}

impl Issuers {
    fn of(rule: &ProvenanceRule, repository: Option<&str>) -> Self {
        match (&rule.issuer, repository) {
            (Some(issuer), _) => Self::Named(issuer.clone()),
            (None, None) => Self::Any,
            (None, Some(repository)) if repository.starts_with(SHORT_REPOSITORY) => {
                Self::Below(ISSUER_OF_GITHUB.to_owned())
            }
            (None, Some(repository)) => {
                let after_scheme = repository.match_indices('/').nth(2).map(|(at, _)| at);
                Self::Below(repository[..after_scheme.unwrap_or(repository.len())].to_owned())
            }
        }
    }

    fn include(&self, found: Option<&str>) -> bool {
        match (self, found) {
            (Self::Any, _) => true,
            (_, None) => false,
            (Self::Named(issuer), Some(found)) => issuer == found,
            (Self::Below(issuer), Some(found)) => found
                .strip_prefix(issuer.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
        }
    }
}

impl ProvenanceRule {
    /// A rule that requires provenance of any build.
    pub fn new(pattern: &str) -> Self {
        let pattern = pattern.to_owned();
        Self { pattern, repository: None, issuer: None, workflow: None, refs: Vec::new() }
    }

    fn compile(self) -> Result<CompiledRule, ProvenanceRuleError> {
        let packages = PackagePattern::parse(&self.pattern)?;
        if let Some(wrong) = self.refs.iter().find(|name| !name.starts_with("refs/")) {
            return Err(ProvenanceRuleError::Ref(wrong.clone()));
        }
        let repository = self.repository.clone().map(whole_repository).transpose()?;
        let issuers = Issuers::of(&self, repository.as_deref());
        if let Some(workflow) =
            self.workflow.as_ref().filter(|file| file.is_empty() || file.contains(['@', '*']))
        {
            return Err(ProvenanceRuleError::Workflow(workflow.clone()));
        }
        Ok(CompiledRule { packages, repository, issuers, workflow: self.workflow, refs: self.refs })
    }
}

impl ProvenanceRules {
    /// Checks the rules.
    pub fn compile(rules: Vec<ProvenanceRule>) -> Result<Self, ProvenanceRuleError> {
        rules.into_iter().map(ProvenanceRule::compile).collect::<Result<_, _>>().map(Self)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the rule about a package.
    pub fn of(&self, name: &PackageName) -> Option<&CompiledRule> {
        self.0.iter().find(|rule| rule.packages.matches(name.as_str()))
    }
}

impl CompiledRule {
    /// Rejects provenance that is missing, was not verified, or is of another build.
    pub(super) fn require(
        &self,
        name: &PackageName,
        provenance: Option<&Provenance>,
    ) -> Result<(), ProvenanceError> {
        let rule = || self.to_string();
        let Some(provenance) = provenance else {
            return Err(ProvenanceError::Required { name: name.clone(), rule: rule() });
        };
        if !provenance.is_trusted {
            return Err(ProvenanceError::Unverifiable { name: name.clone() });
        }
        let BuildIdentity { issuer, repository, workflow, git_ref } = &provenance.identity;
        let wanted: Vec<_> = self.repository.iter().map(String::as_str).collect();
        let refs: Vec<_> = self.refs.iter().map(String::as_str).collect();
        for (field, found, holds) in [
            ("repository", repository, is_any(&wanted, repository.as_deref())),
            ("issuer", issuer, self.issuers.include(issuer.as_deref())),
            ("workflow", workflow, self.has_workflow(repository.as_deref(), workflow.as_deref())),
            ("ref", git_ref, is_any(&refs, git_ref.as_deref())),
        ] {
            if !holds {
                let found = found.clone().unwrap_or_else(|| "nothing".to_owned());
                return Err(ProvenanceError::OtherBuild { name: name.clone(), field, found, rule: rule() });
            }
        }
        Ok(())
    }

    /// Whether the file is the one of a workflow, which is named with its repository and its branch or tag. The name of a tag may
    /// look like a file.
    fn has_workflow(&self, repository: Option<&str>, found: Option<&str>) -> bool {
        let Some(wanted) = &self.workflow else { return true };
        let within = || found?.strip_prefix(repository?)?.split_once("@refs/");
        let Some((path, _)) = within() else { return false };
        path.starts_with('/')
            && path.strip_suffix(wanted.as_str()).is_some_and(|folder| folder.ends_with('/'))
    }
}

impl fmt::Display for CompiledRule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        parts.extend(self.repository.iter().map(|repository| format!("repository {repository}")));
        if let Issuers::Named(issuer) = &self.issuers {
            parts.push(format!("issuer {issuer}"));
        }
        parts.extend(self.workflow.iter().map(|workflow| format!("workflow {workflow}")));
        if !self.refs.is_empty() {
            parts.push(self.refs.join(" or "));
        }
        let mut parts = parts.into_iter();
        if let Some(first) = parts.next() {
            formatter.write_str(&first)?;
        }
        parts.try_for_each(|part| formatter.write_char(',').and_then(|()| write!(formatter, " {part}")))
    }
}

/// Returns the URL of a repository that may be written in short.
fn whole_repository(written: String) -> Result<String, ProvenanceRuleError> {
    let is_short = written.split('/').count() == 2
        && !written.contains(':')
        && written.split('/').all(|part| !part.is_empty());
    if is_short {
        return Ok(format!("{SHORT_REPOSITORY}{written}"));
    }
    if written.starts_with("https://")
        && !written.to_ascii_lowercase().ends_with(".git")
        && !written.ends_with('/')
    {
        return Ok(written);
    }
    Err(ProvenanceRuleError::Repository(written))
}

/// Whether a text is one of the patterns, of which none means any text.
fn is_any(patterns: &[&str], text: Option<&str>) -> bool {
    let matches = |pattern: &&str| match (pattern.strip_suffix('*'), text) {
        (Some(begin), Some(text)) => text.starts_with(begin),
        (None, Some(text)) => *pattern == text,
        (_, None) => false,
    };
    patterns.is_empty() || patterns.iter().any(matches)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(repository: &str, workflow: &str, refs: &[&str]) -> CompiledRule {
        let mut rule = ProvenanceRule::new("@acme/*");
        rule.repository = Some(repository.to_owned()).filter(|text| !text.is_empty());
        rule.workflow = Some(workflow.to_owned()).filter(|text| !text.is_empty());
        rule.refs = refs.iter().map(|name| (*name).to_owned()).collect();
        rule.compile().unwrap()
    }

    fn provenance(repository: &str, workflow: &str, git_ref: &str) -> Provenance {
        let identity = BuildIdentity {
            issuer: Some(ISSUER_OF_GITHUB.to_owned()),
            repository: Some(repository.to_owned()),
            git_ref: Some(git_ref.to_owned()),
            workflow: Some(format!("{repository}/.github/workflows/{workflow}@{git_ref}")),
        };
        Provenance { predicate_type: "https://slsa.dev/provenance/v1".to_owned(), identity, is_trusted: true }
    }

    #[test]
    fn each_field_is_compared() {
        let name = PackageName::parse("@acme/pear").unwrap();
        let pear = provenance("https://github.com/acme/pear", "publish.yml", "refs/heads/main");
        for (rule, differs) in [
            (rule("", "", &[]), None),
            (rule("acme/pear", "publish.yml", &["refs/heads/main"]), None),
            (rule("acme/*", "", &["refs/tags/*", "refs/heads/*"]), None),
            (rule("https://github.com/acme/pear", ".github/workflows/publish.yml", &[]), None),
            (rule("acme/pea", "", &[]), Some("repository")),
            (rule("https://gitlab.com/acme/pear", "", &[]), Some("repository")),
            (rule("", "ublish.yml", &[]), Some("workflow")),
            (rule("", "other.yml", &[]), Some("workflow")),
            (rule("", "", &["refs/heads/mai"]), Some("ref")),
            (rule("", "", &["refs/tags/*"]), Some("ref")),
        ] {
            let found = match rule.require(&name, Some(&pear)) {
                Ok(()) => None,
                Err(ProvenanceError::OtherBuild { field, .. }) => Some(field),
                Err(other) => panic!("{rule}: {other}"),
            };
            assert_eq!(found, differs, "{rule}");
        }
        let unverified = Provenance { is_trusted: false, ..pear };
        let any = rule("", "", &[]);
        assert!(matches!(any.require(&name, Some(&unverified)), Err(ProvenanceError::Unverifiable { .. })));
        assert!(matches!(any.require(&name, None), Err(ProvenanceError::Required { .. })));
    }

    /// Issuers of other forges write into a certificate what a project there is called.
    #[test]
    fn an_issuer_vouches_for_repositories_of_its_own() {
        let name = PackageName::parse("@acme/pear").unwrap();
        let holds = |rule: &CompiledRule, repository: &str, issuer: &str| {
            let mut found = provenance(repository, "publish.yml", "refs/heads/main");
            found.identity.issuer = Some(issuer.to_owned()).filter(|issuer| !issuer.is_empty());
            rule.require(&name, Some(&found)).is_ok()
        };
        let (github, gitlab) =
            (rule("acme/pear", "", &[]), rule("https://gitlab.example/acme/pear", "", &[]));
        let named = {
            let mut rule = ProvenanceRule::new("@acme/*");
            rule.repository = Some("acme/pear".to_owned());
            rule.issuer = Some("https://ci.example".to_owned());
            rule.compile().unwrap()
        };
        for (rule, repository, issuer, expected) in [
            (&github, "https://github.com/acme/pear", ISSUER_OF_GITHUB, true),
            (
                &github,
                "https://github.com/acme/pear",
                "https://token.actions.githubusercontent.com/acme",
                true,
            ),
            (
                &github,
                "https://github.com/acme/pear",
                "https://token.actions.githubusercontent.com.evil.example",
                false,
            ),
            (&github, "https://github.com/acme/pear", "https://ci.example", false),
            (&github, "https://github.com/acme/pear", "", false),
            (&gitlab, "https://gitlab.example/acme/pear", "https://gitlab.example", true),
            (&gitlab, "https://gitlab.example/acme/pear", "https://other.example", false),
            (&gitlab, "https://gitlab.example/acme/pear", "https://gitlab.example.evil", false),
            (&named, "https://github.com/acme/pear", "https://ci.example", true),
            (&named, "https://github.com/acme/pear", ISSUER_OF_GITHUB, false),
        ] {
            assert_eq!(holds(rule, repository, issuer), expected, "{rule} {issuer}");
        }
    }

    #[test]
    fn a_tag_that_looks_like_a_workflow_is_none() {
        let name = PackageName::parse("@acme/pear").unwrap();
        let rule = rule("acme/pear", "publish.yml", &["refs/tags/v*"]);
        let mut found = provenance("https://github.com/acme/pear", "evil.yml", "refs/tags/v0/publish.yml@x");
        assert!(rule.require(&name, Some(&found)).is_err());
        found = provenance("https://github.com/acme/pear", "publish.yml@evil.yml", "refs/tags/v1");
        assert!(rule.require(&name, Some(&found)).is_err());
        found = provenance("https://github.com/acme/pear", "publish.yml", "refs/tags/v1@refs/heads/x");
        assert!(rule.require(&name, Some(&found)).is_ok());
        // A workflow of another repository that this one calls.
        let elsewhere = "https://github.com/other/ci/.github/workflows/publish.yml@refs/heads/main";
        found.identity.workflow = Some(elsewhere.to_owned());
        assert!(rule.require(&name, Some(&found)).is_err());
    }

    #[test]
    fn what_cannot_match_is_rejected() {
        let with = |change: fn(&mut ProvenanceRule)| {
            let mut rule = ProvenanceRule::new("@acme/*");
            change(&mut rule);
            ProvenanceRules::compile(vec![rule]).unwrap_err().to_string()
        };
        assert!(with(|rule| rule.refs = vec!["main".into()]).contains("refs/heads/main"));
        assert!(with(|rule| rule.repository = Some("pear".into())).contains("acme/pear"));
        assert!(
            with(|rule| rule.repository = Some("https://github.com/acme/pear.git".into()))
                .contains("acme/pear")
        );
        assert!(with(|rule| rule.workflow = Some("publish.yml@main".into())).contains("publish.yml"));
        assert!(with(|rule| rule.pattern = "@acme".into()).contains("@acme"));
    }
}
