//! `npm org`, `npm team`, `npm access`, what pnpm has of them, and access rules that name organizations.

use std::path::Path;

use registry_core::clock::{Clock as _, SystemClock};
use registry_testkit::Authenticator;
use registry_testkit::clients::{Client, CommandOutput, Npm, PNPM, PinnedClient, package};
use registry_testkit::http_client::HttpClient;
use registry_testkit::server_process::ServerProcess;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::running::run;
use crate::support::{PASSWORD, npm_with_token, publish, sign_up, with_each_npm};
use crate::tokens::create;

const RULES: &str = r#"
[organizations]
create = "anyone"

[[packages]]
match = "@acme/*"
read = ["group:local:acme"]
publish = ["group:local:acme/platform"]
administer = ["user:ana"]

[[packages]]
match = "**"
read = ["@all"]
publish = ["@authenticated"]
"#;

struct Place {
    server: ServerProcess,
    folder: TempDir,
}

impl Place {
    async fn start() -> Self {
        let folder = TempDir::with_prefix("organizations-").unwrap();
        let file = folder.path().join("registry.toml");
        std::fs::write(&file, RULES).unwrap();
        let binary = Path::new(env!("CARGO_BIN_EXE_registry-server"));
        let arguments = ["--config", file.to_str().unwrap()];
        let server = ServerProcess::start(binary, &arguments, &folder.path().join("storage")).await;
        Self { server, folder }
    }

    fn http(&self) -> HttpClient {
        HttpClient::new(self.server.base_url())
    }

    async fn npm(&self, npm: &PinnedClient, name: &str) -> Npm {
        let token = sign_up(&self.http(), name).await;
        npm_with_token(npm, self.server.base_url(), &token).await
    }

    /// `access explain` of the one question; what it prints.
    fn explain(&self, user: &str, action: &str, package: &str) -> String {
        let config = self.folder.path().join("registry.toml");
        let storage = format!("file:{}", self.folder.path().join("storage").display());
        let options = ["--config", config.to_str().unwrap(), "--storage", storage.as_str()];
        let output = run(&[&["access", "explain", user, action, package], &options[..]].concat());
        String::from_utf8(output.stdout).unwrap()
    }
}

async fn printed(npm: &Npm, arguments: &[&str]) -> String {
    npm.run(arguments).await.assert_success().stdout
}

async fn json_of(npm: &Npm, arguments: &[&str]) -> Value {
    let printed = printed(npm, &[arguments, &["--json"]].concat()).await;
    serde_json::from_str(&printed).unwrap_or_else(|_| panic!("{arguments:?} printed no JSON: {printed}"))
}

with_each_npm!(
    npm_makes_an_organization_and_fills_it,
    npm_makes_teams_and_rules_know_them,
    npm_grants_lists_and_revokes,
    npm_asks_for_a_second_factor_where_owners_want_one,
    npm_publishes_privately,
    npm_manages_an_organization_with_a_token_for_it,
);

async fn npm_makes_an_organization_and_fills_it(npm: &PinnedClient) {
    let place = Place::start().await;
    let (ana, ben) = (place.npm(npm, "ana").await, place.npm(npm, "ben").await);
    let set = printed(&ana, &["org", "set", "acme", "ben"]).await;
    assert_eq!(set, "Added ben as developer to acme. You now have 2 members in this org.\n");
    let set = printed(&ana, &["org", "set", "@acme", "ben", "admin"]).await;
    assert_eq!(set, "Added ben as admin to acme. You now have 2 members in this org.\n");
    assert_eq!(json_of(&ana, &["org", "ls", "acme"]).await, json!({ "ana": "owner", "ben": "admin" }));
    assert_eq!(json_of(&ben, &["org", "ls", "acme", "ana"]).await, json!({ "ana": "owner" }));
    let refused = ben.run(&["org", "rm", "acme", "ana"]).await.assert_failure();
    let _ = refused.assert_printed("npm error code E403").assert_printed("as admin of acme you may not");
    let removed = printed(&ana, &["org", "rm", "acme", "ben"]).await;
    assert_eq!(removed, "Successfully removed ben from acme. You now have 1 member in this org.\n");
    let stranger = ben.run(&["org", "ls", "acme"]).await.assert_failure();
    let _ = stranger.assert_printed("npm error code E404").assert_printed("you are not in it");
    let last = ana.run(&["org", "rm", "acme", "ana"]).await.assert_failure();
    let _ = last.assert_printed("must keep at least one owner");
}

