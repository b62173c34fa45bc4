use http::header::USER_AGENT;
use http::{Response, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::Error;
use crate::access::Action;
use crate::access::TeamPermission;
use crate::domain::packument::{MfaPolicy, Protection};
use crate::domain::shorten::shorten;
use crate::domain::{OrganizationRole, PackageName};
use crate::organizations::GrantedPackages;
use crate::packages::package_access::{Collaborator, PackageAccessChange};

use super::answer::json_response;
use super::body::Body;
use super::handle::Call;
use super::route::{AccessRoute, Team};
use super::status::Failure;

#[derive(Deserialize)]
struct Member {
    user: String,
    role: Option<String>,
}

#[derive(Deserialize)]
struct NewTeam {
    name: String,
    description: Option<String>,
}

#[derive(Deserialize)]
struct TeamPackage {
    package: String,
    permissions: Option<String>,
}

#[derive(Deserialize)]
struct AccessDocument {
    access: Option<String>,
    publish_requires_tfa: Option<bool>,
    automation_token_overrides_tfa: Option<bool>,
}

impl Call<'_> {
    pub(super) async fn access(self, route: AccessRoute) -> Result<Response<Body>, Failure> {
        match route {
            AccessRoute::Members(organization) => self.members(&organization).await,
            AccessRoute::SetMember(organization) => self.set_member(&organization).await,
            AccessRoute::RemoveMember(organization) => self.remove_member(&organization).await,
            AccessRoute::OrganizationPackages(organization) => {
                let packages = self.registry.organization_packages(&self.caller, &organization).await?;
                Ok(shown_packages(&packages))
            }
            AccessRoute::Teams(organization) => self.teams(&organization).await,
            AccessRoute::CreateTeam(organization) => self.create_team(&organization).await,
            AccessRoute::DestroyTeam(Team { organization, name }) => {
                self.registry.destroy_team(&self.caller, &organization, &name).await?;
                Ok(made(json!({})))
            }
            AccessRoute::TeamMembers(team) => self.team_members(&team).await,
            AccessRoute::AddTeamMember(team) => self.change_team_member(&team, true).await,
            AccessRoute::RemoveTeamMember(team) => self.change_team_member(&team, false).await,
            AccessRoute::TeamPackages(Team { organization, name }) => {
                let packages = self.registry.team_packages(&self.caller, &organization, &name).await?;
                Ok(shown_packages(&packages))
            }
            AccessRoute::Grant(team) => self.grant(&team).await,
            AccessRoute::Revoke(team) => self.revoke(&team).await,
            AccessRoute::PackagesOf { account } => self.packages_of(account).await,
            AccessRoute::Collaborators(name) => self.collaborators(name).await,
            AccessRoute::Visibility(name) => {
                let public = self.registry.is_public_package(&self.caller, &name).await?;
                Ok(json_response(StatusCode::OK, &json!({ "public": public })))
            }
            AccessRoute::Access(name) => {
                let protection = self.registry.package_access(&self.caller, &name).await?;
                let public = self.registry.is_public_package(&self.caller, &name).await?;
                Ok(json_response(StatusCode::OK, &described(protection, public)))
            }
            AccessRoute::SetAccess(name) => self.set_access(name).await,
        }
    }

    async fn members(self, organization: &str) -> Result<Response<Body>, Failure> {
        let members = self.registry.organization_members(&self.caller, organization).await?;
        Ok(json_response(StatusCode::OK, &json!(members)))
    }

    async fn set_member(mut self, organization: &str) -> Result<Response<Body>, Failure> {
        // Rejects an unauthenticated caller before the body is read, as in all handlers below.
        self.registry.whoami(&self.caller)?;
        let Member { user, role } = self.json().await?;
        let role = role.filter(|role| !role.is_empty()).map(|role| parse_role(&role)).transpose()?;
        let as_role = role.map(|role| format!(" as {role}")).unwrap_or_default();
        self.confirm(format!("put {user} into the organization {organization}{as_role}"));
        let set = self.registry.set_organization_member(&self.caller, organization, &user, role).await?;
        let organization = json!({ "name": set.organization, "size": set.size });
        Ok(made(json!({ "org": organization, "user": set.account, "role": set.role })))
    }

    async fn remove_member(mut self, organization: &str) -> Result<Response<Body>, Failure> {
        self.registry.whoami(&self.caller)?;
        let Member { user, .. } = self.json().await?;
        self.confirm(format!("remove {user} from the organization {organization}"));
        self.registry.remove_organization_member(&self.caller, organization, &user).await?;
        Ok(made(json!({})))
    }

    async fn teams(self, organization: &str) -> Result<Response<Body>, Failure> {
        let teams = self.registry.teams(&self.caller, organization).await?;
        let organization = organization.trim_start_matches('@');
        let shown: Vec<Value> = if self.wants_texts() {
            teams.iter().map(|team| json!(format!("{organization}:{team}"))).collect()
        } else {
            teams.iter().map(|team| json!({ "name": team })).collect()
        };
        Ok(json_response(StatusCode::OK, &json!(shown)))
    }

    async fn create_team(mut self, organization: &str) -> Result<Response<Body>, Failure> {
        self.registry.whoami(&self.caller)?;
        let NewTeam { name, description } = self.json().await?;
        let description = description.filter(|text| !text.is_empty());
        self.confirm(format!("create the team {organization}:{name}"));
        self.registry.create_team(&self.caller, organization, &name, description).await?;
        Ok(made(json!({ "name": name })))
    }

    async fn team_members(self, team: &Team) -> Result<Response<Body>, Failure> {
        let members = self.registry.team_members(&self.caller, &team.organization, &team.name).await?;
        let shown: Vec<Value> = if self.wants_texts() {
            members.into_iter().map(Value::from).collect()
        } else {
            members.into_iter().map(|name| json!({ "name": name })).collect()
        };
        Ok(json_response(StatusCode::OK, &json!(shown)))
    }

    async fn change_team_member(mut self, team: &Team, adds: bool) -> Result<Response<Body>, Failure> {
        self.registry.whoami(&self.caller)?;
        let Member { user, .. } = self.json().await?;
        let Team { organization, name } = team;
        let (verb, preposition) = if adds { ("add", "to") } else { ("remove", "from") };
        self.confirm(format!("{verb} {user} {preposition} the team {organization}:{name}"));
        let registry = self.registry;
        if adds {
            registry.add_team_member(&self.caller, organization, name, &user).await?;
        } else {
            registry.remove_team_member(&self.caller, organization, name, &user).await?;
        }
        Ok(made(json!({ "user": user })))
    }

    async fn grant(mut self, team: &Team) -> Result<Response<Body>, Failure> {
        self.registry.whoami(&self.caller)?;
        let TeamPackage { package, permissions } = self.json().await?;
        let package = PackageName::parse(&package).map_err(Error::from)?;
        let permission = parse_permission(permissions.as_deref().unwrap_or_default())?;
        let Team { organization, name } = team;
        let what = if permission == TeamPermission::ReadWrite { "read and write" } else { "read" };
        self.confirm(format!("let the team {organization}:{name} {what} {package}"));
        self.registry.grant(&self.caller, organization, name, &package, permission).await?;
        Ok(made(json!({ "package": package, "permissions": permission })))
    }

    async fn revoke(mut self, team: &Team) -> Result<Response<Body>, Failure> {
        self.registry.whoami(&self.caller)?;
        let TeamPackage { package, .. } = self.json().await?;
        let package = PackageName::parse(&package).map_err(Error::from)?;
        let Team { organization, name } = team;
        self.confirm(format!("take {package} from the team {organization}:{name}"));
        self.registry.revoke_grant(&self.caller, organization, name, &package).await?;
        Ok(made(json!({ "package": package })))
    }

    async fn packages_of(self, account: Option<String>) -> Result<Response<Body>, Failure> {
        let account = match &account {
            Some(account) => account,
            None => self.registry.whoami(&self.caller)?,
        };
        let packages = self.registry.packages_of(&self.caller, account).await?;
        Ok(shown_packages(&packages))
    }

    async fn collaborators(self, name: PackageName) -> Result<Response<Body>, Failure> {
        let all = self.registry.collaborators(&self.caller, &name).await?;
        let wanted = self.query_field("user");
        let all = all.into_iter().filter(|one| wanted.as_ref().is_none_or(|wanted| one.account == *wanted));
        let shown: Value = if self.is_pnpm() {
            let one = |Collaborator { account, email, permission }: Collaborator| json!({ "user": account, "username": account, "email": email, "permissions": permission });
            all.map(one).collect()
        } else {
            all.map(|one| (one.account, json!(one.permission))).collect::<Map<_, _>>().into()
        };
        Ok(json_response(StatusCode::OK, &shown))
    }

    async fn set_access(mut self, name: PackageName) -> Result<Response<Body>, Failure> {
        self.registry.authorization().require_signed_in(
            &self.caller,
            Some(&name),
            Action::Administer.into(),
        )?;
        let wanted = self.json::<AccessDocument>().await?.into_change()?;
        self.confirm(action_of(&name, wanted));
        let protection = self.registry.set_package_access(&self.caller, &name, wanted).await?;
        let public = self.registry.is_public_package(&self.caller, &name).await?;
        Ok(made(described(protection, public)))
    }

    fn is_pnpm(&self) -> bool {
        self.header(USER_AGENT).is_some_and(|agent| agent.starts_with("pnpm/"))
    }

    /// npm asks for lists of strings, and fails on objects; pnpm asks for objects, and fails on strings.
    fn wants_texts(&self) -> bool {
        !self.is_pnpm() || self.query_field("format").is_some_and(|format| format == "cli")
    }

    fn query_field(&self, field: &str) -> Option<String> {
        let query = self.request.uri.query().unwrap_or_default();
        let mut fields = url::form_urlencoded::parse(query.as_bytes());
        fields.find(|(name, _)| name == field).map(|(_, value)| value.into_owned())
    }
}

