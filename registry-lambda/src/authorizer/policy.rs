use serde_json::{Value, json};

use super::names::{NameSet, Shape};
use super::spellings::{Place, hidden};

/// The longest policy in bytes. A longer one is replaced by one for a single route.
const LONGEST: usize = 8 << 10;

/// Routes that only read and name no package. Paths with an id do not distinguish packages: the registry does.
const READS: [&str; 17] = [
    "",
    "-/ping",
    "-/whoami",
    "-/v1/*",
    "-/npm/v1/keys",
    "-/npm/v1/tokens*",
    "-/npm/v1/user",
    "-/org/*",
    "-/team/*",
    "-/user/*",
    "-/util/*",
    "-/_view/*",
    "-/stage*",
    "-/-/package",
    "downloads/?????/last-???",
    "downloads/?????/last-????",
    "downloads/?????/last-?????",
];

/// Routes that change accounts, organizations and stars.
const CHANGES: [&str; 4] = ["-/user/org.couchdb.user*", "-/user/v1/star", "-/org/*", "-/team/*"];

/// The same, and those that reject staged versions.
const DELETIONS: [&str; 4] = ["-/user/v1/star", "-/org/*", "-/team/*", "-/stage/*"];

/// The routes by which callers revoke their own tokens, which is not a write to a package.
const OWN_TOKENS: [&str; 2] = ["-/user/token/*", "-/npm/v1/tokens/token/*"];

/// A method that the registry supports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "HTTP says what they are")]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Delete,
}

impl Method {
    /// All methods, reads first. Audits, logins and tokens are `POST`ed, and publish nothing.
    pub const ALL: [Self; 5] = [Self::Get, Self::Head, Self::Post, Self::Put, Self::Delete];

    fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == text)
    }
}

/// `arn:aws:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH`
#[derive(Debug)]
pub(super) struct Arn {
    /// The part up to the stage.
    stage: String,
    pub(super) method: String,
    pub(super) path: String,
}

impl Arn {
    pub(super) fn parse(arn: &str) -> Option<Self> {
        let mut parts = arn.splitn(4, '/');
        let (api, stage, method) = (parts.next()?, parts.next()?, parts.next()?);
        let is_api = api.starts_with("arn:") && api.contains(":execute-api:");
        let plain = |text: &str| !text.is_empty() && !text.contains(['*', '?']);
        if !is_api || !plain(api) || !plain(stage) || method.is_empty() {
            return None;
        }
        let path = parts.next().unwrap_or_default().to_owned();
        Some(Self { stage: format!("{api}/{stage}"), method: method.to_owned(), path })
    }

    /// Whether a policy reads it as exactly this route.
    fn is_plain(&self) -> bool {
        ![&self.method, &self.path].iter().any(|text| text.contains(['*', '?', '$']))
    }

    /// Whether a name in it may contain capitals, plain or escaped.
    fn may_have_capitals(&self) -> bool {
        self.path.contains(|character: char| character.is_ascii_uppercase())
            || self.path.contains("%4")
            || self.path.contains("%5")
    }
}

/// What a caller may do, in sets of names.
#[derive(Debug)]
pub(super) struct Rights {
    pub(super) reads: Shape,
    pub(super) writes: Shape,
    /// A caller who may stage a version may not publish it with every token.
    pub(super) stages: Shape,
    /// Whether the caller is signed in: such a caller may always revoke their own token.
    pub(super) is_identified: bool,
}

/// The requests for which a policy is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// A gateway may cache it for all requests with the same credential.
    ForEveryRoute,
    /// It would deny permitted requests to other routes.
    ForThisRoute,
}

impl Rights {
    pub(super) fn nowhere() -> Self {
        let none = || Shape::All(false);
        Self { reads: none(), writes: none(), stages: none(), is_identified: false }
    }

    /// Whether a route that names no package is permitted.
    pub(super) fn cover(&self, method: Method, below: &str) -> bool {
        let own_token = || OWN_TOKENS.iter().any(|route| below.starts_with(route.trim_end_matches('*')));
        match method {
            Method::Get | Method::Head | Method::Post => self.reads.allows_something(),
            Method::Delete if self.is_identified && own_token() => true,
            Method::Put | Method::Delete => self.writes.allows_something(),
        }
    }

    fn are_unspeakable(&self) -> bool {
        [&self.reads, &self.writes, &self.stages].contains(&&Shape::Unspeakable)
    }

    /// Returns the positions of names in the paths of a method, and the shape that decides on each.
    fn places(&self, method: Method) -> Vec<(Place, &Shape)> {
        let (reads, writes) = (&self.reads, &self.writes);
        match method {
            Method::Get | Method::Head => {
                let places =
                    [Place::PACKUMENT, Place::PACKAGE, Place::ATTESTATIONS, Place::DOWNLOADS, Place::SBOM];
                places.map(|place| (place, reads)).to_vec()
            }
            Method::Put | Method::Delete => {
                vec![(Place::PACKUMENT, writes), (Place::PACKAGE, writes), (Place::STAR, reads)]
            }
            Method::Post => vec![(Place::PACKAGE, writes), (Place::STAGE, &self.stages)],
        }
    }

    /// Returns the routes of a method that name no package.
    fn others(&self, method: Method) -> impl Iterator<Item = &'static str> {
        let (reads, writes) = (self.reads.allows_something(), self.writes.allows_something());
        let stages = writes || self.stages.allows_something();
        let lists: [(bool, &[&str]); 2] = match method {
            Method::Get | Method::Head => [(reads, &READS), (false, &[])],
            Method::Post => [(reads, &["-/npm/*", "-/v1/*"]), (stages, &["-/stage/*/approve"])],
            Method::Put => [(writes, &CHANGES), (false, &[])],
            Method::Delete => [(stages, &DELETIONS), (self.is_identified, &OWN_TOKENS)],
        };
        lists.into_iter().filter(|(holds, _)| *holds).flat_map(|(_, list)| list.iter().copied())
    }
}

