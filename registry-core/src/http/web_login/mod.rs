//! Browser logins over HTTP: the requests of the client, and the pages for the user.

mod browser;
mod form;
mod pages;
#[cfg(not(feature = "web"))]
mod plain;

use browser::Browser;
use form::Form;
use http::header::{CACHE_CONTROL, LOCATION, RETRY_AFTER, SET_COOKIE, USER_AGENT};
use http::{HeaderValue, Method, Response, StatusCode};
use pages::{LoginFrame, Shown, message_page, step_page};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use crate::Error;
use crate::accounts::two_factor::one_time_password;
use crate::accounts::web_login::{PollAnswer, SessionToken};
use crate::auth::PasswordLogin;
use crate::error::LoginError;
use crate::events::WebLoginRejection;

use super::answer::json_response;
use super::body::Body;
use super::handle::Call;
use super::route::WebLoginRoute;
use super::status::{Failure, status, told, wait};

/// The seconds until a client may poll again.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("1");

/// npm 11 sends this to request a sign-up.
#[derive(Default, Deserialize)]
#[serde(default)]
struct StartDocument {
    create: bool,
}

/// The URL of a login's page.
pub(super) fn login_url(base: &str, page: &SessionToken) -> SecretString {
    format!("{base}/-/v1/login/{}", page.text().expose_secret()).into()
}

/// The URL that the client of a login polls.
pub(super) fn done_url(base: &str, poll: &SessionToken) -> SecretString {
    format!("{base}/-/v1/done/{}", poll.text().expose_secret()).into()
}