impl AccessDocument {
    fn into_change(self) -> Result<PackageAccessChange, Error> {
        let restricted = match self.access.as_deref() {
            None => None,
            Some("public") => Some(false),
            Some("restricted" | "private") => Some(true),
            Some(other) => {
                return Err(Error::request(format!(
                    "there is no access {:?}: use public or restricted",
                    shorten(other)
                )));
            }
        };
        let mfa = match (self.publish_requires_tfa, self.automation_token_overrides_tfa) {
            (None, _) => None,
            (Some(false), _) => Some(MfaPolicy::None),
            (Some(true), Some(false)) => Some(MfaPolicy::Publish),
            // pnpm sends only this for `mfa=automation`.
            (Some(true), Some(true) | None) => Some(MfaPolicy::Automation),
        };
        if restricted.is_none() && mfa.is_none() {
            return Err(Error::request("the body changes nothing: send `access` or `publish_requires_tfa`"));
        }
        Ok(PackageAccessChange { restricted, mfa })
    }
}

fn action_of(name: &PackageName, wanted: PackageAccessChange) -> String {
    let shown = wanted.restricted.map(|restricted| {
        if restricted { format!("hide {name} from the public") } else { format!("show {name} to the public") }
    });
    let protected = wanted.mfa.map(|mfa| match mfa {
        MfaPolicy::None => format!("require no second factor to change {name}"),
        MfaPolicy::Automation => {
            format!("require a second factor to change {name}, except of automation tokens")
        }
        MfaPolicy::Publish => format!("require a second factor to change {name}"),
    });
    shown.into_iter().chain(protected).collect::<Vec<_>>().join(", and ")
}

