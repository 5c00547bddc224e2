//! The inside of a `wire`: a plan whose writes lie inside and in their order.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mynah::{Server, request::Request};

const CHAT: &str = r#"{"model": "m", "stream": true, "messages": [{"role": "user", "content": "Hi"}]}"#;
const CONTENTS: &str = r#"{"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}"#;
const ASKED: [(&str, &str); 3] = [
    ("/v1/chat/completions", CHAT),
    ("/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse", CONTENTS),
    ("/v1beta/models/gemini-2.5-flash:streamGenerateContent", CONTENTS),
];

fuzz_target!(|wire: &str| {
    // An echo is known only when a request comes, so that no place is refused before.
    let yaml = format!(
        "scenario: 1\nstubs: {{then: {{text: [{{echo: prompt}}, 'lo ü'], wire: {{{wire}}}}}}}\n"
    );
    for (target, body) in ASKED {
        let mut request =
            Request::new(http::Method::POST, &http::Uri::from_static(target), http::HeaderMap::new());
        request.body = bytes::Bytes::from_static(body.as_bytes());
        let Ok(explained) = Server::builder().scenario_text("x", yaml.as_str()).explain(request) else { return };
        let plan = explained.plan;
        assert_eq!(plan.ends.last().copied().unwrap_or(0), plan.body.len());
        assert!(plan.times.is_sorted());
        let Some(script) = &plan.script else { continue };
        assert!(script.writes.iter().map(|write| write.end).is_sorted_by(|one, next| one < next));
        assert!(script.writes.iter().map(|write| write.at).is_sorted());
        assert!(script.ending.place <= script.bytes.len());
        drop(plan.json());
    }
});
