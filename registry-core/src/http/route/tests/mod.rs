mod phrases;
mod properties;
mod refusals;
mod spellings;

use super::{Route, RouteError};

/// Parses a request line such as `GET /pear`.
fn parse(request: &str) -> Result<Route, RouteError> {
    let (method, path) = request.split_once(' ').unwrap();
    Route::parse(&method.parse().unwrap(), path)
}

/// Routes hold secrets, so they are compared by their `Debug` output.
fn shown(request: &str) -> String {
    match parse(request) {
        Ok(route) => format!("{route:?}"),
        Err(error) => format!("refused: {error:?}"),
    }
}
