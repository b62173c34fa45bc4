/// Says who does this process's cryptography, unless that is said already. HTTP clients need it, also where no TLS
/// is spoken.
///
/// ```
/// registry_testkit::install_tls_provider();
/// registry_testkit::install_tls_provider();
/// assert!(rustls::crypto::CryptoProvider::get_default().is_some());
/// ```
pub fn install_tls_provider() {
    // The error says that there is one.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
