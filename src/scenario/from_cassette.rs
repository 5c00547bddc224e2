//! A scenario that answers as recordings do, for people to edit: in no provider's
//! words where it is text alone, and in the provider's own where it is more.

use serde_json::{Map, Value, json};

use crate::{
    ask::{Ask, Shape, Want},
    cassette::{Body, Interaction, events::said, key::as_request, write::yaml},
    dialect::{
        self, Heard, Route,
        event::{Events, Framing, Kind, Said},
    },
    notation::value::Period,
    plan::recorded::{End, Recorded},
};

/// The YAML of a scenario that answers as these interactions do. Attempts of one call
/// become the replies of one stub.
pub fn scenario(interactions: &[Interaction]) -> String {
    let mut stubs: Vec<(Value, Vec<Value>)> = Vec::new();
    for interaction in interactions {
        let (when, then) = stub(interaction);
        match stubs.iter_mut().find(|(known, _)| *known == when) {
            Some((_, replies)) => replies.push(then),
            None => stubs.push((when, vec![then])),
        }
    }
    let stubs = stubs.into_iter().map(|(when, mut replies)| match replies.len() {
        1 => json!({"when": when, "then": replies.remove(0)}),
        _ => json!({"when": when, "per": "call", "then": replies}),
    });
    let stubs: Vec<_> = stubs.collect();
    yaml(&json!({"scenario": 1, "about": "Made from recordings.", "stubs": stubs}))
}

fn stub(interaction: &Interaction) -> (Value, Value) {
    let asked = &interaction.request;
    let request = as_request(&asked.method, &asked.path, &asked.query, &asked.headers);
    let route = dialect::identify(&request);
    let mut body = match &asked.body {
        Body::Json(json) => json.clone(),
        _ => Value::Null,
    };
    let ask = route.dialect.read(&Heard::new(&route, &request), &mut body);
    let ask = ask.unwrap_or_else(|_| route.dialect.guess(&route, &body));
    (when(&route, &ask, interaction), then(&route, &ask, &interaction.response))
}

fn when(route: &Route, ask: &Ask, interaction: &Interaction) -> Value {
    let mut when = Map::new();
    when.insert("api".to_owned(), route.endpoint.api().into());
    let Want::Generate(generate) = &ask.want else {
        when.insert("method".to_owned(), interaction.request.method.as_str().into());
        when.insert("path".to_owned(), interaction.request.path.as_str().into());
        return when.into();
    };
    if !ask.model.is_empty() {
        when.insert("model".to_owned(), ask.model.as_str().into());
    }
    when.insert("stream".to_owned(), (ask.shape != Shape::Document).into());
    when.insert("prompt".to_owned(), generate.prompt.text.as_str().into());
    when.insert("turn".to_owned(), generate.prompt.turn.into());
    when.into()
}

fn then(route: &Route, ask: &Ask, response: &Recorded) -> Value {
    let Some(head) = &response.head else {
        let how = if response.end == End::Reset { "reset" } else { "close" };
        return json!({"text": "", "wire": {"end": {"before": "head", "how": how}}});
    };
    let (said, plain) = said(response, ask.shape);
    let mut then = Map::new();
    if head.status >= 400 {
        return error(route, &said, head.status, head.header("retry-after"));
    }
    match texts(route, &said) {
        Some(texts) if said.events.len() == 1 => then.insert("text".to_owned(), texts.concat().into()),
        Some(texts) => then.insert("text".to_owned(), texts.into()),
        None if said.events.iter().enumerate().any(|(at, _)| said.events.payload(at).is_some()) => {
            then.insert("events".to_owned(), payloads(&said.events).into())
        }
        None => {
            let body = String::from_utf8_lossy(&plain.body()).into_owned();
            then.insert("raw".to_owned(), json!({"status": head.status, "body": body}))
        }
    };
    let first = response.pieces.first().map_or(head.at, |piece| piece.at);
    let gaps = response.pieces.windows(2).map(|two| two[1].at.saturating_sub(two[0].at));
    let mut gaps: Vec<_> = gaps.collect();
    gaps.sort_unstable();
    let every = gaps.get(gaps.len() / 2).copied().unwrap_or_default();
    then.insert("pace".to_owned(), json!({"first": time(first), "every": time(every)}));
    let how = match response.end {
        End::Complete => None,
        End::Reset => Some("reset"),
        End::Close | End::Timeout | End::ClientLeft => Some("close"),
    };
    if let Some(how) = how {
        then.insert("wire".to_owned(), json!({"end": {"after": -1, "how": how}}));
    }
    then.into()
}

