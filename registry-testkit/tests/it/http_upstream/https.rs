use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode, Version};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use registry_core::upstream::{HttpUpstream, HttpUpstreamSettings, Upstream as _, UpstreamError};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::{bounded, connect, fake, full, install_tls_provider, reason};

/// A registry with TLS whose keys are in the HTTP version it was asked with, and whose packuments are elsewhere.
struct Secured {
    url: String,
    certificate: String,
    _serving: JoinSet<()>,
}

async fn secured(protocols: &[&str], packuments: String) -> Secured {
    install_tls_provider();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            let service = service_fn(|request| ready(Ok::<_, Infallible>(answer(&request, &packuments))));
            let server = auto::Builder::new(TokioExecutor::new());
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        }
    });
    Secured { url, certificate: made.cert.pem(), _serving: serving }
}

fn answer(request: &Request<Incoming>, packuments: &str) -> Response<Full<Bytes>> {
    if request.uri().path() != "/-/npm/v1/keys" {
        let redirect = Response::builder().status(StatusCode::FOUND).header("location", packuments);
        return redirect.body(Full::default()).unwrap();
    }
    let version = if request.version() == Version::HTTP_2 { "2" } else { "1" };
    Response::new(Full::from(format!(r#"{{"keys":[],"http":{version}}}"#)))
}

fn trusting(secured: &Secured) -> HttpUpstream {
    let mut settings = HttpUpstreamSettings::new(secured.url.parse().unwrap());
    settings.proxy_from_environment = false;
    settings.extra_root_certificates = vec![secured.certificate.clone().into()];
    connect(settings)
}

#[tokio::test]
async fn speaks_http_2_where_it_is_offered() {
    for (protocols, version) in [(&["h2", "http/1.1"][..], "2"), (&["http/1.1"], "1"), (&[], "1")] {
        let secured = secured(protocols, String::new()).await;
        let keys = bounded(trusting(&secured).keys()).await.unwrap().unwrap();
        assert_eq!(keys, format!(r#"{{"keys":[],"http":{version}}}"#), "{protocols:?}");
    }
}

#[tokio::test]
async fn trusts_only_the_configured_certificates() {
    let (secured, other) = (secured(&[], String::new()).await, secured(&[], String::new()).await);
    let mut settings = HttpUpstreamSettings::new(secured.url.parse().unwrap());
    settings.proxy_from_environment = false;
    settings.retries = 0;
    let mut misled = settings.clone();
    misled.extra_root_certificates = vec![other.certificate.clone().into()];
    let mut misnamed = settings.clone();
    misnamed.url = secured.url.replace("localhost", "127.0.0.1").parse().unwrap();
    misnamed.extra_root_certificates = vec![secured.certificate.clone().into()];
    for settings in [settings, misled, misnamed] {
        let error = bounded(connect(settings).keys()).await.unwrap_err();
        assert!(format!("{error:?}").contains("InvalidCertificate"), "{error:?}");
        assert!(matches!(error, UpstreamError::Unavailable { .. }));
    }
}

#[tokio::test]
async fn does_not_follow_from_https_to_http() {
    let fake = fake().await;
    let secured = secured(&[], format!("{}/left-pad", fake.base_url())).await;
    let error = full(&trusting(&secured)).await.unwrap_err();
    assert_eq!(reason(&error), "redirects from https to http, where the answer can be changed on the way");
    assert_eq!(fake.requests().len(), 0);
}