impl Call<'_> {
    pub(super) async fn web_login(self, route: WebLoginRoute) -> Result<Response<Body>, Failure> {
        let frame = LoginFrame::of(&self);
        match route {
            WebLoginRoute::Start => self.start_web_login().await,
            WebLoginRoute::Poll { session } => self.poll_web_login(&session).await,
            WebLoginRoute::Page { session } => Ok(shown_failure(&frame, self.web_login_page(&session).await)),
            WebLoginRoute::Submit { session } => {
                Ok(shown_failure(&frame, self.submit_web_login(&session).await))
            }
            WebLoginRoute::Callback => Ok(shown_failure(&frame, self.web_login_callback().await)),
        }
    }

    async fn start_web_login(self) -> Result<Response<Body>, Failure> {
        let body = self.body.read(self.registry.parts.http.limits.other_body_bytes).await?;
        let document: StartDocument = if body.is_empty() {
            StartDocument::default()
        } else {
            serde_json::from_slice(&body)
                .map_err(|_| Error::request("a login begins with the JSON {} or with an empty body"))?
        };
        let base = self.base_url();
        let client = self.header(USER_AGENT);
        let begun = self.registry.accounts().begin_web_login(&self.caller, client, document.create).await?;
        let answer = json!({
            "loginUrl": login_url(&base, &begun.page).expose_secret(),
            "doneUrl": done_url(&base, &begun.poll).expose_secret(),
        });
        Ok(no_store(json_response(StatusCode::OK, &answer)))
    }

    async fn poll_web_login(self, session: &SecretString) -> Result<Response<Body>, Failure> {
        let poll = parse(session)?;
        let look = self.request.method == Method::HEAD;
        Ok(no_store(match self.registry.accounts().poll_web_login(&self.caller, poll, look).await? {
            PollAnswer::Token(token) => {
                json_response(StatusCode::OK, &json!({ "token": token.expose_secret() }))
            }
            PollAnswer::Waiting => {
                // npm reads the body before the status, and polls without a pause if none is given.
                let mut response = json_response(StatusCode::ACCEPTED, &json!({ "status": "waiting" }));
                response.headers_mut().insert(RETRY_AFTER, ASK_AGAIN);
                response
            }
        }))
    }

    async fn web_login_page(self, session: &SecretString) -> Result<Response<Body>, Failure> {
        let page = parse(session)?;
        let browser = Browser::of(self.request, &page);
        self.show_web_login(&page, browser, None).await
    }

    /// Renders the current page, with the error of the last step.
    async fn show_web_login(
        &self,
        page: &SessionToken,
        browser: Option<Browser>,
        trouble: Option<&Failure>,
    ) -> Result<Response<Body>, Failure> {
        let base = self.base_url();
        let held = browser.as_ref().map(Browser::secret);
        let login =
            self.registry.accounts().web_login_page(&self.caller, page, held, &callback(&base)?).await?;
        let browser = browser.unwrap_or_else(|| Browser::new(&*self.registry.parts.http.randomness));
        let shown = Shown {
            frame: &LoginFrame::of(self),
            login: &login,
            registry: base.split_once("://").map_or(&*base, |(_, host)| host),
            form_token: &browser.form_token(),
            trouble: trouble.map(told),
        };
        let status = trouble.map_or(StatusCode::OK, status);
        let mut response = step_page(status, &shown);
        if let Some(seconds) = trouble.and_then(wait) {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response.headers_mut().insert(SET_COOKIE, browser.cookie(&base, page)?);
        Ok(response)
    }

    async fn submit_web_login(self, session: &SecretString) -> Result<Response<Body>, Failure> {
        let page = parse(session)?;
        let form = Form::read(self.body).await?;
        let Some(browser) = Browser::of(self.request, &page) else {
            let error = Error::Login(LoginError::WebLoginElsewhere);
            return Err(self
                .registry
                .accounts()
                .refuse_web_login(&self.caller, WebLoginRejection::OtherBrowser, error)
                .into());
        };
        if !browser.made(form.get("form")) {
            let error = Error::Login(LoginError::WebLoginForm);
            return Err(self
                .registry
                .accounts()
                .refuse_web_login(&self.caller, WebLoginRejection::Form, error)
                .into());
        }
        let base = self.base_url();
        match self.take_step(&page, &browser, &form, &base).await {
            Ok(next) => redirect(&next),
            // A login that is over has no page to show again.
            Err(
                error @ Error::Login(
                    LoginError::WebLoginGone | LoginError::WebLoginElsewhere | LoginError::WebLoginForm,
                ),
            ) => Err(error.into()),
            Err(error) => self.show_web_login(&page, Some(browser), Some(&Failure::Operation(error))).await,
        }
    }

    /// Performs the step of the form, and returns where to go next.
    async fn take_step(
        &self,
        page: &SessionToken,
        browser: &Browser,
        form: &Form,
        base: &str,
    ) -> Result<SecretString, Error> {
        let (registry, caller, secret) = (self.registry, &self.caller, browser.secret());
        match form.get("step") {
            "provider" => {
                let (provider, callback) = (form.get("provider"), callback(base)?);
                let url = registry
                    .accounts()
                    .web_login_with_provider(caller, page, secret, provider, &callback)
                    .await?;
                return Ok(String::from(url).into());
            }
            step @ ("log-in" | "sign-up") => {
                let email = Some(form.get("email")).filter(|email| !email.is_empty()).map(Into::into);
                let login =
                    PasswordLogin { name: form.get("name").into(), password: form.secret("password"), email };
                registry
                    .accounts()
                    .web_login_with_password(caller, page, secret, login, step == "sign-up")
                    .await?;
            }
            "code" => {
                let code = one_time_password(form.get("code"));
                registry.accounts().web_login_with_code(caller, page, secret, code).await?;
            }
            _ => return Err(Error::Login(LoginError::WebLoginForm)),
        }
        Ok(login_url(base, page))
    }

    async fn web_login_callback(self) -> Result<Response<Body>, Failure> {
        let held = Browser::all_of(self.request);
        let query = self.request.uri.query().unwrap_or_default();
        let page = self.registry.accounts().web_login_callback(&self.caller, held, query).await?;
        redirect(&login_url(&self.base_url(), &page))
    }
}

fn parse(session: &SecretString) -> Result<SessionToken, Error> {
    SessionToken::parse(session.expose_secret()).ok_or(Error::Login(LoginError::WebLoginGone))
}

/// The URL that providers redirect the browser to.
fn callback(base: &str) -> Result<Url, Error> {
    Url::parse(&format!("{base}/-/v1/login/callback")).map_err(|error| Error::Internal(error.into()))
}

fn redirect(to: &SecretString) -> Result<Response<Body>, Failure> {
    let location =
        HeaderValue::from_str(to.expose_secret()).map_err(|error| Error::Internal(error.into()))?;
    let mut response = no_store(Response::new(Body::empty()));
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(LOCATION, location);
    pages::keep_private(response.headers_mut());
    Ok(response)
}

fn no_store(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Renders a failure as a page, since a person reads it.
fn shown_failure(frame: &LoginFrame<'_>, result: Result<Response<Body>, Failure>) -> Response<Body> {
    result.unwrap_or_else(|failure| {
        let mut response = message_page(frame, status(&failure), &told(&failure));
        if let Some(seconds) = wait(&failure) {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    })
}
