use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, AUTHORIZATION, COOKIE};
use http::request::Parts;
use http::{HeaderValue, Method, Response};

use crate::http::body::Body;
use crate::http::route::{PackagePage, Route, WebRoute};
use crate::registry::HttpSettings;

/// Whether pages of other sites may read the answer: that of a read of packages which every anonymous caller gets, so that
/// tools in the browser work with this registry. An answer to a caller who shows anything is theirs alone.
pub(in crate::http) fn is_for_other_sites(settings: &HttpSettings, request: &Parts, route: &Route) -> bool {
    let is_read = matches!(request.method, Method::GET | Method::HEAD);
    let is_data = match route {
        Route::Web(WebRoute::Package { page, .. }) => {
            matches!(page, PackagePage::Badge | PackagePage::Picture { .. })
        }
        Route::Web(_) => false,
        route => route.reads_packages(),
    };
    let is_anonymous = !request.headers.contains_key(AUTHORIZATION) && !request.headers.contains_key(COOKIE);
    let web = &settings.web.settings;
    web.pages && web.cross_origin && is_read && is_data && is_anonymous
}

/// Marks an answer as readable by pages of other sites. Errors stay unreadable to them.
pub(in crate::http) fn share(response: &mut Response<Body>) {
    if !response.status().is_client_error() && !response.status().is_server_error() {
        response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    }
}
