//! Where an upstream is, and which of its paths a request is for.

use std::fmt;

use http::Uri;

/// The address of an upstream, as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// Whether by TLS.
    pub(crate) is_tls: bool,
    /// A name or an IP address, without brackets.
    pub(crate) host: String,
    /// The port, the scheme's own where none is given.
    pub(crate) port: u16,
    /// As `host` tells it: without the port that goes without saying.
    pub(crate) authority: String,
    /// Without a slash at the end.
    pub(crate) path: String,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_tls { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority, self.path)
    }
}

impl Address {
    /// From a URL.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(crate) fn new(url: &str) -> Result<Self, String> {
        let expected = "expected a URL such as https://api.openai.com/v1";
        let uri: Uri = url.parse().map_err(|error| format!("{expected}: {error}"))?;
        let is_tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            Some(other) => return Err(format!("{expected}, not {other}://…")),
            None => return Err(format!("{expected}: it does not begin with https:// or http://")),
        };
        let authority = uri.authority().ok_or(expected)?;
        if authority.as_str().contains('@') {
            return Err("a URL with a name or a password in it would be shown; give the key by \
                        --upstream-key"
                .to_owned());
        }
        if uri.query().is_some() {
            return Err(format!("{expected}, without a query"));
        }
        let has_port = authority.as_str().len() > authority.host().len();
        if has_port && authority.port_u16().is_none() {
            return Err(format!("{expected}: this port is none"));
        }
        let usual = if is_tls { 443 } else { 80 };
        let port = uri.port_u16().unwrap_or(usual);
        let host = authority.host();
        Ok(Self {
            is_tls,
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            authority: if port == usual { host.to_owned() } else { format!("{host}:{port}") },
            path: uri.path().trim_end_matches('/').to_owned(),
        })
    }

    /// The path there for a path here. What ends the address and begins the path is
    /// said once; OpenAI's clients have `/v1` in their base URL, in whose place that
    /// of another house stands.
    pub(crate) fn path_of(&self, path: &str, is_openai: bool) -> String {
        if self.path.is_empty() {
            return path.to_owned();
        }
        let starts = path.match_indices('/').map(|(at, _)| at).chain([path.len()]).filter(|at| *at > 0);
        let shared = starts.rev().find(|at| self.path.ends_with(&path[..*at]));
        let rest = match shared {
            Some(shared) => &path[shared..],
            None if is_openai => {
                path.strip_prefix("/v1").filter(|rest| rest.starts_with('/')).unwrap_or(path)
            }
            None => path,
        };
        format!("{}{rest}", self.path)
    }
}

/// Takes a session's prefix and a base path off a path as it was sent, in either
/// order.
pub(crate) fn bare_path<'p>(path: &'p str, base: &str) -> &'p str {
    let session = |path: &'p str| {
        let rest = path.strip_prefix("/s/")?;
        rest.find('/').map(|end| &rest[end..])
    };
    let based = |path: &'p str| path.strip_prefix(base).filter(|rest| rest.starts_with('/'));
    let before = session(path);
    let path = before.unwrap_or(path);
    let path = based(path).unwrap_or(path);
    if before.is_some() { path } else { session(path).unwrap_or(path) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_what_an_sdk_would_be_given() {
        for (url, path, expected) in [
            ("https://api.openai.com", "/v1/chat/completions", "/v1/chat/completions"),
            ("https://api.openai.com/v1", "/v1/chat/completions", "/v1/chat/completions"),
            ("https://openrouter.ai/api/v1/", "/v1/chat/completions", "/api/v1/chat/completions"),
            ("https://openrouter.ai/api/v1", "/api/v1/chat/completions", "/api/v1/chat/completions"),
            ("https://h/v1beta/openai", "/v1/chat/completions", "/v1beta/openai/chat/completions"),
            ("https://h/v1beta/openai", "/chat/completions", "/v1beta/openai/chat/completions"),
            ("https://h/openai/v1", "/v1", "/openai/v1"),
        ] {
            assert_eq!(Address::new(url).unwrap().path_of(path, true), expected, "{url} {path}");
        }
        let gateway = Address::new("https://gateway/google").unwrap();
        assert_eq!(gateway.path_of("/v1beta/models", false), "/google/v1beta/models");
    }

    #[test]
    fn addresses_are_told_as_they_were_given() {
        let address = Address::new("http://[::1]:8080/a/").unwrap();
        assert_eq!((address.host.as_str(), address.port), ("::1", 8080));
        assert_eq!(address.to_string(), "http://[::1]:8080/a");
        assert_eq!(Address::new("https://h:443").unwrap().authority, "h");
        for wrong in [
            "api.openai.com",
            "ftp://h",
            "https://me:pw@h",
            "https://h/?a=b",
            "http://h:99999",
            "https://",
            "",
        ] {
            assert!(Address::new(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sessions_and_base_paths_are_left_here() {
        assert_eq!(bare_path("/s/a%2Fb/v1/models", ""), "/v1/models");
        assert_eq!(bare_path("/api/s/x/v1/models", "/api"), "/v1/models");
        assert_eq!(bare_path("/s/x/api/v1/models", "/api"), "/v1/models");
        assert_eq!(bare_path("/apis/v1", "/api"), "/apis/v1");
    }
}