fn parse_role(role: &str) -> Result<OrganizationRole, Error> {
    match role {
        "developer" => Ok(OrganizationRole::Developer),
        "admin" => Ok(OrganizationRole::Admin),
        "owner" => Ok(OrganizationRole::Owner),
        other => Err(Error::request(format!(
            "there is no role {:?}: use developer, admin or owner",
            shorten(other)
        ))),
    }
}

fn parse_permission(permission: &str) -> Result<TeamPermission, Error> {
    match permission {
        "read-only" => Ok(TeamPermission::ReadOnly),
        "read-write" => Ok(TeamPermission::ReadWrite),
        other => Err(Error::request(format!(
            "there is no permission {:?}: use read-only or read-write",
            shorten(other)
        ))),
    }
}

/// Renders a package's access in the terms of npm's registry.
fn described(protection: Protection, public: bool) -> Value {
    json!({
        "access": if public { "public" } else { "restricted" },
        "publish_requires_tfa": protection.mfa != MfaPolicy::None,
        "automation_token_overrides_tfa": protection.mfa == MfaPolicy::Automation,
    })
}

fn shown_packages(packages: &GrantedPackages) -> Response<Body> {
    json_response(StatusCode::OK, &json!(packages))
}

/// Completes the answer to a write with the fields that clients require.
fn made(mut answer: Value) -> Response<Body> {
    answer["ok"] = true.into();
    answer["success"] = true.into();
    json_response(StatusCode::OK, &answer)
}
