//! What codebox-npm was tested for, each scenario under its own name, seen from outside.
//!
//! codebox-npm looked at the calls a handler made to a stubbed S3; here the same is seen in the storage folder and in
//! the answers. Left out, because they are about GitHub and not about these routes: the Basic credentials of the GitHub
//! app, one-time passwords inside the user name, scopes, and organization membership.

mod deprecate;
mod dist_tags;
mod get_and_tarball;
mod integration;
mod publish;
mod stored_files;
mod upstream;
mod user;
