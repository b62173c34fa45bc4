use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use maud::{Markup, html};
use secrecy::ExposeSecret as _;

use crate::accounts::web_login::{PageStep, Purpose, WebLoginPage};
use crate::http::body::Body;
#[cfg(feature = "web")]
pub(super) use crate::http::web::LoginFrame;

#[cfg(not(feature = "web"))]
pub(super) use super::plain::LoginFrame;

/// The content of a page.
pub(super) struct Shown<'a> {
    pub(super) frame: &'a LoginFrame<'a>,
    pub(super) login: &'a WebLoginPage,
    /// The registry's URL as the browser reaches it.
    pub(super) registry: &'a str,
    pub(super) form_token: &'a str,
    /// The error of the last step.
    pub(super) trouble: Option<String>,
}

/// Renders the page of a login, for its next step.
pub(super) fn step_page(status: StatusCode, shown: &Shown<'_>) -> Response<Body> {
    let login = shown.login;
    let (title, body) = match &login.step {
        PageStep::Identify { providers, password, sign_up } => {
            let creates = *sign_up && wants_account(shown);
            let what = if creates { "Create an account at" } else { "Sign in to" };
            let title = format!("{what} {}", shown.registry);
            let is_refused = !sign_up && wants_account(shown);
            let ways = html! {
                @if is_refused { p role="status" { "Sign-up is off at this registry: ask its operator for an account. Sign in if you have one." } }
                @for (id, name) in providers { (provider_form(shown, id, name)) }
                @if *password { (password_form(shown, *sign_up)) }
                @if providers.is_empty() && !password { p { "This registry has no accounts: ask its operator." } }
            };
            (title, html! { (asked_for(shown)) (ways) })
        }
        PageStep::Code { account, provider } => {
            let title = match &login.purpose {
                Purpose::Login { .. } => format!("Confirm that you are {account}"),
                Purpose::SecondFactor { .. } => format!("Confirm a command as {account}"),
            };
            let other = provider.as_ref().map(|(id, name)| provider_form(shown, id, name));
            (title, html! { (asked_for(shown)) (code_form(shown)) @if let Some(other) = other { (other) } })
        }
        PageStep::Done => done(shown),
        PageStep::Type(proof) => {
            let typed = html! {
                p role="status" { "Type this into your terminal, where it asks for a one-time password:" }
                p { code { (proof.expose_secret()) } }
                p { "It is shown once and is valid for two minutes." }
            };
            ("Go back to your terminal".to_owned(), typed)
        }
    };
    let trouble = shown.trouble.as_deref().map(|text| html! { p role="alert" { (text) } });
    let page = shown.frame.document(&title, &html! { @if let Some(trouble) = trouble { (trouble) } (body) });
    // A button that leads to a provider's page is a form that redirects to another site, and browsers apply
    // `form-action` to the redirect too.
    let leads_away = matches!(&login.step, PageStep::Identify { providers, .. } if !providers.is_empty())
        || matches!(&login.step, PageStep::Code { provider: Some(_), .. });
    respond(status, page, leads_away)
}

/// Renders title and body of the page after the last step.
fn done(shown: &Shown<'_>) -> (String, Markup) {
    let (title, what) = match &shown.login.purpose {
        Purpose::Login { .. } => ("You are signed in", html! { "Done." }),
        Purpose::SecondFactor { account, action, .. } => (
            "You confirmed the command",
            html! { "The command may do this as " strong { (account) } " now: " code { (action) } "." },
        ),
    };
    (title.to_owned(), html! { p role="status" { (what) " Close this page, and go back to your terminal." } })
}

/// Renders a page that contains only a text.
pub(super) fn message_page(frame: &LoginFrame<'_>, status: StatusCode, text: &str) -> Response<Body> {
    let page = frame.document("This did not work", &html! { p role="alert" { (text) } });
    respond(status, page, false)
}

