//! Requests, and the plans for them.

use mynah::{
    Server, StartError,
    plan::WirePlan,
    request::Request,
    server::{Builder, Explanation},
};

/// Ways to ask for content.
pub(super) const WAYS: &[(&str, &str)] = &[
    ("/v1/chat/completions", r#"{"stream":true,"stream_options":{"include_usage":true},"#),
    ("/v1/chat/completions", r#"{"stream":true,"#),
    ("/v1/chat/completions", "{"),
    ("/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse", "{"),
    ("/v1beta/models/gemini-2.5-flash:streamGenerateContent", "{"),
    ("/v1beta/models/gemini-2.5-flash:generateContent", "{"),
];

/// One way to ask, over one version of HTTP.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    pub(super) target: &'static str,
    beginning: &'static str,
    pub(super) is_http10: bool,
}

impl Way {
    pub(super) fn new(number: usize, is_http10: bool) -> Self {
        let (target, beginning) = WAYS[number % WAYS.len()];
        Self { target, beginning, is_http10 }
    }

    fn body(self) -> String {
        let rest = if self.target.starts_with("/v1/") {
            r#""model":"gpt-4o","messages":[{"role":"user","content":"Grüß Gott"}]}"#
        } else {
            r#""contents":[{"role":"user","parts":[{"text":"Grüß Gott"}]}]}"#
        };
        self.beginning.to_owned() + rest
    }

    /// As it goes over a socket.
    pub(super) fn bytes(self) -> String {
        let (body, version) = (self.body(), if self.is_http10 { "1.0" } else { "1.1" });
        format!(
            "POST {} HTTP/{version}\r\nhost: mynah.test:81\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            self.target,
            body.len()
        )
    }

    fn request(self) -> Request {
        let mut headers = http::HeaderMap::new();
        headers.insert("host", "mynah.test:81".parse().unwrap());
        headers.insert("content-type", "application/json".parse().unwrap());
        headers.insert("content-length", self.body().len().into());
        let mut request = Request::new(http::Method::POST, &self.target.parse().unwrap(), headers);
        request.body = self.body().into();
        if self.is_http10 {
            request.version = http::Version::HTTP_10;
        }
        request
    }
}

/// A server that wastes no time.
pub(super) fn builder(yaml: &str) -> Builder {
    Server::builder()
        .seed(7)
        .clock("2026-01-01T00:00:00Z".parse().unwrap())
        .time_scale(0.0)
        .settle(std::time::Duration::ZERO)
        .scenario_text("t.yaml", yaml)
}

/// The plan, where the scenario is sound. Where it is not, that is told with a
/// place.
pub(super) fn explain(builder: Builder, way: Way) -> Option<Explanation> {
    match builder.explain(way.request()) {
        Ok(explanation) => Some(explanation),
        Err(StartError::Scenarios(problems)) => {
            assert!(!problems.0.is_empty());
            for problem in &problems.0 {
                assert!(problem.place.line > 0 && problem.place.column > 0, "{problem}");
            }
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// The plan of a scenario that is sound.
pub(super) fn plan(yaml: &str, way: Way) -> WirePlan {
    explain(builder(yaml), way).unwrap_or_else(|| panic!("not sound: {yaml}")).plan
}

/// The bytes of each event of a body.
pub(super) fn events(plan: &WirePlan) -> Vec<Vec<u8>> {
    plan.pieces().map(|(_, piece)| piece.to_vec()).collect()
}
