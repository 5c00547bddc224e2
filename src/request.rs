//! What arrived: one HTTP request with its body collected.

use bytes::Bytes;
use http::{HeaderMap, Method, Uri, Version};
use percent_encoding::percent_decode_str;

/// A request, read as far as HTTP goes and no further.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// As sent.
    pub method: Method,
    /// The version of HTTP that the client speaks.
    pub version: Version,
    /// The path, percent-decoded, without the server's base path.
    pub path: String,
    /// The query's pairs in their order, decoded.
    pub query: Vec<(String, String)>,
    /// As sent.
    pub headers: HeaderMap,
    /// The whole body, transfer coding removed.
    pub body: Bytes,
}

/// One way in which a caller said who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential<'a> {
    /// `?key=`, Google's oldest way.
    Query(&'a str),
    /// `x-goog-api-key`, which every Google SDK sends.
    Google(&'a str),
    /// `Authorization: Bearer`, OpenAI's way.
    Bearer(&'a str),
    /// `x-api-key`, as some gateways ask for.
    ApiKey(&'a str),
}

impl<'a> Credential<'a> {
    /// The key itself. Never to be written anywhere.
    pub fn secret(self) -> &'a str {
        match self {
            Self::Query(key) | Self::Google(key) | Self::Bearer(key) | Self::ApiKey(key) => key,
        }
    }
}

impl Request {
    /// Takes apart what hyper read of the head. The body is to be added.
    pub fn new(method: Method, uri: &Uri, headers: HeaderMap) -> Self {
        Self {
            method,
            version: Version::HTTP_11,
            path: decode(uri.path()),
            query: uri.query().map(pairs).unwrap_or_default(),
            headers,
            body: Bytes::new(),
        }
    }

    /// Takes a prefix such as `/api` off the path; `false` if it has another.
    pub fn strip_prefix(&mut self, prefix: &str) -> bool {
        match self.path.strip_prefix(prefix) {
            Some(rest) if rest.starts_with('/') => {
                self.path.drain(..prefix.len());
                true
            }
            _ => prefix.is_empty(),
        }
    }

    /// A header's value, where it is readable text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The first value of a query parameter.
    pub fn query(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(key, _)| key == name)?;
        Some(&found.1)
    }

    /// All that was sent to say who calls.
    pub fn credentials(&self) -> impl Iterator<Item = Credential<'_>> {
        let bearer = self.header("authorization").and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
        });
        [
            self.header("x-goog-api-key").map(Credential::Google),
            self.query("key").map(Credential::Query),
            bearer.map(Credential::Bearer),
            self.header("x-api-key").map(Credential::ApiKey),
        ]
        .into_iter()
        .flatten()
        .filter(|credential| !credential.secret().is_empty())
    }

    /// The path and the query, decoded. Secrets may be in it: it has to be
    /// redacted before it is shown.
    pub fn target(&self) -> String {
        let mut target = self.path.clone();
        for (index, (name, value)) in self.query.iter().enumerate() {
            target.push(if index == 0 { '?' } else { '&' });
            target.push_str(name);
            target.push('=');
            target.push_str(value);
        }
        target
    }
}

/// The pairs of a query, decoded.
pub fn pairs(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(&name.replace('+', " ")), decode(&value.replace('+', " ")))
        })
        .collect()
}

/// A text of a path or a query, percent-decoded.
pub fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(uri: &str) -> Request {
        Request::new(Method::GET, &uri.parse().unwrap(), HeaderMap::new())
    }

    #[test]
    fn paths_and_queries_are_decoded() {
        let request = request("/v1/models/a%2Fb?%24alt=json%3Benum-encoding%3Dint&x=a+b");
        assert_eq!(request.path, "/v1/models/a/b");
        assert_eq!(request.query("$alt"), Some("json;enum-encoding=int"));
        assert_eq!(request.query("x"), Some("a b"));
    }
}
