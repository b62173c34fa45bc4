use secrecy::SecretString;
use url::form_urlencoded;

use crate::Error;
use crate::http::incoming::Incoming;

/// The most bytes of a form: a password has up to 1024, each of which may be encoded as three.
const LONGEST: usize = 16 << 10;

/// The fields of a form, each once.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    pub(super) async fn read(body: &mut Incoming) -> Result<Self, Error> {
        let body = body.read(LONGEST).await?;
        Ok(Self(form_urlencoded::parse(&body).into_owned().collect()))
    }

    /// Returns the value of a field; empty if the field is missing.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub(super) fn secret(&self, name: &str) -> SecretString {
        self.get(name).into()
    }
}
