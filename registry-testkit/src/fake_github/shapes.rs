//! JSON as GitHub documents it.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

use super::world::{Team, User};
use super::{CLIENT_ID, world};

pub(super) fn answer(status: u16, body: &Value) -> Response<Bytes> {
    let bytes = if status == 204 { Bytes::new() } else { body.to_string().into() };
    let mut response = Response::new(bytes);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    for (name, value) in
        [("x-ratelimit-limit", "5000"), ("x-ratelimit-remaining", "4999"), ("x-ratelimit-used", "1")]
    {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

pub(super) fn error(status: u16, message: &str) -> Response<Bytes> {
    let body = json!({
        "message": message,
        "documentation_url": "https://docs.github.com/rest",
        "status": status.to_string(),
    });
    answer(status, &body)
}

pub(super) fn user(user: &User) -> Value {
    let api = format!("https://github.example/api/v3/users/{}", user.login);
    json!({
        "login": user.login,
        "id": user.id,
        "node_id": "MDQ6VXNlcjE=",
        "avatar_url": "https://github.example/avatars/u/1",
        "gravatar_id": "",
        "url": api,
        "html_url": format!("https://github.example/{}", user.login),
        "followers_url": format!("{api}/followers"),
        "organizations_url": format!("{api}/orgs"),
        "type": "User",
        "site_admin": false,
    })
}

pub(super) fn private_user(of: &User) -> Value {
    let mut body = user(of);
    body["name"] = of.login.to_uppercase().into();
    body["company"] = Value::Null;
    body["email"] = of.email.clone().map_or(Value::Null, Value::from);
    body["two_factor_authentication"] = true.into();
    body["created_at"] = "2008-01-14T04:33:35Z".into();
    body["updated_at"] = "2026-01-01T00:00:00Z".into();
    body
}

fn organization(name: &str) -> Value {
    let api = format!("https://github.example/api/v3/orgs/{name}");
    json!({
        "login": name,
        "id": world::id_of(name),
        "node_id": "MDEyOk9yZ2FuaXphdGlvbjE=",
        "url": api,
        "repos_url": format!("{api}/repos"),
        "members_url": format!("{api}/members{{/member}}"),
        "avatar_url": "https://github.example/avatars/u/2",
        "description": null,
    })
}

pub(super) fn membership(of: &User, name: &str, state: &str) -> Value {
    json!({
        "url": format!("https://github.example/api/v3/orgs/{name}/memberships/{}", of.login),
        "state": state,
        "role": "member",
        "organization_url": format!("https://github.example/api/v3/orgs/{name}"),
        "organization": organization(name),
        "user": user(of),
    })
}

pub(super) fn team(team: &Team) -> Value {
    json!({
        "id": world::id_of(&team.slug),
        "node_id": "MDQ6VGVhbTE=",
        "url": "https://github.example/api/v3/teams/1",
        "html_url": format!("https://github.example/orgs/{}/teams/{}", team.organization, team.slug),
        "name": team.slug.to_uppercase(),
        "slug": team.slug,
        "description": "A great team.",
        "privacy": "closed",
        "notification_setting": "notifications_enabled",
        "permission": "pull",
        "parent": null,
        "members_count": 3,
        "organization": organization(&team.organization),
    })
}

pub(super) fn authorization(token: &str, scopes: &[String], of: &User) -> Value {
    json!({
        "id": 1,
        "url": "https://github.example/api/v3/authorizations/1",
        "scopes": scopes,
        "token": token,
        "token_last_eight": &token[token.len() - 8..],
        "hashed_token": "25f94a2a5c7fbaf499c665bc73d67c1c87e496da8985131633ee0a95819db2e8",
        "app": { "url": "https://registry.example", "name": "registry", "client_id": CLIENT_ID },
        "note": "a note",
        "note_url": null,
        "updated_at": "2026-01-01T00:00:00Z",
        "created_at": "2026-01-01T00:00:00Z",
        "fingerprint": "",
        "expires_at": null,
        "user": user(of),
    })
}
