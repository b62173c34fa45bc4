use http::{Response, StatusCode};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::Error;
use crate::clock::timestamp;
use crate::domain::packument::Person;
use crate::search::{HostedHit, SearchHit, SearchQuery};

use super::answer::json_response;
use super::body::Body;
use super::handle::Call;
use super::status::{Failure, add_notice};

/// The number of hits if the query names none.
const USUAL_SIZE: usize = 20;
const STILL_INDEXING: &str =
    "the registry is still indexing its packages, so this search may miss some: search again in a minute";
/// Weights that npm sends, which are ignored.
const WEIGHTS: [&str; 3] = ["quality", "popularity", "maintenance"];

impl Call<'_> {
    pub(super) async fn search(self) -> Result<Response<Body>, Failure> {
        let query = read_query(self.request.uri.query().unwrap_or_default())?;
        let base = self.base_url();
        let page = self.registry.search(&self.caller, &query).await?;
        let objects: Vec<Value> = page
            .hits
            .into_iter()
            .map(|hit| match hit {
                SearchHit::Hosted(hit) => hosted(&hit, &base),
                SearchHit::Upstream(mut hit) => {
                    let npm = format!("{base}/{}", hit["package"]["name"].as_str().unwrap_or_default());
                    let links = &mut hit["package"]["links"];
                    if links["npm"].is_null() {
                        links["npm"] = npm.into();
                    }
                    hit
                }
            })
            .collect();
        let answer = json!({ "objects": objects, "total": page.total, "time": timestamp(page.time) });
        let mut answer = json_response(StatusCode::OK, &answer);
        if !page.is_complete {
            add_notice(answer.headers_mut(), STILL_INDEXING);
        }
        Ok(answer)
    }
}

fn read_query(query: &str) -> Result<SearchQuery, Error> {
    let mut read = SearchQuery { size: USUAL_SIZE, ..SearchQuery::default() };
    for (field, value) in form_urlencoded::parse(query.as_bytes()) {
        let number = || {
            value
                .parse()
                .map_err(|_| Error::request(format!("`{field}` in the query must be a number from 0 up")))
        };
        match &*field {
            "text" => read.text = value.into_owned(),
            "size" => read.size = number()?,
            "from" => read.from = number()?,
            _ => {
                let weight = WEIGHTS.into_iter().find(|weight| *weight == field);
                let value = value.parse::<f64>().ok().filter(|value| value.is_finite());
                read.weights.extend(weight.zip(value));
            }
        }
    }
    Ok(read)
}

/// Renders a package in npm's format.
fn hosted(hit: &HostedHit, base: &str) -> Value {
    let HostedHit { name, entry, score } = hit;
    let person = |person: &Person| json!({ "username": person.name, "email": person.email });
    let mut links = json!({ "npm": format!("{base}/{name}") });
    for (link, url) in
        [("homepage", &entry.homepage), ("repository", &entry.repository), ("bugs", &entry.bugs)]
    {
        if let Some(url) = url {
            links[link] = json!(url);
        }
    }
    let mut package = json!({
        "name": name,
        "scope": name.scope().unwrap_or("unscoped"),
        "version": entry.version,
        "description": entry.description,
        "keywords": entry.keywords,
        "date": entry.date,
        "links": links,
        "maintainers": entry.maintainers.iter().map(person).collect::<Vec<_>>(),
    });
    if let Some(author) = &entry.author {
        package["author"] = json!({ "name": author });
    }
    if let Some(publisher) = &entry.publisher {
        package["publisher"] = person(publisher);
    }
    if let Some(license) = &entry.license {
        package["license"] = json!(license);
    }
    let mut flags = json!({ "insecure": 0 });
    if entry.deprecated {
        flags["deprecated"] = json!(true);
    }
    json!({
        "package": package,
        "score": {
            "final": f64::from(*score) / 100.0,
            "detail": { "quality": 1, "popularity": 1, "maintenance": 1 },
        },
        "searchScore": score,
        "flags": flags,
    })
}
