//! The web pages: which requests get them, what they show, and what they keep to themselves.

mod files;
mod hostile;
mod negotiation;
mod pages;
mod unseen;

use http::Request;
use http::header::ACCEPT;
use registry_core::Body;
use registry_testkit::http_client::TestResponse;
use registry_testkit::test_registry::TestClient;

/// What Chromium sends when a person opens an address.
const BROWSER: &str =
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8";

/// Opens a path as a browser does.
async fn open(client: &TestClient, path: &str) -> TestResponse {
    ask(client, path, BROWSER).await
}

async fn ask(client: &TestClient, path: &str, accept: &str) -> TestResponse {
    client.send(Request::get(path).header(ACCEPT, accept).body(Body::empty()).unwrap()).await
}

/// The main part of a page as text: one line for each element that has some.
#[track_caller]
fn text_of(page: &TestResponse) -> String {
    let html = page.text();
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"), "{html}");
    let main = html.split_once("<main").unwrap_or_else(|| panic!("no main: {html}")).1;
    let main = main.split_once("</main>").unwrap().0;
    let mut lines = Vec::new();
    for part in main.split('<').skip(1) {
        let text = part.split_once('>').unwrap_or_default().1;
        let text =
            text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if !text.is_empty() {
            lines.push(text);
        }
    }
    lines.join("\n")
}

/// A tag of a page: its name, and its attributes with their values.
#[derive(Debug)]
struct PageTag {
    name: String,
    attributes: Vec<(String, String)>,
}

/// The tags of a page that the registry wrote, all of whose values are in quotes.
fn tags_of(html: &str) -> Vec<PageTag> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let name: String = rest
            .chars()
            .take_while(|sign| sign.is_ascii_alphanumeric() || matches!(sign, '/' | '!' | '-'))
            .collect();
        rest = &rest[name.len()..];
        let mut attributes = Vec::new();
        loop {
            rest = rest.trim_start();
            if rest.starts_with(['>', '/']) || rest.is_empty() {
                break;
            }
            let end = rest.find(['=', '>', ' ', '\n']).unwrap_or(rest.len());
            let attribute = rest[..end].to_ascii_lowercase();
            rest = &rest[end..];
            let mut value = String::new();
            if let Some(quoted) = rest.strip_prefix("=\"") {
                let end = quoted.find('"').unwrap_or(quoted.len());
                quoted[..end].clone_into(&mut value);
                rest = &quoted[(end + 1).min(quoted.len())..];
            } else {
                assert!(!rest.starts_with('='), "a value without quotes: {rest:.80}");
            }
            attributes.push((attribute, value));
        }
        tags.push(PageTag { name: name.to_ascii_lowercase(), attributes });
    }
    tags
}