/// The warning before the user continues: a login that another person began gives that person the token.
fn asked_for(shown: &Shown<'_>) -> Markup {
    let login = shown.login;
    html! {
        @match &login.purpose {
            Purpose::Login { create: true } => p {
                "A command in a terminal asks for a new account at the npm registry " strong { (shown.registry) }
                ", or to be signed in to one."
            },
            Purpose::Login { create: false } => p {
                "A command in a terminal asks to be signed in to the npm registry " strong { (shown.registry) } "."
            },
            Purpose::SecondFactor { account, action, .. } => p {
                "A command in a terminal, signed in to " strong { (shown.registry) } " as " strong { (account) }
                ", asks to do this: " code { (action) }
            },
        }
        dl {
            dt { "It calls itself" }
            dd { (login.client.as_deref().unwrap_or("nothing")) }
            dt { "It runs at this address" }
            dd { (login.address.map_or_else(|| "unknown".to_owned(), |address| address.to_string())) }
            dt { "It was started" }
            dd { (login.started.format("%Y-%m-%d %H:%M:%S UTC")) }
        }
        p {
            strong { "Go on only if you have just started it yourself." }
            @if let Purpose::Login { .. } = login.purpose {
                " The person who started it acts in your name from then on."
            }
            " If another person sent you the address of this page, close it."
        }
    }
}

fn provider_form(shown: &Shown<'_>, id: &str, name: &str) -> Markup {
    html! {
        form method="post" {
            input type="hidden" name="form" value=(shown.form_token);
            input type="hidden" name="provider" value=(id);
            button name="step" value="provider" { "I started it: go on with " (name) }
        }
    }
}

fn wants_account(shown: &Shown<'_>) -> bool {
    matches!(shown.login.purpose, Purpose::Login { create: true })
}

fn password_form(shown: &Shown<'_>, sign_up: bool) -> Markup {
    html! {
        form method="post" autocomplete="on" {
            input type="hidden" name="form" value=(shown.form_token);
            label for="name" { "Name" }
            input id="name" name="name" autocomplete="username" autocapitalize="none" spellcheck="false" required;
            label for="password" { "Password" }
            input id="password" name="password" type="password" autocomplete="current-password" required;
            button name="step" value="log-in" { "I started it: sign in" }
            @if sign_up {
                details open[wants_account(shown)] {
                    summary { "No account yet?" }
                    label for="email" { "Email address, which other users see" }
                    input id="email" name="email" type="email" autocomplete="email";
                    button name="step" value="sign-up" { "I started it: create this account and sign in" }
                }
            }
        }
    }
}

fn code_form(shown: &Shown<'_>) -> Markup {
    html! {
        form method="post" {
            input type="hidden" name="form" value=(shown.form_token);
            label for="code" { "One-time password of your authenticator app, or a recovery code" }
            input id="code" name="code" autocomplete="one-time-code" spellcheck="false" required;
            button name="step" value="code" { "I started it: confirm" }
        }
    }
}

fn respond(status: StatusCode, page: String, leads_away: bool) -> Response<Body> {
    let length = page.len();
    let mut response = Response::new(Body::from(page));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_LENGTH, length.into());
    keep_private(headers);
    let sources = sources();
    let forms = if leads_away { "'self' https: http:" } else { "'self'" };
    let policy = format!(
        "default-src 'none'; {sources}; form-action {forms}; base-uri 'none'; frame-ancestors 'none'"
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// The style, and with the web pages also the logo, that a page of a login may load. It runs no script.
#[cfg(feature = "web")]
fn sources() -> String {
    "style-src 'self'; img-src 'self'".to_owned()
}

#[cfg(not(feature = "web"))]
fn sources() -> String {
    super::plain::sources()
}

/// Keeps a page and its secret address private to the browser that shows it.
pub(super) fn keep_private(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // With `no-referrer`, browsers would send the forms of these pages with `Origin: null`.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
}