/// Returns the policy for one caller: for all routes, if a list of paths can express the caller's rights.
pub(super) fn document(arn: &Arn, path_prefix: &str, rights: &Rights, allows_this: bool) -> (Value, Holds) {
    let policy = Policy { arn, path_prefix, statements: Vec::new() };
    if let (Shape::All(reads), Shape::All(writes), Shape::All(stages)) =
        (&rights.reads, &rights.writes, &rights.stages)
    {
        return (policy.coarse(rights, [*reads, *writes, *stages]), Holds::ForEveryRoute);
    }
    let finer = (!rights.are_unspeakable()).then(|| policy.finer(rights, allows_this));
    match finer.filter(|finer| finer.to_string().len() <= LONGEST) {
        Some(finer) => (finer, Holds::ForEveryRoute),
        None => (
            Policy { arn, path_prefix, statements: Vec::new() }.of_this_route(allows_this),
            Holds::ForThisRoute,
        ),
    }
}

/// A policy being built.
struct Policy<'a> {
    arn: &'a Arn,
    path_prefix: &'a str,
    statements: Vec<Value>,
}

impl Policy<'_> {
    fn finish(self) -> Value {
        json!({ "Version": "2012-10-17", "Statement": self.statements })
    }

    fn say(&mut self, effect: &str, resource: impl Into<Value>) {
        self.statements
            .push(json!({ "Action": "execute-api:Invoke", "Effect": effect, "Resource": resource.into() }));
    }

    /// Returns a path below the prefix.
    fn below(&self, method: &str, path: &str) -> String {
        let slash = if self.path_prefix.is_empty() { "" } else { "/" };
        format!("{}/{method}/{}{slash}{path}", self.arn.stage, self.path_prefix)
    }

    /// The same for all packages. What is not permitted is denied explicitly, as in codebox-npm, unless a part of it is
    /// permitted: the denial would override that.
    fn coarse(mut self, rights: &Rights, [reads, writes, stages]: [bool; 3]) -> Value {
        for method in Method::ALL {
            let all = format!("{}/{}/{}*", self.arn.stage, method.as_str(), self.path_prefix);
            let allowed = match method {
                Method::Get | Method::Head | Method::Post => reads,
                Method::Put | Method::Delete => writes,
            };
            if method == Method::Post && reads && !(writes && stages) {
                // Some packages are changed by a `POST`, and so is much else.
                let stage = stages.then_some("-/stage/package/*");
                for path in rights.others(method).chain(stage) {
                    self.say("Allow", self.below(method.as_str(), path));
                }
            } else if allowed {
                self.say("Allow", all);
            } else if method == Method::Delete && rights.is_identified {
                for route in OWN_TOKENS {
                    self.say("Allow", self.below(method.as_str(), route));
                }
            } else {
                self.say("Deny", all);
            }
        }
        self.finish()
    }

    /// Rules match names case-insensitively, and policies case-sensitively. So a request with capitals gets its own
    /// statement, besides those for every route.
    fn finer(mut self, rights: &Rights, allows_this: bool) -> Value {
        let everything = [NameSet::everything()];
        let mut carved: Vec<NameSet> = rights.reads.denied().to_vec();
        for method in Method::ALL {
            let at = |path: String| self.below(method.as_str(), &path);
            let (mut allow, mut deny): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
            let places = rights.places(method);
            let covers_all = |(place, shape): &(Place, &Shape)| {
                *place == Place::PACKUMENT && shape.allowed(&everything).contains(&everything[0])
            };
            if places.iter().any(covers_all) {
                allow.push(at("*".to_owned()));
            } else {
                allow.extend(rights.others(method).map(|path| at(path.to_owned())));
                let sets = |shape: &&Shape| shape.allowed(&everything).to_vec();
                let named = places.iter().map(|(place, shape)| (place, sets(shape)));
                let paths = named.flat_map(|(place, sets)| {
                    sets.iter().flat_map(|set| place.paths(set)).collect::<Vec<_>>()
                });
                allow.extend(paths.map(at));
            }
            for (place, shape) in places.iter().filter(|(_, shape)| **shape != rights.reads) {
                deny.extend(shape.denied().iter().flat_map(|set| place.paths(set)).map(at));
                carved.extend(shape.denied().iter().cloned());
            }
            for (effect, resources) in [("Allow", allow), ("Deny", deny)] {
                if !resources.is_empty() {
                    self.say(effect, resources);
                }
            }
        }
        if !carved.is_empty() {
            // A caller who may not read a package may do nothing to it.
            let unread = rights.reads.denied().iter();
            let unread = unread.flat_map(|set| Place::ALL.iter().flat_map(|place| place.paths(set)));
            let paths = unread.chain(hidden(&carved));
            let denied: Vec<_> = paths.map(|path| self.below("*", &path)).collect();
            self.say("Deny", denied);
        }
        if self.arn.may_have_capitals() {
            self.say_this_route(allows_this);
        }
        self.finish()
    }

    /// A policy for the requested route only. A path with a star would cover more.
    fn of_this_route(mut self, allowed: bool) -> Value {
        if self.arn.is_plain() {
            self.say_this_route(allowed);
        } else {
            self.say("Deny", format!("{}/*", self.arn.stage));
        }
        self.finish()
    }

    fn say_this_route(&mut self, allowed: bool) {
        let Arn { stage, method, path } = self.arn;
        if self.arn.is_plain() {
            let resource = format!("{stage}/{method}/{path}");
            self.say(if allowed { "Allow" } else { "Deny" }, resource);
        }
    }
}
