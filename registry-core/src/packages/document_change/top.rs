use serde_json::Value;

use super::ChangeDocument;
use crate::Error;
use crate::domain::packument::Packument;

impl ChangeDocument {
    /// Refuses another value than the client read in what stands at the top and no client recomputes.
    pub(super) fn require_same_top(&self, packument: &Packument<'_>) -> Result<(), Error> {
        let mut fields = self.top_fields().into_iter();
        let top = fields
            .find(|(field, sent)| sent.as_ref().is_some_and(|sent| packument.differs_at_top(field, sent)))
            .map(|(field, _)| field);
        let mut times = self.time.iter().flatten();
        let mut time = || times.find(|(of, sent)| packument.differs_in_time(of, sent)).map(|_| "time");
        if let Some(field) = top.or_else(&mut time) {
            return Err(Error::request(format!(
                "the document changes `{field}`, which comes from what is published: publish a new version; nothing was \
                 changed"
            )));
        }
        let access = if packument.protection.restricted { "restricted" } else { "public" };
        if self.access.as_ref().is_some_and(|sent| sent != access) {
            return Err(Error::request(
                "the document changes `access`: run `npm access set status=public` or `private`; nothing was changed",
            ));
        }
        Ok(())
    }

    /// What stands at the top and no client recomputes.
    fn top_fields(&self) -> [(&'static str, &Option<Value>); 10] {
        [
            ("readme", &self.readme),
            ("readmeFilename", &self.readme_filename),
            ("description", &self.description),
            ("keywords", &self.keywords),
            ("license", &self.license),
            ("homepage", &self.homepage),
            ("repository", &self.repository),
            ("bugs", &self.bugs),
            ("author", &self.author),
            ("contributors", &self.contributors),
        ]
    }
}
