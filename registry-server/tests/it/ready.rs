//! `registry-server ready`, as the health check of an image runs it.

use std::net::TcpListener;

use crate::running::{Running, run, stderr_of_failure};

#[test]
fn a_server_that_is_ready_is_told_from_one_that_is_not_there() {
    let server = Running::start(&[]);
    let everywhere = format!("0.0.0.0:{}", server.address.port());
    let asked = run(&["ready", "--listen", &everywhere]);
    assert_eq!(String::from_utf8_lossy(&asked.stdout), "ready\n");
    assert!(asked.status.success());
    let address = server.address.to_string();
    drop(server);
    let stderr = stderr_of_failure(&run(&["ready", "--listen", &address]), 1);
    assert!(stderr.starts_with(&format!("registry-server: no server answers at {address}")), "{stderr}");
}

#[test]
fn a_server_that_says_no_is_believed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let answering = std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4];
        stream.read_exact(&mut request).unwrap();
        stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\n\r\n{\"error\":\"stopping\"}").unwrap();
        // Until the other side has read it all.
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let stderr = stderr_of_failure(&run(&["ready", "--listen", &address]), 1);
    assert!(stderr.ends_with("is not ready: {\"error\":\"stopping\"}\n"), "{stderr}");
    answering.join().unwrap();
}