async fn npm_makes_teams_and_rules_know_them(npm: &PinnedClient) {
    let place = Place::start().await;
    let (ana, ben) = (place.npm(npm, "ana").await, place.npm(npm, "ben").await);
    let _ = printed(&ana, &["org", "set", "acme", "ben"]).await;
    assert_eq!(printed(&ana, &["team", "create", "@acme:platform"]).await, "+@acme:platform\n");
    let teams = json_of(&ana, &["team", "ls", "@acme"]).await;
    assert_eq!(teams, json!(["acme:developers", "acme:platform"]));
    let _ = printed(&ana, &["team", "add", "@acme:platform", "ben"]).await;
    assert_eq!(json_of(&ben, &["team", "ls", "@acme:platform"]).await, json!(["ben"]));

    publish(&ben, &package("@acme/web", "1.0.0")).await;
    let cleo = place.npm(npm, "cleo").await;
    let _ = printed(&ana, &["org", "set", "acme", "cleo"]).await;
    let folder = cleo.home().project(&package("@acme/web", "1.1.0"));
    let _ = cleo.run_in(&folder, &["publish"]).await.assert_failure().assert_printed("npm error code E403");
    let explained = place.explain("ben", "publish", "@acme/web");
    assert!(explained.contains("ben may publish @acme/web"), "{explained}");
    assert!(explained.contains("which has group:local:acme/platform in publish"), "{explained}");
    assert!(
        explained.contains("groups: local:acme, local:acme/developers, local:acme/platform"),
        "{explained}"
    );

    let _ = printed(&ana, &["team", "rm", "@acme:platform", "ben"]).await;
    assert_eq!(json_of(&ana, &["team", "ls", "@acme:platform"]).await, json!([]));
    assert_eq!(printed(&ana, &["team", "destroy", "@acme:platform"]).await, "-@acme:platform\n");
    let gone = ana.run(&["team", "ls", "@acme:platform"]).await.assert_failure();
    let _ = gone.assert_printed("npm error code E404").assert_printed("acme has no team platform");
}

async fn npm_grants_lists_and_revokes(npm: &PinnedClient) {
    let place = Place::start().await;
    let (ana, ben) = (place.npm(npm, "ana").await, place.npm(npm, "ben").await);
    let _ = printed(&ana, &["org", "set", "acme", "ben"]).await;
    publish(&ana, &package("@open/lib", "1.0.0")).await;
    let status = json_of(&ana, &["access", "get", "status", "@open/lib"]).await;
    assert_eq!(status, json!({ "@open/lib": "public" }));
    let status = json_of(&ana, &["access", "set", "status=private", "@open/lib"]).await;
    assert_eq!(status, json!({ "@open/lib": "private" }));
    let _ = ben.run(&["view", "@open/lib"]).await.assert_failure().assert_printed("npm error code E404");

    let _ = printed(&ana, &["access", "grant", "read-only", "@acme:developers", "@open/lib"]).await;
    let _ = ben.run(&["view", "@open/lib"]).await.assert_success();
    let folder = ben.home().project(&package("@open/lib", "1.1.0"));
    let _ = ben.run_in(&folder, &["publish"]).await.assert_failure().assert_printed("npm error code E403");
    assert!(
        place.explain("ben", "read", "@open/lib").contains("one of the user's teams was granted read-only")
    );
    let _ = printed(&ana, &["access", "grant", "read-write", "@acme:developers", "@open/lib"]).await;
    let _ = ben.run_in(&folder, &["publish"]).await.assert_success();
    assert!(place.explain("ben", "publish", "@open/lib").contains("ben may publish @open/lib"));

    let collaborators = json_of(&ana, &["access", "list", "collaborators", "@open/lib"]).await;
    assert_eq!(collaborators, json!({ "ana": "read-write", "ben": "read-write" }));
    let listed = json!({ "@open/lib": "read-write" });
    assert_eq!(json_of(&ben, &["access", "list", "packages", "@acme:developers"]).await, listed);
    assert_eq!(json_of(&ben, &["access", "list", "packages", "@acme"]).await, listed);
    // Of a user there is no organization, so npm asks for the user.
    assert_eq!(json_of(&ben, &["access", "list", "packages", "ana"]).await, listed);
    assert_eq!(json_of(&ben, &["access", "list", "packages"]).await, listed);

    let _ = printed(&ana, &["access", "revoke", "@acme:developers", "@open/lib"]).await;
    let _ = ben.run(&["view", "@open/lib"]).await.assert_failure().assert_printed("npm error code E404");
    let _ = json_of(&ana, &["access", "set", "status=public", "@open/lib"]).await;
    let _ = ben.run(&["view", "@open/lib"]).await.assert_success();
}

