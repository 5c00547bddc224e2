//! An upstream: the real API, or a gateway to it.

use std::{env, io, path::Path, time::Duration};

use bytes::Bytes;
use http::{
    Extensions, HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version,
    header::{self, Entry},
};

use super::{
    Encoding,
    address::Address,
    connect::{Body, Connector, whole},
    flight::{Flight, Next},
    tls,
};

/// Where requests are passed on to, as it is configured.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// What it is called: a dialect, or any other name.
    pub(crate) name: String,
    /// Its address.
    pub(crate) address: Address,
    /// The variable that holds its key, which then takes the place of the client's.
    pub(crate) key: Option<String>,
}

/// How a client says who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// `x-goog-api-key`
    Google,
    /// `x-api-key`
    Anthropic,
    /// `Authorization: Bearer`
    Bearer,
}

/// An upstream.
pub(crate) struct Upstream {
    name: String,
    address: Address,
    connector: Connector,
    key: Option<Key>,
    encoding: Encoding,
    /// How long nothing may come.
    pub(crate) patience: Duration,
}

/// A key of the environment.
struct Key {
    secret: String,
    /// Whether it takes the place of the client's, or only of none.
    is_always: bool,
}

impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.name, self.address)
    }
}

/// A request that is to be passed on.
pub(crate) struct Outgoing {
    /// As it came.
    pub(crate) method: Method,
    /// As it came.
    pub(crate) uri: Uri,
    /// As they came.
    pub(crate) headers: HeaderMap,
    /// How their names were written.
    pub(crate) extensions: Extensions,
    /// Its path as it was sent, without what is the server's own.
    pub(crate) path: String,
    /// How its client says who it is.
    pub(crate) manner: Manner,
    /// What follows the head.
    pub(crate) body: Content,
}

/// A body that is passed on.
pub(crate) enum Content {
    /// It is here already, and can be sent again.
    Whole(Bytes),
    /// It comes.
    Stream(Body),
}

/// What is between two connections, and not between the client and the API (RFC
/// 9110, 7.6.1), or ours.
const LEFT_OUT: [HeaderName; 9] = [
    header::HOST,
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::CONTENT_LENGTH,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
    header::EXPECT,
    header::PROXY_AUTHORIZATION,
];

/// More of them.
const LEFT_OUT_TOO: [&str; 2] = ["keep-alive", "proxy-connection"];

