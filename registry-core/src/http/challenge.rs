use http::header::{CACHE_CONTROL, USER_AGENT, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::auth::{Caller, Challenge, DeviceCode};
use crate::error::LoginError;
use crate::{Error, Registry};

use super::answer::json_response;
use super::base_url::{base_url, reached_host};
use super::body::Body;
use super::status::{Failure, NOTICE, failure_response, told};
use super::web_login::{done_url, login_url};

/// The prompt that clients print when they ask for a one-time password.
const ENTER_DIGITS: &str = "Enter the digits that your authenticator app shows, or a recovery code.";
/// The prompt after a wrong one-time password. yarn 4 shows this and no other text of the answer.
const ENTER_OTHER_DIGITS: &str = "The one-time password was wrong, or was used already. Enter the digits that your \
     authenticator app shows now, or a recovery code.";
/// The header in which clients say whether they support a one-time password in the browser.
const AUTH_TYPE: &str = "npm-auth-type";

/// Where a one-time password can be entered in the browser.
struct InBrowser {
    page: String,
    /// The URL that the client polls; `None` if the password must be typed.
    done: Option<String>,
}

/// Renders the response for a request that failed or is challenged. A wrong one-time password is answered with another
/// challenge, because clients prompt for nothing else.
pub(super) async fn failure_or_challenge(
    registry: &Registry,
    request: &Parts,
    caller: &Caller,
    under_prefix: bool,
    failure: &Failure,
) -> Response<Body> {
    let Failure::Operation(error) = failure else { return failure_response(failure) };
    let notice = match error {
        Error::Challenge(Challenge::DeviceCode(code)) => {
            let DeviceCode { url, user_code, digits } = code;
            let digits = digits.expose_secret();
            let notice = format!(
                "Open {url} on any device and enter the code {user_code} there. When it says that you are done, \
                 enter {digits} here."
            );
            let mut response = one_time_password_challenge(&told(failure), None, &notice);
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            return response;
        }
        Error::Challenge(Challenge::OneTimePassword) => ENTER_DIGITS,
        Error::Login(LoginError::WrongOneTimePassword) => ENTER_OTHER_DIGITS,
        _ => return failure_response(failure),
    };
    // A one-time password works without the browser too, so no error here fails the request.
    let in_browser = ask_in_browser(registry, request, caller, under_prefix).await.unwrap_or_else(|error| {
        tracing::debug!(error = &error as &dyn std::error::Error, "no one-time password in the browser");
        None
    });
    one_time_password_challenge(&told(failure), in_browser.as_ref(), notice)
}

async fn ask_in_browser(
    registry: &Registry,
    request: &Parts,
    caller: &Caller,
    under_prefix: bool,
) -> Result<Option<InBrowser>, Error> {
    let polls = request.headers.get(AUTH_TYPE).is_some_and(|value| value == "web");
    // A client that sent a wrong password already has the address of the page.
    if !polls && caller.one_time_password.is_some() {
        return Ok(None);
    }
    let client = request.headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
    let Some(begun) = registry.accounts().begin_web_second_factor(caller, client, !polls).await? else {
        return Ok(None);
    };
    let base = base_url(registry, request, reached_host(request)?, under_prefix).url;
    let done = polls.then(|| done_url(&base, &begun.poll).expose_secret().to_owned());
    Ok(Some(InBrowser { page: login_url(&base, &begun.page).expose_secret().to_owned(), done }))
}

/// Asks a client for a one-time password. All clients recognize the challenge by `otp` in lowercase and by "one-time
/// pass" in `text`, and print the `notice`.
fn one_time_password_challenge(text: &str, in_browser: Option<&InBrowser>, notice: &str) -> Response<Body> {
    let mut answer = json!({ "error": text, "message": text });
    let mut notice = HeaderValue::from_str(notice).ok();
    match in_browser {
        Some(InBrowser { page, done: Some(done) }) => {
            answer["authUrl"] = page.as_str().into();
            answer["doneUrl"] = done.as_str().into();
            notice = None;
        }
        Some(InBrowser { page, done: None }) => {
            // yarn opens the URL in a text of this form.
            let text = format!("Open {page} to use your security key for authentication");
            notice = HeaderValue::from_str(&text).ok().or(notice);
        }
        None => {}
    }
    let mut response = json_response(StatusCode::UNAUTHORIZED, &answer);
    let headers = response.headers_mut();
    headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("otp"));
    if let Some(notice) = notice {
        headers.insert(NOTICE, notice);
    }
    if in_browser.is_some() {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}
