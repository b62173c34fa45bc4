//! Everything that can be done with a secret is done, by real clients and over plain HTTP, with the log as talkative as it
//! gets. Then no secret is in the storage, in the log, in the audit log, in the metrics or in an error.

mod flows;
mod flows_elsewhere;
mod search;

use std::fs;
use std::path::Path;

use registry_testkit::conformance::ServedPackages;
use registry_testkit::fake_github::{CLIENT_ID, CLIENT_SECRET, FakeGithub};
use registry_testkit::fake_issuer::{self, FakeIssuer};
use registry_testkit::fake_upstream::FakeUpstream;
use registry_testkit::http_client::{HttpClient, TestRequest, TestResponse};
use registry_testkit::server_process::ServerProcess;
use tempfile::TempDir;

use crate::running::run;
use search::{Places, Secrets};

const UPSTREAM_TOKEN: &str = "upstream-Quince-token-17";
/// Of `hugo`, who is in the htpasswd file.
const HTPASSWD_PASSWORD: &str = "htpasswd-Quince-41";
const HTPASSWD: &str = "hugo:{SHA}NJPFilqgDPWHjFOZP6AAbpj0snM=\n";
/// No secret, but looked for in the same way.
const PLANTED: &str = "planted-quince-99";

/// Three servers on one storage: people come from accounts and, at the second, from an htpasswd file and from GitHub, at the
/// third from an issuer of OpenID Connect, which vouches for builds too.
struct Ground {
    folder: TempDir,
    upstream: FakeUpstream,
    github: FakeGithub,
    issuer: FakeIssuer,
    main: ServerProcess,
    second: ServerProcess,
    third: ServerProcess,
    secrets: Secrets,
    /// What is in the storage by necessity until a login is over.
    kept_for_a_while: Secrets,
    places: Places,
}

impl Ground {
    async fn start() -> Self {
        let folder = TempDir::with_prefix("secrets-").unwrap();
        let file = |name: &str, content: &str| {
            let path = folder.path().join(name);
            fs::write(&path, content).unwrap();
            path.display().to_string()
        };
        let upstream = FakeUpstream::start(ServedPackages::sample()).await;
        let github = FakeGithub::start().await;
        github.add_user("Gina");
        github.join("Gina", "Acme");
        let main = format!(
            "[upstreams.npm]\nurl = \"{}/\"\ntoken_file = \"{}\"\n",
            upstream.base_url(),
            file("upstream-token", UPSTREAM_TOKEN),
        );
        let second = format!(
            "accounts.sign_up = false\nhtpasswd.file = \"{}\"\n[github]\nurl = \"{}\"\nclient_id = \"{CLIENT_ID}\"\n\
             client_secret_file = \"{}\"\norganizations = [\"acme\"]\n",
            file("htpasswd", HTPASSWD),
            github.url(),
            file("client-secret", CLIENT_SECRET),
        );
        let issuer = FakeIssuer::start().await;
        let (url, id) = (issuer.url(), fake_issuer::CLIENT_ID);
        let third = format!(
            "accounts.sign_up = false\n[openid]\nissuer = \"{url}\"\nclient_id = \"{id}\"\n\
             client_secret_file = \"{}\"\n\
             [[trusted_publishing.issuers]]\nname = \"github\"\nurl = \"{url}\"\nkind = \"github\"\n",
            file("client-secret-of-the-issuer", fake_issuer::CLIENT_SECRET),
        );
        let storage = folder.path().join("storage");
        let main = serve(&storage, &main).await;
        let second = serve(&storage, &second).await;
        let third = serve(&storage, &third).await;
        let mut secrets = Secrets::default();
        secrets.add("token for the upstream", UPSTREAM_TOKEN);
        secrets.add("client secret at GitHub", CLIENT_SECRET);
        secrets.add("client secret at the issuer", fake_issuer::CLIENT_SECRET);
        let (kept_for_a_while, places) = Default::default();
        Self { folder, upstream, github, issuer, main, second, third, secrets, kept_for_a_while, places }
    }

    fn http(&self) -> HttpClient {
        HttpClient::new(self.main.base_url())
    }