/// Gives the holder of a token a second factor.
async fn enable_two_factor(place: &Place, token: &str, mode: &str) {
    let set = async |document: Value| {
        let request =
            place.http().request(http::Method::POST, "/-/npm/v1/user").bearer(token).json(&document);
        request.send().await.assert_status(200).json()["tfa"].clone()
    };
    let url = set(json!({ "tfa": { "password": PASSWORD, "mode": mode } })).await;
    let app = Authenticator::scan(url.as_str().unwrap());
    let _ = set(json!({ "tfa": [app.digits_at(SystemClock.now())] })).await;
}

async fn npm_asks_for_a_second_factor_where_owners_want_one(npm: &PinnedClient) {
    let place = Place::start().await;
    let ana = place.npm(npm, "ana").await;
    publish(&ana, &package("pear", "1.0.0")).await;
    for setting in ["mfa=publish", "mfa=automation"] {
        let refused = ana.run(&["access", "set", setting, "pear"]).await.assert_failure();
        let _ = refused.assert_printed("npm error code E403").assert_printed("npm profile enable-2fa");
    }
    publish(&ana, &package("pear", "1.1.0")).await;

    let token = ana.home().token().unwrap();
    enable_two_factor(&place, &token, "auth-only").await;
    let _ = printed(&ana, &["access", "set", "mfa=publish", "pear"]).await;
    let folder = ana.home().project(&package("pear", "1.2.0"));
    let asked = ana.run_in(&folder, &["publish"]).await.assert_failure();
    let _ = asked.assert_printed("npm error code EOTP");
    let asked = ana.run(&["access", "set", "mfa=none", "pear"]).await.assert_failure();
    let _ = asked.assert_printed("npm error code EOTP");
    publish(&ana, &package("plum", "1.0.0")).await;
    let _ = printed(&ana, &["access", "set", "mfa=automation", "plum"]).await;
    let asked = ana.run(&["access", "set", "mfa=none", "plum"]).await.assert_failure();
    let _ = asked.assert_printed("npm error code EOTP");
}

async fn npm_publishes_privately(npm: &PinnedClient) {
    let place = Place::start().await;
    let (ana, ben) = (place.npm(npm, "ana").await, place.npm(npm, "ben").await);
    let folder = ana.home().project(&package("@open/lib", "1.0.0"));
    let _ = ana.run_in(&folder, &["publish", "--access", "restricted"]).await.assert_success();
    let _ = ben.run(&["view", "@open/lib"]).await.assert_failure().assert_printed("npm error code E404");
    let _ = ana.run(&["view", "@open/lib"]).await.assert_success();
    let found = printed(&ben, &["search", "lib", "--json"]).await;
    assert!(!found.contains("@open/lib"), "{found}");
}

async fn npm_manages_an_organization_with_a_token_for_it(npm: &PinnedClient) {
    let place = Place::start().await;
    let (ana, _ben) = (place.npm(npm, "ana").await, place.npm(npm, "ben").await);
    let _ = printed(&ana, &["team", "create", "@acme:platform"]).await;
    let token = async |flags: &[&str]| {
        let token = create(&ana, &[&["--orgs=acme"], flags].concat()).await;
        npm_with_token(npm, place.server.base_url(), &token).await
    };
    let reader = token(&["--name=look", "--orgs-permission=read-only"]).await;
    assert_eq!(json_of(&reader, &["org", "ls", "acme"]).await, json!({ "ana": "owner" }));
    assert_eq!(json_of(&reader, &["team", "ls", "@acme"]).await, json!(["acme:developers", "acme:platform"]));
    for change in [&["org", "set", "acme", "ben"][..], &["team", "create", "@acme:other"]] {
        let refused = reader.run(change).await.assert_failure().assert_printed("npm error code E403");
        let _ = refused.assert_printed("your token does not permit you to change the organization acme");
    }

    let manager = token(&["--name=manage", "--orgs-permission=read-write"]).await;
    let _ = printed(&manager, &["org", "set", "acme", "ben"]).await;
    let _ = printed(&manager, &["team", "add", "@acme:platform", "ben"]).await;
    assert_eq!(json_of(&ana, &["team", "ls", "@acme:platform"]).await, json!(["ben"]));
    // It is for nothing else.
    let other = manager.run(&["org", "set", "other", "ben"]).await.assert_failure();
    let _ = other.assert_printed("your token does not permit you to change the organization other");
    let folder = manager.home().project(&package("pear", "1.0.0"));
    let _ =
        manager.run_in(&folder, &["publish"]).await.assert_failure().assert_printed("npm error code E403");

    let listed = json_of(&ana, &["token", "list"]).await;
    assert_eq!(
        json!([listed[0]["name"], listed[0]["permissions"], listed[0]["scopes"]]),
        json!(["manage", [{ "name": "org", "action": "write" }], [{ "type": "org", "name": "acme" }]])
    );
}

