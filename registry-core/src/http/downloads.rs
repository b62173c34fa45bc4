use http::{Response, StatusCode};
use serde_json::{Map, Value, json};

use crate::Error;
use crate::domain::{DownloadPeriod, PackageName};
use crate::downloads::DownloadCounts;

use super::answer::json_response;
use super::body::Body;
use super::handle::Call;
use super::route::{DownloadRoute, DownloadsOf};
use super::status::Failure;

/// The most packages in one request, as npm has it.
const MOST_PACKAGES: usize = 128;

/// Renders the counts of a package, or of all.
type Render = fn(&DownloadCounts, Option<&PackageName>) -> Value;

impl Call<'_> {
    pub(super) async fn downloads(self, route: DownloadRoute) -> Result<Response<Body>, Failure> {
        let answer = match route {
            DownloadRoute::Point { period, of } => self.counts(&period, of, point).await?,
            DownloadRoute::Range { period, of } => self.counts(&period, of, range).await?,
            DownloadRoute::Versions { name } => {
                let counts = self.registry.version_downloads(&self.caller, &name).await?;
                let downloads: Map<_, _> =
                    counts.into_iter().map(|(version, count)| (version.to_string(), count.into())).collect();
                json!({ "package": name, "downloads": downloads })
            }
        };
        Ok(json_response(StatusCode::OK, &answer))
    }

    async fn counts(&self, period: &str, of: DownloadsOf, render: Render) -> Result<Value, Error> {
        let period = || DownloadPeriod::parse(period, self.registry.today());
        match of {
            DownloadsOf::All => {
                Ok(render(&self.registry.all_downloads(&self.caller, period()?).await?, None))
            }
            DownloadsOf::One(name) => {
                let counts = self.registry.downloads(&self.caller, &name, period()?).await?;
                Ok(render(&counts, Some(&name)))
            }
            DownloadsOf::Each(names) => {
                check_names(&names)?;
                let counts = self.registry.downloads_of_each(&self.caller, &names, period()?).await?;
                let each = names.iter().zip(counts).map(|(name, counts)| {
                    (name.to_string(), counts.map_or(Value::Null, |counts| render(&counts, Some(name))))
                });
                Ok(Value::Object(each.collect()))
            }
        }
    }
}

fn check_names(names: &[PackageName]) -> Result<(), Error> {
    if names.len() > MOST_PACKAGES {
        return Err(Error::request(format!(
            "{} packages are more than the {MOST_PACKAGES} that one request may name: ask for them in parts",
            names.len()
        )));
    }
    match names.iter().find(|name| name.scope().is_some()) {
        Some(name) => Err(Error::request(format!("{name} has a scope: ask for its downloads alone"))),
        None => Ok(()),
    }
}

fn point(counts: &DownloadCounts, name: Option<&PackageName>) -> Value {
    let period = counts.period();
    let answer = json!({ "downloads": counts.total(), "start": period.first(), "end": period.last() });
    with_package(answer, name)
}

fn range(counts: &DownloadCounts, name: Option<&PackageName>) -> Value {
    let period = counts.period();
    let mut answer = with_package(json!({ "start": period.first(), "end": period.last() }), name);
    let days = counts.days().map(|(day, downloads)| json!({ "downloads": downloads, "day": day }));
    answer["downloads"] = days.collect();
    answer
}

fn with_package(mut answer: Value, name: Option<&PackageName>) -> Value {
    if let Some(name) = name {
        answer["package"] = json!(name);
    }
    answer
}