    /// Sends what is to be refused, and keeps what is said to it.
    async fn refused(&mut self, what: &str, request: TestRequest) -> TestResponse {
        let answer = request.send().await;
        assert!(answer.status.is_client_error(), "{what}: {} {}", answer.status, answer.text());
        self.places.add(&format!("error: {what}"), format!("{:?}\n{}", answer.headers, answer.text()));
        answer
    }

    /// What is stored in the middle of things.
    fn look_into_the_storage(&mut self) {
        self.places.add_folder(&self.folder.path().join("storage"));
    }

    /// Takes all that is left behind.
    async fn finish(&mut self) {
        for (name, server) in [("main", &self.main), ("second", &self.second), ("third", &self.third)] {
            let http = HttpClient::new(server.base_url());
            let metrics = http.get("/-/metrics").send().await.assert_status(200);
            assert!(metrics.text().contains("registry_requests_total"), "{}", metrics.text());
            self.places.add(&format!("metrics of {name}"), &metrics.body);
            // Lines are written behind the answer: this one is the last.
            let end = format!("/the-end-of-{name}");
            let _ = http.get(&end).send().await;
            let log = crate::running::wait_for("the last line of the log", || {
                Some(server.stderr()).filter(|log| log.contains(&end))
            });
            assert!(log.contains("\"TRACE\"") || log.contains("\"DEBUG\""), "the log is not talkative");
            assert!(log.starts_with('{'), "the log is no JSON");
            self.places.add(&format!("log of {name}"), log);
        }
    }
}

async fn serve(storage: &Path, config: &str) -> ServerProcess {
    let binary = Path::new(env!("CARGO_BIN_EXE_registry-server"));
    let filter = "debug,registry_core=trace,registry_server=trace";
    let arguments = ["--config", config, "--log-format", "json", "--log", filter];
    ServerProcess::start(binary, &arguments, storage).await
}

#[tokio::test]
async fn no_secret_is_left_anywhere() {
    let mut ground = Ground::start().await;
    ground.accounts_and_logins().await;
    ground.logins_in_the_browser().await;
    ground.tokens().await;
    ground.second_factor().await;
    ground.staging().await;
    ground.people_of_github().await;
    ground.a_terminal_without_a_browser().await;
    ground.people_of_an_issuer().await;
    ground.builds().await;
    ground.things_that_are_wrong().await;
    ground.plant().await;
    ground.finish().await;

    let Ground { folder, main, second, third, secrets, kept_for_a_while, mut places, .. } = ground;
    for server in [main, second, third] {
        assert!(server.stop().await.success());
    }
    let storage = folder.path().join("storage");
    places.add_folder(&storage);
    let shown = run(&["log", "--json", "--storage", &format!("file:{}", storage.display())]);
    assert!(shown.status.success(), "{shown:?}");
    places.add("audit log", &shown.stdout);

    let kinds = secrets.kinds();
    println!("{} secrets were looked for in {} places: {}", secrets.len(), places.len(), kinds.join(", "));
    assert_eq!(kinds, flows::KINDS);
    assert_eq!(places.find(&secrets), Vec::<String>::new());
    // What an authenticator app knows must be known to the registry too: in one file, and nowhere else.
    let mut of_app = Secrets::default();
    of_app.add("secret of an authenticator app", flows::secret_of_app(&storage));
    let found = places.find(&of_app);
    assert!(!found.is_empty(), "a second factor was set up");
    for place in found {
        assert!(place.ends_with("/_two_factor/ana.json"), "{place}");
    }
    let found = places.find(&kept_for_a_while);
    for kind in kept_for_a_while.kinds() {
        assert!(
            found.iter().any(|place| place.starts_with(kind)),
            "{kind} was not there to be found: {found:?}"
        );
    }
    for place in found {
        let file = place.split_once("in storage ").unwrap_or_else(|| panic!("{place}")).1;
        assert!(file.contains("/_sessions/") && !Path::new(file).exists(), "{place}");
    }
    // The same search finds what is there.
    let mut planted = Secrets::default();
    planted.add("planted", PLANTED);
    let found = places.find(&planted).join("\n");
    for place in ["in storage", "in log of main", "in audit log", "in error: "] {
        assert!(found.contains(place), "nothing {place}: {found}");
    }
}
