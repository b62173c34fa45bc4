//! The pages of logins in a library without the feature `web`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use crate::http::handle::Call;

const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem}\
label,button,input{display:block;font:inherit}input{width:100%;box-sizing:border-box;padding:.4rem;margin-bottom:1rem}\
button{padding:.5rem 1rem;margin:1rem 0}code{overflow-wrap:anywhere}[role=alert]{border-left:.3rem solid;padding-left:1rem}";

/// What surrounds the page of a login: nothing but its style.
pub(super) struct LoginFrame<'a>(std::marker::PhantomData<&'a ()>);

impl LoginFrame<'_> {
    pub(super) fn of(_: &Call<'_>) -> Self {
        Self(std::marker::PhantomData)
    }

    #[expect(clippy::unused_self, reason = "the frame of the web pages has a state")]
    pub(super) fn document(&self, title: &str, body: &Markup) -> String {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (title) }
                    style { (PreEscaped(STYLE)) }
                }
                body { main { h1 { (title) } (body) } }
            }
        };
        page.into_string()
    }
}

/// The style, by its digest.
pub(super) fn sources() -> String {
    format!("style-src 'sha256-{}'", STANDARD.encode(Sha256::digest(STYLE)))
}
