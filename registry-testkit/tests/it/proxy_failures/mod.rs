//! The whole proxy, from clients over HTTP to an upstream over HTTP that fails in every way: what was kept is still
//! served, what was not ends soon with a clear error, and nothing wrong is ever kept.

mod coalescing;
mod come_back;
mod defaults;
mod encodings;
mod everything_fails;
mod in_front;
mod other_hosts;
mod raw_upstream;
mod redirects;
mod replicas;
mod tarballs;
