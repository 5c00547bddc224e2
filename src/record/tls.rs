//! TLS to upstreams: whom to trust.

use std::{path::Path, sync::Arc};

use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, pem::PemObject},
    },
};

/// Connects by TLS. Trusts the certificates of a file, or those of the system; where
/// that has none, Mozilla's.
///
/// # Errors
///
/// Why the file cannot be read, or has no certificate.
pub(crate) fn connector(roots: Option<&Path>) -> Result<TlsConnector, String> {
    let mut store = RootCertStore::empty();
    match roots {
        Some(path) => {
            let problem = |error: String| format!("{}: {error}", path.display());
            let found = CertificateDer::pem_file_iter(path).map_err(|error| problem(error.to_string()))?;
            for certificate in found {
                let certificate = certificate.map_err(|error| problem(error.to_string()))?;
                store.add(certificate).map_err(|error| problem(error.to_string()))?;
            }
            if store.is_empty() {
                return Err(problem("there is no certificate in it (as PEM)".to_owned()));
            }
        }
        None => {
            // What cannot be read is left out, as other programs do.
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if store.is_empty() {
                store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
            }
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
