use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Somebody, as a provider vouches for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// The name, unique within the registry.
    pub name: String,
    /// A person or a machine.
    pub kind: PrincipalKind,
    /// The groups, each as the provider spells it in access rules, such as `github:acme/platform`.
    pub groups: Vec<String>,
    /// The mail address, where one is known. It appears in packuments as `maintainers`.
    pub email: Option<String>,
}

/// A person or a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PrincipalKind {
    /// A person.
    User,
    /// A build, a robot, an operator's script.
    Service,
}

impl Principal {
    /// A person in no group.
    pub fn user(name: impl Into<String>) -> Self {
        Self { name: name.into(), kind: PrincipalKind::User, groups: Vec::new(), email: None }
    }

    /// The same with a mail address.
    #[must_use]
    pub fn with_email(self, email: impl Into<String>) -> Self {
        Self { email: Some(email.into()), ..self }
    }

    /// The same in a group more.
    #[must_use]
    pub fn in_group(mut self, group: impl Into<String>) -> Self {
        self.groups.push(group.into());
        self
    }
}

/// On whose behalf an operation runs: a principal or nobody, and from where. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    /// Who it is; `None` for an anonymous caller.
    pub principal: Option<Arc<Principal>>,
    /// Where the request came from, where that is known.
    pub address: Option<IpAddr>,
}

impl Caller {
    /// Nobody in particular.
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// The name of the principal, if there is one.
    pub fn name(&self) -> Option<&str> {
        self.principal.as_deref().map(|principal| principal.name.as_str())
    }
}

impl From<Principal> for Caller {
    fn from(principal: Principal) -> Self {
        Self { principal: Some(Arc::new(principal)), address: None }
    }
}