/// pnpm, signed in as a new user, and an empty project, since some commands run nowhere else.
struct Pnpm(Client, std::path::PathBuf);

impl Pnpm {
    async fn of(place: &Place, name: &str) -> Self {
        let token = sign_up(&place.http(), name).await;
        let client = Client::with_token(&PNPM, place.server.base_url(), &token).await;
        let folder = client.home().project(&package("empty", "0.0.0"));
        Self(client, folder)
    }

    async fn run(&self, arguments: &[&str]) -> CommandOutput {
        self.0.run_in(&self.1, arguments).await
    }

    async fn printed(&self, arguments: &[&str]) -> String {
        self.run(arguments).await.assert_success().stdout
    }
}

#[tokio::test]
async fn pnpm_has_teams_and_access_in_shapes_of_its_own() {
    let place = Place::start().await;
    let ana = Pnpm::of(&place, "ana").await;
    let ben = Pnpm::of(&place, "ben").await;
    let made = ana.printed(&["team", "create", "@acme:platform"]).await;
    assert!(made.contains("platform"), "{made}");
    let teams = ana.printed(&["team", "ls", "@acme"]).await;
    assert!(teams.contains("developers") && teams.contains("platform"), "{teams}");
    // pnpm has no `org`.
    let member = json!({ "user": "ben", "role": "developer" });
    let token = ana.0.home().token().unwrap();
    let _ = place.http().put("/-/org/acme/user").bearer(&token).json(&member).send().await.assert_status(200);
    let _ = ana.printed(&["team", "add", "@acme:platform", "ben"]).await;
    let members = ana.printed(&["team", "ls", "@acme:platform"]).await;
    assert!(members.contains("ben") && !members.contains("ana"), "{members}");

    let folder = ana.0.home().project(&package("@open/lib", "1.0.0"));
    let _ = ana.0.run_in(&folder, &["publish"]).await.assert_success();
    let _ = ana.printed(&["access", "set", "status=private", "@open/lib"]).await;
    let status = ana.printed(&["access", "get", "status", "@open/lib"]).await;
    assert!(status.contains("private") || status.contains("restricted"), "{status}");
    let _ = ben.run(&["view", "@open/lib"]).await.assert_failure();
    let _ = ana.printed(&["access", "grant", "read-only", "@acme:platform", "@open/lib"]).await;
    let _ = ben.run(&["view", "@open/lib"]).await.assert_success();
    let collaborators = ana.printed(&["access", "list", "collaborators", "@open/lib"]).await;
    assert!(collaborators.contains("ana") && collaborators.contains("ben"), "{collaborators}");
    for listed in [&["access", "list", "packages", "@acme:platform"][..], &["access", "list", "packages"]] {
        let packages = ana.printed(listed).await;
        assert!(packages.contains("@open/lib"), "{listed:?}: {packages}");
    }
    let _ = ana.printed(&["access", "revoke", "@acme:platform", "@open/lib"]).await;
    let _ = ben.run(&["view", "@open/lib"]).await.assert_failure();
    let _ = ana.printed(&["team", "rm", "@acme:platform", "ben"]).await;
    let _ = ana.printed(&["team", "destroy", "@acme:platform"]).await;
    assert!(!ana.printed(&["team", "ls", "@acme"]).await.contains("platform"));
    let refused = ana.run(&["access", "set", "mfa=automation", "@open/lib"]).await.assert_failure();
    let _ = refused.assert_printed("npm profile enable-2fa");
    enable_two_factor(&place, &token, "auth-only").await;
    let _ = ana.printed(&["access", "set", "mfa=automation", "@open/lib"]).await;
    let access = place.http().get("/-/package/@open%2flib/access").bearer(&token).send().await.json();
    assert_eq!(access["publish_requires_tfa"], true, "{access}");
    assert_eq!(access["automation_token_overrides_tfa"], true, "{access}");
}
