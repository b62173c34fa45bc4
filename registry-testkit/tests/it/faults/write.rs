use http::Method;
use registry_testkit::TestRegistry;
use registry_testkit::http_client::TestResponse;
use registry_testkit::publish_document::PublishDocument;
use serde_json::{Value, json};

/// Everything that changes a package, and sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Write {
    PublishFirst,
    PublishNext,
    Stage,
    Approve,
    Reject,
    SetTag,
    RemoveTag,
    Deprecate,
    Undeprecate,
    UnpublishVersion,
    UnpublishPackage,
    SetOwners,
    AddOwner,
    RemoveOwner,
    Star,
    Unstar,
    LogOut,
    SignUp,
    LogIn,
}

/// A request, to be sent again as it was, which is what npm does after a failure.
pub(super) struct Prepared {
    method: Method,
    path: String,
    body: String,
}

impl Prepared {
    pub(super) async fn send(&self, registry: &TestRegistry) -> TestResponse {
        registry.ana().ask(self.method.clone(), &self.path, self.body.clone()).await
    }
}

impl Write {
    /// Those that change a package.
    pub(super) const OF_PACKAGES: [Self; 16] = [
        Self::PublishFirst,
        Self::PublishNext,
        Self::Stage,
        Self::Approve,
        Self::Reject,
        Self::SetTag,
        Self::RemoveTag,
        Self::Deprecate,
        Self::Undeprecate,
        Self::UnpublishVersion,
        Self::UnpublishPackage,
        Self::SetOwners,
        Self::AddOwner,
        Self::RemoveOwner,
        Self::Star,
        Self::Unstar,
    ];

    /// Those that change sessions.
    pub(super) const OF_SESSIONS: [Self; 3] = [Self::LogOut, Self::SignUp, Self::LogIn];

    /// Makes what the write needs to find, and the request.
    ///
    /// There is `pear` in two versions, of ana and ben, with the tag `old`; 1.1.0 is deprecated, and ana starred it
    /// if the star is to be taken away. 1.2.0 is staged if the write is a decision on it.
    pub(super) async fn prepare(self, registry: &TestRegistry) -> Prepared {
        let ana = registry.ana();
        let _ = registry.user("ben").await;
        for version in ["1.0.0", "1.1.0"] {
            let _ = ana.publish(&PublishDocument::new("pear", version)).await.assert_status(201);
        }
        let _ = ana.put("/-/package/pear/dist-tags/old", &json!("1.0.0")).await.assert_status(200);
        if self != Self::AddOwner && self != Self::SetOwners {
            let _ = ana.put("/-/package/pear/owners", &json!({ "user": "ben" })).await.assert_status(200);
        }
        if self == Self::Unstar {
            let _ = ana.put("/-/user/v1/star", &json!({ "package": "pear" })).await.assert_status(200);
        }
        let mut packument = ana.get("/pear").await.json();
        packument["versions"]["1.1.0"]["deprecated"] = json!("too new");
        let _ = ana.put("/pear", &packument).await.assert_status(200);
        let mut prepared = self.request(ana.get("/pear").await.assert_status(200).json());
        if self == Self::LogOut {
            prepared.path.push_str(registry.user("ben").await.token().unwrap());
        }
        if matches!(self, Self::Approve | Self::Reject) {
            let staged = ana.stage(&PublishDocument::new("pear", "1.2.0")).await.assert_status(201).json();
            prepared.path = prepared.path.replace("{id}", staged["stageId"].as_str().unwrap());
        }
        registry.registry().flush_events().await;
        registry.events().take();
        prepared
    }