impl Upstream {
    /// Makes an upstream ready: its key is read, its name resolved.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(crate) async fn new(
        plan: &Plan,
        roots: Option<&Path>,
        (encoding, patience): (Encoding, Duration),
    ) -> Result<Self, String> {
        let problem = |error: String| format!("the upstream {}: {error}", plan.name);
        let key = key(plan).map_err(problem)?;
        let connector =
            if plan.address.is_tls { Some(tls::connector(roots).map_err(problem)?) } else { None };
        let connector = Connector::new(plan.address.clone(), connector).await.map_err(problem)?;
        let (name, address) = (plan.name.clone(), plan.address.clone());
        Ok(Self { name, address, connector, key, encoding, patience })
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its address, as it was given.
    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// Its key, where it has one, for it to be found wherever it stands.
    pub(crate) fn secret(&self) -> Option<&str> {
        self.key.as_ref().map(|key| key.secret.as_str())
    }

    /// Passes a request on and waits for what comes first.
    ///
    /// # Errors
    ///
    /// Where the upstream cannot be reached, or the request not be sent.
    pub(crate) async fn send(&self, outgoing: Outgoing) -> io::Result<(Flight, Next)> {
        let Outgoing { method, uri, headers, extensions, path, manner, body } = outgoing;
        let asked = uri;
        let uri = self.uri(&path, &asked, manner)?;
        let is_key = |pair: &str| pair.starts_with("key=") && pair.len() > 4;
        let has_query_key = asked.query().is_some_and(|query| query.split('&').any(is_key));
        let headers = self.headers(&headers, manner, has_query_key)?;
        let request = |body: Body, extensions| {
            let mut request = Request::new(body);
            (*request.method_mut(), *request.uri_mut()) = (method.clone(), uri.clone());
            (*request.headers_mut(), *request.version_mut()) = (headers.clone(), Version::HTTP_11);
            // The names as they were written.
            *request.extensions_mut() = extensions;
            request
        };
        let again = match &body {
            Content::Whole(bytes) => Some(bytes.clone()),
            Content::Stream(_) => None,
        };
        let body = match body {
            Content::Whole(bytes) => whole(bytes),
            Content::Stream(body) => body,
        };
        // Where the server closed it meanwhile is found out by sending alone, which a
        // stream allows once.
        let line = self.connector.line(again.is_none()).await?;
        let mut flight = Flight::new(line, request(body, extensions.clone()));
        let first = flight.next().await;
        let is_stale = matches!(first, Next::Ended(..)) && flight.is_stale();
        let Some(bytes) = again.filter(|_| is_stale) else { return Ok((flight, first)) };
        let line = self.connector.line(true).await?;
        let mut flight = Flight::new(line, request(whole(bytes), extensions.clone()));
        let first = flight.next().await;
        Ok((flight, first))
    }

    /// Takes back a connection whose answer is complete.
    pub(crate) fn land(&self, flight: Flight) {
        self.connector.keep(flight.into_line());
    }

    fn uri(&self, path: &str, asked: &Uri, manner: Manner) -> io::Result<Uri> {
        let path = self.address.path_of(path, manner == Manner::Bearer);
        let replaced = self.key.as_ref().is_some_and(|key| key.is_always);
        let pairs = asked.query().map(|query| {
            let own = query.split('&').filter(|pair| !(replaced && pair.starts_with("key=")));
            own.collect::<Vec<_>>().join("&")
        });
        let query =
            pairs.filter(|query| !query.is_empty()).map_or(String::new(), |query| format!("?{query}"));
        let host = if self.connector.is_absolute() {
            format!("http://{}", self.address.authority)
        } else {
            String::new()
        };
        format!("{host}{path}{query}").parse().map_err(io::Error::other)
    }

    fn headers(&self, asked: &HeaderMap, manner: Manner, has_query_key: bool) -> io::Result<HeaderMap> {
        let mut headers = HeaderMap::with_capacity(asked.len() + 2);
        headers
            .insert(header::HOST, HeaderValue::try_from(&self.address.authority).map_err(io::Error::other)?);
        let named: Vec<_> = asked
            .get_all(header::CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|words| words.split(',').map(|word| word.trim().to_ascii_lowercase()))
            .collect();
        for (name, value) in asked {
            let word = name.as_str();
            let is_left_out = LEFT_OUT.contains(name)
                || LEFT_OUT_TOO.contains(&word)
                || word.starts_with("x-mynah-")
                || named.iter().any(|named| named == word);
            if !is_left_out {
                headers.append(name, value.clone());
            }
        }
        if self.encoding == Encoding::Identity
            && let Entry::Occupied(mut entry) = headers.entry(header::ACCEPT_ENCODING)
        {
            entry.insert(HeaderValue::from_static("identity"));
        }
        if let Some(authorization) = self.connector.proxy_authorization() {
            headers.insert(header::PROXY_AUTHORIZATION, authorization.clone());
        }
        self.put_key(&mut headers, manner, has_query_key)?;
        Ok(headers)
    }

    /// Puts the key of the environment in place of the client's, or where it has none.
    fn put_key(&self, headers: &mut HeaderMap, manner: Manner, has_query_key: bool) -> io::Result<()> {
        const GOOGLE: HeaderName = HeaderName::from_static("x-goog-api-key");
        const ANTHROPIC: HeaderName = HeaderName::from_static("x-api-key");
        let Some(key) = &self.key else { return Ok(()) };
        const AZURE: HeaderName = HeaderName::from_static("api-key");
        let own = [header::AUTHORIZATION, GOOGLE, ANTHROPIC, AZURE];
        let has_own = has_query_key || own.iter().any(|name| headers.contains_key(name));
        if !key.is_always && has_own {
            return Ok(());
        }
        own.iter().for_each(|name| drop(headers.remove(name)));
        let (name, value) = match manner {
            Manner::Google => (GOOGLE, key.secret.clone()),
            Manner::Anthropic => (ANTHROPIC, key.secret.clone()),
            Manner::Bearer => (header::AUTHORIZATION, format!("Bearer {}", key.secret)),
        };
        let mut value =
            HeaderValue::try_from(value).map_err(|_| io::Error::other("its key is no header's value"))?;
        value.set_sensitive(true);
        headers.insert(name, value);
        Ok(())
    }
}

/// The key of an upstream: of the variable that was named, or of those that its SDKs
/// read.
fn key(plan: &Plan) -> Result<Option<Key>, String> {
    let read =
        |name: &str| env::var(name).ok().map(|key| key.trim().to_owned()).filter(|key| !key.is_empty());
    if let Some(name) = &plan.key {
        let secret = read(name).ok_or_else(|| format!("the variable {name} holds no key"))?;
        return Ok(Some(Key { secret, is_always: true }));
    }
    let own = format!("{}_API_KEY", plan.name.to_ascii_uppercase().replace('-', "_"));
    let names: &[&str] = if plan.name == "gemini" { &["GEMINI_API_KEY", "GOOGLE_API_KEY"] } else { &[&own] };
    Ok(names.iter().find_map(|name| read(name)).map(|secret| Key { secret, is_always: false }))
}
