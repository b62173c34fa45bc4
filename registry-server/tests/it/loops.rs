//! An upstream that leads back to the server, which its settings do not show.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, OnceLock};
use std::thread;

use crate::running::Running;

/// Passes connections on to an address that is told later, as a proxy does.
fn forward(listener: TcpListener, to: Arc<OnceLock<SocketAddr>>) {
    thread::spawn(move || {
        for client in listener.incoming() {
            let Some(server) = to.get().and_then(|address| TcpStream::connect(address).ok()) else { return };
            let client = client.unwrap();
            for (mut from, mut to) in
                [(client.try_clone().unwrap(), server.try_clone().unwrap()), (server, client)]
            {
                thread::spawn(move || io::copy(&mut from, &mut to));
            }
        }
    });
}

#[test]
fn a_request_that_comes_back_through_a_proxy_is_not_sent_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let address = Arc::new(OnceLock::new());
    forward(listener, Arc::clone(&address));
    let server = Running::start(&["--upstream", &proxy]);
    address.set(server.address).unwrap();
    for path in ["/left-pad", "/left-pad/1.0.0", "/left-pad/-/left-pad-1.0.0.tgz", "/-/npm/v1/keys"] {
        let answer = server.get(path);
        assert!(answer.starts_with("HTTP/1.1 508 "), "{path}: {answer}");
        assert!(answer.contains("leads back to it"), "{path}: {answer}");
        assert!(answer.contains("corrects the url of the upstream"), "{path}: {answer}");
    }
    // What is hosted here, and what else the server does, needs no upstream.
    assert!(server.get("/-/ready").starts_with("HTTP/1.1 200 "));
}