    fn request(self, mut packument: Value) -> Prepared {
        let revision = packument["_rev"].as_str().unwrap().to_owned();
        let versions = packument["versions"].as_object_mut().unwrap();
        let publish = |name, version| PublishDocument::new(name, version).build();
        let (method, path, body) = match self {
            Self::PublishFirst => (Method::PUT, "/plum".to_owned(), publish("plum", "1.0.0")),
            Self::PublishNext => (Method::PUT, "/pear".to_owned(), publish("pear", "1.2.0")),
            Self::Stage => (Method::POST, "/-/stage/package/pear".to_owned(), publish("pear", "1.2.0")),
            Self::Approve => (Method::POST, "/-/stage/{id}/approve".to_owned(), json!({})),
            Self::Reject => (Method::DELETE, "/-/stage/{id}".to_owned(), json!({})),
            Self::SetTag => (Method::PUT, "/-/package/pear/dist-tags/beta".to_owned(), json!("1.1.0")),
            Self::RemoveTag => (Method::DELETE, "/-/package/pear/dist-tags/old".to_owned(), json!({})),
            Self::Deprecate => {
                versions["1.0.0"]["deprecated"] = json!("too old");
                (Method::PUT, "/pear".to_owned(), packument)
            }
            Self::Undeprecate => {
                versions["1.1.0"]["deprecated"] = json!("");
                (Method::PUT, "/pear".to_owned(), packument)
            }
            Self::UnpublishVersion => {
                versions.shift_remove("1.0.0");
                (Method::PUT, format!("/pear/-rev/{revision}"), packument)
            }
            Self::UnpublishPackage => (Method::DELETE, format!("/pear/-rev/{revision}"), json!({})),
            Self::SetOwners => {
                let owners = ["ana", "ben"].map(|name| json!({ "name": name, "email": "" }));
                (Method::PUT, format!("/pear/-rev/{revision}"), json!({ "maintainers": owners }))
            }
            Self::AddOwner => (Method::PUT, "/-/package/pear/owners".to_owned(), json!({ "user": "ben" })),
            Self::RemoveOwner => (Method::DELETE, "/-/package/pear/owners/ben".to_owned(), json!({})),
            Self::Star => (Method::PUT, "/-/user/v1/star".to_owned(), json!({ "package": "pear" })),
            Self::Unstar => (Method::DELETE, "/-/user/v1/star".to_owned(), json!({ "package": "pear" })),
            Self::LogOut => (Method::DELETE, "/-/user/token/".to_owned(), json!({})),
            Self::SignUp => {
                let body = json!({ "name": "carol", "password": "long enough" });
                (Method::PUT, "/-/user/org.couchdb.user:carol".to_owned(), body)
            }
            Self::LogIn => {
                let body = json!({ "name": "ben", "password": registry_testkit::test_registry::PASSWORD });
                (Method::PUT, "/-/user/org.couchdb.user:ben".to_owned(), body)
            }
        };
        Prepared { method, path, body: body.to_string() }
    }

    /// Whether everybody can see that it was done.
    pub(super) async fn is_done(self, registry: &TestRegistry) -> bool {
        let stranger = registry.anonymous();
        let name = if self == Self::PublishFirst { "plum" } else { "pear" };
        let packument = stranger.get(&format!("/{name}")).await;
        let json = if packument.status == 200 { packument.json() } else { Value::Null };
        let owners = json["maintainers"].as_array().map_or(0, Vec::len);
        match self {
            Self::PublishFirst => json["dist-tags"]["latest"] == "1.0.0",
            Self::Stage => staged(registry).await == 1 && json["versions"].get("1.2.0").is_none(),
            Self::Reject => staged(registry).await == 0 && json["versions"].get("1.2.0").is_none(),
            Self::PublishNext | Self::Approve => json["dist-tags"]["latest"] == "1.2.0",
            Self::SetTag => json["dist-tags"]["beta"] == "1.1.0",
            Self::RemoveTag => json["dist-tags"].get("old").is_none(),
            Self::Deprecate => json["versions"]["1.0.0"]["deprecated"] == "too old",
            Self::Undeprecate => json["versions"]["1.1.0"].get("deprecated").is_none(),
            Self::UnpublishVersion => {
                let tarball = stranger.get("/pear/-/pear-1.0.0.tgz").await;
                json["versions"].get("1.0.0").is_none() && tarball.status == 404
            }
            Self::UnpublishPackage => packument.status == 404,
            Self::SetOwners | Self::AddOwner => owners == 2,
            Self::RemoveOwner => owners == 1,
            Self::Star => stars(registry).await == json!(["pear"]) && json["users"]["ana"] == true,
            Self::Unstar => stars(registry).await == json!([]) && json.get("users").is_none(),
            Self::LogOut => registry.user("ben").await.get("/-/whoami").await.status == 401,
            Self::LogIn => true,
            Self::SignUp => {
                let path = "/-/user/org.couchdb.user:carol";
                registry.ana().get(path).await.status == 200
            }
        }
    }

    /// How a client that asks again learns that it was done before.
    pub(super) fn truth(self) -> &'static [u16] {
        match self {
            // "You cannot publish over the previously published versions".
            Self::PublishFirst | Self::PublishNext | Self::Stage => &[403],
            Self::RemoveTag | Self::RemoveOwner => &[404],
            // The package was changed since the client read it: by itself.
            Self::Deprecate | Self::Undeprecate | Self::UnpublishVersion | Self::SetOwners => &[409],
            Self::UnpublishPackage => &[404, 409],
            _ => &[],
        }
    }
}

async fn staged(registry: &TestRegistry) -> u64 {
    registry.ana().get("/-/stage").await.assert_status(200).json()["total"].as_u64().unwrap()
}

async fn stars(registry: &TestRegistry) -> Value {
    registry.anonymous().get("/-/user/ana/stars").await.assert_status(200).json()
}
