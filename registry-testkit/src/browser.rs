use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use http::{Method, Request};
use registry_core::Body;
use url::{Url, form_urlencoded};

use crate::http_client::{HttpClient, TestResponse};
use crate::test_registry::TestClient;

/// A browser as far as the pages of a registry need one: it keeps cookies, shows pages and sends forms. It runs no
/// scripts, and follows a redirect only when it is told to.
///
/// ```
/// use registry_testkit::{Browser, TestRegistry};
/// use serde_json::json;
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let registry = TestRegistry::new().await;
/// let login = registry.anonymous().post("/-/v1/login", &json!({})).await.json();
/// let browser = Browser::in_process(registry.anonymous());
/// let page = browser.open(login["loginUrl"].as_str().unwrap()).await;
/// assert!(page.text().contains("Sign in to registry.example"));
/// # });
/// ```
#[derive(Debug)]
pub struct Browser {
    wire: Wire,
    cookies: Mutex<BTreeMap<String, String>>,
}

#[derive(Debug)]
enum Wire {
    InProcess(TestClient),
    Http,
}

/// A page that a browser shows.
#[derive(Debug, Clone)]
pub struct Page {
    /// The address of the client.
    pub url: String,
    /// The answer that it came with.
    pub response: TestResponse,
}

impl Browser {
    /// One that asks a [`TestRegistry`](crate::TestRegistry), as this client: no socket is opened.
    pub fn in_process(client: TestClient) -> Self {
        Self { wire: Wire::InProcess(client), cookies: Mutex::default() }
    }

    /// One that asks servers over HTTP.
    pub fn over_http() -> Self {
        Self { wire: Wire::Http, cookies: Mutex::default() }
    }

    /// Opens an absolute URL.
    ///
    /// # Panics
    ///
    /// If it is none, or is not answered.
    pub async fn open(&self, url: &str) -> Page {
        self.ask(Method::GET, url, String::new()).await
    }

    /// Presses the button that stands for `step` on a page, after filling in `fields`.
    ///
    /// # Panics
    ///
    /// If the page has no such button.
    pub async fn press(&self, page: &Page, step: &str, fields: &[(&str, &str)]) -> Page {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("step", step)
            .extend_pairs(page.hidden_fields(step))
            .extend_pairs(fields)
            .finish();
        self.ask(Method::POST, &page.url, form).await
    }

    /// Goes where a page redirects to.
    ///
    /// # Panics
    ///
    /// If it does not.
    pub async fn follow(&self, page: &Page) -> Page {
        self.open(page.location()).await
    }

    /// Sends any form.
    ///
    /// # Panics
    ///
    /// If it is not answered.
    pub async fn ask(&self, method: Method, url: &str, form: String) -> Page {
        let parsed = Url::parse(url).unwrap_or_else(|error| panic!("no URL: {url}: {error}"));
        let path = &parsed[url::Position::BeforePath..];
        let cookies: Vec<_> = {
            let held = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
            held.iter().map(|(name, value)| format!("{name}={value}")).collect()
        };
        let kind = "application/x-www-form-urlencoded";
        let response = match &self.wire {
            Wire::InProcess(client) => {
                let request = Request::builder()
                    .method(method)
                    .uri(path)
                    .header(CONTENT_TYPE, kind)
                    .header(COOKIE, cookies.join("; "))
                    .body(Body::from(form));
                client.send(request.unwrap_or_else(|error| panic!("no request: {url}: {error}"))).await
            }
            Wire::Http => {
                let client = HttpClient::new(&parsed[..url::Position::BeforePath]);
                let request = client.request(method, path).header(CONTENT_TYPE.as_str(), kind);
                request.header(COOKIE.as_str(), &cookies.join("; ")).body(form).send().await
            }
        };
        let mut held = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
        for cookie in response.headers.get_all(SET_COOKIE) {
            let cookie = cookie.to_str().unwrap_or_default();
            let pair = cookie.split(';').next().and_then(|pair| pair.split_once('='));
            let (name, value) = pair.unwrap_or_else(|| panic!("no cookie: {cookie}"));
            held.insert(name.to_owned(), value.to_owned());
        }
        Page { url: url.to_owned(), response }
    }
}

impl Page {
    /// Its text, with all markup.
    pub fn text(&self) -> String {
        self.response.text()
    }

    /// Where it redirects to.
    ///
    /// # Panics
    ///
    /// If it does not.
    #[track_caller]
    pub fn location(&self) -> &str {
        let location = self.response.header(LOCATION.as_str());
        location.unwrap_or_else(|| panic!("no redirect: {} {}", self.response.status, self.text()))
    }

    /// Itself, if this is its status.
    ///
    /// # Panics
    ///
    /// If it is another, showing the page.
    #[track_caller]
    #[must_use = "look at the page, or bind it to `_`"]
    pub fn assert_status(self, status: u16) -> Self {
        Self { response: self.response.assert_status(status), ..self }
    }

    /// The fields that a person does not see, of the form with the button of `step`.
    ///
    /// # Panics
    ///
    /// If there is no such form.
    #[track_caller]
    pub fn hidden_fields(&self, step: &str) -> Vec<(String, String)> {
        let text = self.text();
        let button = format!("name=\"step\" value=\"{step}\"");
        let form = text.split("<form").skip(1).find(|form| form.contains(&button));
        let form = form.unwrap_or_else(|| panic!("no button for {step} on {text}"));
        let inputs = form.split("<input type=\"hidden\" name=\"").skip(1);
        let fields = inputs.filter_map(|input| {
            let (name, rest) = input.split_once("\" value=\"")?;
            Some((name.to_owned(), rest.split('"').next()?.to_owned()))
        });
        fields.collect()
    }
}
