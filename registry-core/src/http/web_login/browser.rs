use http::HeaderValue;
use http::header::COOKIE;
use http::request::Parts;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::Error;
use crate::accounts::web_login::{SessionToken, is_secret, new_secret};
use crate::randomness::Randomness;

/// The prefix of each cookie's name, followed by the id of a login.
const COOKIE_NAME: &str = "login-";
/// How many logins of one browser are considered when it returns from a provider.
const MOST: usize = 8;
/// The lifetime of the cookie in seconds: the longest duration of a login.
const KEPT: u32 = 600;

/// A browser, identified by a secret in a cookie that no script and no other site can read.
pub(super) struct Browser {
    secret: SecretString,
}

impl Browser {
    pub(super) fn new(randomness: &dyn Randomness) -> Self {
        Self { secret: new_secret(randomness) }
    }

    /// Returns the browser that opened this login; `None` for any other browser.
    pub(super) fn of(request: &Parts, page: &SessionToken) -> Option<Self> {
        let found = cookies(request).find(|(name, _)| name.strip_prefix(COOKIE_NAME) == Some(page.id()));
        let (_, secret) = held(found?.1)?;
        Some(Self { secret })
    }

    /// Returns the page and the browser's secret of each login that the browser opened.
    pub(super) fn all_of(request: &Parts) -> Vec<(SessionToken, SecretString)> {
        let ours = cookies(request).filter(|(name, _)| name.starts_with(COOKIE_NAME));
        ours.filter_map(|(_, value)| held(value)).take(MOST).collect()
    }

    pub(super) fn secret(&self) -> &SecretString {
        &self.secret
    }

    /// Returns the token that a form on a page for this browser must contain. Other sites cannot know it.
    pub(super) fn form_token(&self) -> String {
        let hash = Sha256::new().chain_update("form ").chain_update(self.secret.expose_secret());
        const_hex::encode(hash.finalize())
    }

    pub(super) fn made(&self, form_token: &str) -> bool {
        self.form_token().as_bytes().ct_eq(form_token.as_bytes()).into()
    }

    /// `Lax`, because the browser returns from a provider's page through a link on that page.
    pub(super) fn cookie(&self, base: &str, page: &SessionToken) -> Result<HeaderValue, Error> {
        let (scheme, rest) = base.split_once("://").unwrap_or(("http", base));
        let path = rest.find('/').map_or("", |at| &rest[at..]);
        let secure = if scheme == "https" { "; Secure" } else { "" };
        let (id, secret) = (page.id(), self.secret.expose_secret());
        let value = format!(
            "{COOKIE_NAME}{id}={}.{secret}; Path={path}/-/v1/login; Max-Age={KEPT}; HttpOnly; SameSite=Lax{secure}",
            page.text().expose_secret(),
        );
        let mut value = HeaderValue::from_str(&value).map_err(|error| Error::Internal(error.into()))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

fn cookies(request: &Parts) -> impl Iterator<Item = (&str, &str)> {
    let lines = request.headers.get_all(COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='))
}

/// Parses the value of a cookie.
fn held(value: &str) -> Option<(SessionToken, SecretString)> {
    let (page, browser) = value.split_once('.')?;
    let page = SessionToken::parse(page)?;
    is_secret(browser).then(|| (page, browser.into()))
}