fn time(time: std::time::Duration) -> String {
    let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    Period(std::time::Duration::from_millis(milliseconds)).to_string()
}

/// The provider's error, its members where they stand.
fn error(route: &Route, said: &Said, status: u16, retry_after: Option<&str>) -> Value {
    let payload = said.events.payload(0).unwrap_or_default();
    let mut members = payload.get("error").and_then(Value::as_object).cloned().unwrap_or_default();
    let message = members.shift_remove("message");
    let mut error = Map::new();
    error.insert("status".to_owned(), status.into());
    if let Some(message) = message.filter(Value::is_string) {
        error.insert("message".to_owned(), message);
    }
    if let Some(seconds) = retry_after.and_then(|seconds| seconds.trim().parse::<u64>().ok()) {
        error.insert("retry_after".to_owned(), json!({"seconds": format!("{seconds}s")}));
    }
    // The number is the status, which stands above.
    members.retain(|name, value| !(name == "code" && value.is_number()));
    if !members.is_empty() {
        error.insert(route.dialect.name().to_owned(), members.into());
    }
    json!({"error": error})
}

/// The texts of an answer that is nothing but one text; `None` where it is more.
fn texts(route: &Route, said: &Said) -> Option<Vec<String>> {
    const PLACES: [&str; 6] = [
        "/choices/0/delta/content",
        "/choices/0/message/content",
        "/candidates/0/content/parts/0/text",
        "/delta/text",
        "/content/0/text",
        "/delta",
    ];
    const MORE: [&str; 5] = [
        "/choices/1",
        "/candidates/1",
        "/candidates/0/content/parts/1",
        "/content/1",
        "/candidates/0/groundingMetadata",
    ];
    let mut texts = Vec::new();
    for (at, _) in said.events.iter().enumerate() {
        match said.events.payload(at) {
            None if said.events.framing(at) == Framing::Lines => return None,
            None => {}
            Some(payload) => {
                let kinds = route.dialect.read_event(&payload).kinds;
                let is_odd = |kind: &Kind| {
                    matches!(kind, Kind::Call | Kind::Thought | Kind::Media | Kind::Error | Kind::Raw)
                };
                if kinds.iter().any(is_odd) || MORE.iter().any(|place| payload.pointer(place).is_some()) {
                    return None;
                }
                let reasons = [
                    "/choices/0/finish_reason",
                    "/candidates/0/finishReason",
                    "/delta/stop_reason",
                    "/stop_reason",
                ];
                let reason = reasons.iter().find_map(|place| payload.pointer(place)?.as_str());
                if reason.is_some_and(|reason| !matches!(reason, "stop" | "STOP" | "end_turn")) {
                    return None;
                }
                let text = PLACES.iter().find_map(|place| payload.pointer(place)?.as_str());
                if kinds.contains(&Kind::Text) {
                    texts.push(text?.to_owned());
                }
            }
        }
    }
    texts.retain(|text| !text.is_empty());
    if texts.is_empty() { None } else { Some(texts) }
}

fn payloads(events: &Events) -> Vec<Value> {
    let one = |(at, bytes): (usize, &[u8])| match (events.payload(at), events.framing(at)) {
        (Some(json), _) => json!({"json": json}),
        (None, Framing::Data) => json!({"text": String::from_utf8_lossy(bytes)}),
        (None, Framing::Lines) => {
            json!({"lines": String::from_utf8_lossy(bytes).lines().collect::<Vec<_>>()})
        }
        (None, Framing::Raw) => json!({"raw": String::from_utf8_lossy(bytes)}),
    };
    events.iter().enumerate().map(one).collect()
}
