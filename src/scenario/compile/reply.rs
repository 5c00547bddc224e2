//! Replies: exactly one kind, and everything in it right.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::{Compiler, Path};
use crate::{
    dialect::{DIALECTS, event::Framing},
    notation::{
        text::{Text, Texts},
        value::List,
    },
    plan,
    reply::{self, Arguments, Retry},
    scenario::{
        error::{Problem, did_you_mean},
        file::Operation,
        payload::{self, InnerReply},
        say,
        stub::{Candidate, Dress, Kind, Layer, Part, Payload, Pieces, Raw, Reply, Sort, TextSort},
        then::{self, Embedding, ErrorReply, From, KINDS, RetryAfter, SORTS, Then, Usage},
        tree::{OnKey, expected_words},
    },
};

/// The kinds of a reply inside another.
const INNER_KINDS: [&str; 6] = ["text", "parts", "json", "candidates", "block", "error"];

/// Tokens of one sort that a usage may tell: their sums are exact in JSON.
const MOST_TOKENS: u64 = 1 << 50;

/// Deltas of a text at the most: each is an event of several hundred bytes.
const MOST_DELTAS: usize = 1_000_000;

impl Kind {
    /// The operations that it answers where none is given; `None`: any.
    pub(super) fn operations(&self) -> Option<&'static [Operation]> {
        match self {
            Self::Error(..) | Self::Raw(_) | Self::Recorded(_) | Self::Forward(_) => None,
            Self::Embedding(_) => Some(&[Operation::Embed]),
            Self::Count(_) => Some(&[Operation::Count]),
            Self::Models(_) => Some(&[Operation::Models]),
            Self::Say(_) | Self::Block(_) | Self::Events(_) | Self::Below | Self::BuiltIn => {
                Some(&[Operation::Generate])
            }
        }
    }
}

impl Compiler<'_> {
    pub(super) fn reply(&mut self, then: &Then, path: &Path<'_>, defaults: Option<&Then>) -> Option<Reply> {
        let own = self.dress(then, path);
        let dress = match defaults {
            // What is wrong with the defaults is told once.
            Some(defaults) => {
                let mut silent = Compiler { problems: Vec::new(), ..*self };
                let below = silent.dress(defaults, path);
                self.hold(silent.held - self.held, path);
                own.over(&below)
            }
            None => own,
        };
        let kinds = then.kinds();
        match kinds.as_slice() {
            [_] => {}
            [] => {
                self.says_nothing(path, &KINDS);
                return None;
            }
            [first, second, ..] => {
                let message = format!("a reply has one kind, and this has two: `{first}` and `{second}`");
                self.error_at_key(&path.key(second), message);
                return None;
            }
        }
        self.useless(then, kinds[0], path);
        let kind = self.kind(then, path)?;
        let mut dress = dress;
        if let Some(raw) = &then.raw {
            dress.layers.splice(0..0, as_written(raw));
        }
        if let Kind::Say(candidates) = &kind
            && candidates.iter().any(|candidate| say::deltas_of(candidate, &dress) > MOST_DELTAS)
        {
            let message =
                format!("this makes more than {MOST_DELTAS} deltas; split the text into larger ones");
            self.error_at_key(&path.key(kinds[0]), message);
            return None;
        }
        Some(Reply { kind, dress })
    }

    fn says_nothing(&mut self, path: &Path<'_>, kinds: &[&str]) {
        let problem = self.document.problem(path, OnKey::No, "this reply says nothing: it has no kind");
        self.problems.push(problem.hint(expected_words(kinds)));
    }

    fn kind(&mut self, then: &Then, path: &Path<'_>) -> Option<Kind> {
        if let Some(text) = &then.text {
            let pieces = self.pieces(text, &path.key("text"))?;
            return Some(Kind::Say(vec![said(text_part(TextSort::Text, pieces))]));
        }
        if let Some(List(parts)) = &then.parts {
            let parts = self.parts(parts, &path.key("parts"))?;
            return Some(Kind::Say(vec![Candidate { parts, finish: None, split: None }]));
        }
        if let Some(json) = &then.json {
            let pieces = Pieces::Split(Text::Plain(json.to_string()));
            return Some(Kind::Say(vec![said(text_part(TextSort::Text, pieces))]));
        }
        if let Some(List(candidates)) = &then.candidates {
            return self.candidates(candidates, &path.key("candidates")).map(Kind::Say);
        }
        if let Some(error) = &then.error {
            return self.error_reply(error, &path.key("error"));
        }
        if let Some(List(events)) = &then.events {
            let path = path.key("events");
            let events = events.iter().enumerate();
            let events: Vec<_> = events.map(|(at, event)| self.payload(event, &path.index(at))).collect();
            return events.into_iter().collect::<Option<_>>().map(Kind::Events);
        }
        if let Some(raw) = &then.raw {
            return self.raw(raw, &path.key("raw")).map(|raw| Kind::Raw(Box::new(raw)));
        }
        if let Some(embedding) = &then.embedding {
            return self.vectors(embedding, &path.key("embedding")).map(Kind::Embedding);
        }
        if let Some(block) = &then.block {
            return Some(Kind::Block(block.clone()));
        }
        match (then.count, &then.models, then.from) {
            (Some(count), ..) => Some(Kind::Count(count)),
            (_, Some(List(models)), _) => Some(Kind::Models(models.clone())),
            (.., Some(From::Below)) => Some(Kind::Below),
            (.., Some(From::BuiltIn)) => Some(Kind::BuiltIn),
            _ => match (&then.cassette, &then.forward) {
                (Some(cassette), _) => self.recorded(cassette, &path.key("cassette")),
                (_, Some(name)) => Some(Kind::Forward(name.clone())),
                (None, None) => None,
            },
        }
    }

    fn vectors(&mut self, embedding: &Embedding, path: &Path<'_>) -> Option<Vec<Vec<f32>>> {
        let vectors = match embedding {
            Embedding::One(vector) => vec![vector.clone()],
            Embedding::Each(vectors) => vectors.clone(),
        };
        for (at, vector) in vectors.iter().enumerate() {
            let wrong = vector.iter().position(|number| !number.is_finite());
            let (each, one) = (path.index(at), wrong.unwrap_or_default());
            let path = if matches!(embedding, Embedding::One(_)) { path.index(one) } else { each.index(one) };
            if wrong.is_some() {
                self.error(&path, "the numbers of a vector end at 3.4e38");
            } else if vector.is_empty() {
                self.error(&each, "a vector without numbers is none");
            }
        }
        Some(vectors)
    }

    /// Keys that do nothing beside this kind.
    fn useless(&mut self, then: &Then, kind: &str, path: &Path<'_>) {
        let is_said = matches!(kind, "text" | "parts" | "json" | "candidates" | "from");
        let is_cut = then.text.as_ref().is_none_or(|texts| matches!(texts, Texts::One(_)));
        let patches = [
            ("gemini", then.gemini.is_some()),
            ("openai", then.openai.is_some()),
            ("anthropic", then.anthropic.is_some()),
        ];
        let mut keys = vec![
            ("finish", then.finish.is_some() && !is_said),
            ("usage", then.usage.is_some() && !is_said && kind != "block" && kind != "embedding"),
            ("split", then.split.is_some() && !(is_said && is_cut)),
            (
                "shape",
                then.shape.is_some()
                    && matches!(kind, "raw" | "embedding" | "count" | "models" | "cassette" | "forward"),
            ),
        ];
        keys.extend(patches.map(|(key, is_given)| (key, is_given && !is_said && kind != "block")));
        for (key, _) in keys.into_iter().filter(|(_, is_useless)| *is_useless) {
            let why = match (kind, key) {
                ("text", _) => "the list gives the deltas as they are",
                ("error", "gemini" | "openai" | "anthropic") => {
                    "members of the error object stand in `error`"
                }
                _ => "this kind of reply has none",
            };
            self.warn_at_key(&path.key(key), format!("`{key}` does nothing beside `{kind}`: {why}"));
        }
    }

    fn candidates(&mut self, candidates: &[then::Candidate], path: &Path<'_>) -> Option<Vec<Candidate>> {
        if candidates.is_empty() {
            self.error(path, "at least one candidate is needed");
        }
        let mut all = Vec::new();
        for (at, candidate) in candidates.iter().enumerate() {
            let path = path.index(at);
            let parts = match (&candidate.text, &candidate.parts, &candidate.json) {
                (Some(text), None, None) => {
                    self.pieces(text, &path.key("text")).map(|pieces| vec![text_part(TextSort::Text, pieces)])
                }
                (None, Some(List(parts)), None) => self.parts(parts, &path.key("parts")),
                (None, None, Some(json)) => {
                    Some(vec![text_part(TextSort::Text, Pieces::Split(Text::Plain(json.to_string())))])
                }
                _ => {
                    self.error(&path, "a candidate has exactly one of `text`, `parts` and `json`");
                    None
                }
            };
            let (finish, split) = (candidate.finish.clone(), candidate.split);
            all.push(parts.map(|parts| Candidate { parts, finish, split }));
        }
        all.into_iter().collect()
    }

    fn parts(&mut self, parts: &[then::Part], path: &Path<'_>) -> Option<Vec<Part>> {
        let parts: Vec<_> =
            parts.iter().enumerate().map(|(at, part)| self.part(part, &path.index(at))).collect();
        parts.into_iter().collect()
    }

    fn part(&mut self, part: &then::Part, path: &Path<'_>) -> Option<Part> {
        let signature = part.signature.as_ref().map(|text| self.text(text, &path.key("signature")));
        let signature = match signature {
            Some(None) => return None,
            Some(signature) => signature,
            None => None,
        };
        let sort = match (part.sorts().as_slice(), &signature) {
            ([], Some(_)) => None,
            ([sort], _) => Some(self.sort(part, path, sort)?),
            ([], None) => {
                let problem = self.document.problem(path, OnKey::No, "this part is empty");
                self.problems.push(problem.hint(expected_words(&SORTS)));
                return None;
            }
            ([first, second, ..], _) => {
                let message = format!("a part is of one sort, and this has two: `{first}` and `{second}`");
                self.error_at_key(&path.key(second), message);
                return None;
            }
        };
        Some(Part { sort, signature })
    }

    fn sort(&mut self, part: &then::Part, path: &Path<'_>, sort: &str) -> Option<Sort> {
        let path = path.key(sort);
        let texts = [
            (TextSort::Text, &part.text),
            (TextSort::Thought, &part.thought),
            (TextSort::Refusal, &part.refusal),
            (TextSort::Code, &part.code),
            (TextSort::CodeResult, &part.code_result),
        ];
        for (sort, texts) in texts {
            if let Some(texts) = texts {
                return self.pieces(texts, &path).map(|pieces| Sort::Text(sort, pieces));
            }
        }
        if let Some(call) = &part.call {
            return self.call(call, &path).map(Sort::Call);
        }
        let media = [&part.image, &part.audio, &part.video].into_iter().flatten().next()?;
        self.media(media, &path, sort).map(Sort::Media)
    }

    fn call(&mut self, call: &then::Call, path: &Path<'_>) -> Option<reply::Call> {
        let arguments = match (&call.args, &call.fragments) {
            (Some(_), Some(_)) => {
                self.error_at_key(&path.key("fragments"), "a call has `args` or `fragments`, not both");
                return None;
            }
            (None, Some(List(fragments))) => Arguments::Fragments(fragments.clone()),
            (args, None) => Arguments::Object(args.clone().unwrap_or_default().into()),
        };
        if call.name.is_empty() {
            self.error(&path.key("name"), "a call needs the name of its tool");
        }
        Some(reply::Call { name: call.name.clone(), id: call.id.clone(), arguments })
    }

    fn error_reply(&mut self, error: &ErrorReply, path: &Path<'_>) -> Option<Kind> {
        if !(400..=599).contains(&error.status) {
            self.error(
                &path.key("status"),
                format!("an error's status lies between 400 and 599, not {}", error.status),
            );
            return None;
        }
        let retry = match &error.retry_after {
            Some(hint) => Some(self.retry(hint, &path.key("retry_after"))?),
            None => None,
        };
        Some(Kind::Error(Box::new(error.clone()), retry))
    }

    fn retry(&mut self, hint: &RetryAfter, path: &Path<'_>) -> Option<Retry> {
        let forms = [
            hint.after.map(|time| Retry::After(time.0)),
            hint.seconds.map(|time| Retry::Seconds(time.0)),
            hint.date.map(|time| Retry::Date(time.0)),
            hint.ms.map(|time| Retry::Milliseconds(time.0)),
            hint.info.map(|time| Retry::Info(time.0)),
        ];
        let given: Vec<_> = forms.into_iter().flatten().collect();
        match given.as_slice() {
            [only] => Some(only.clone()),
            _ => {
                self.error(path, "exactly one of a duration, `seconds`, `date`, `ms` and `info` is needed");
                None
            }
        }
    }

    fn raw(&mut self, raw: &then::Raw, path: &Path<'_>) -> Option<Raw> {
        let status = raw.status.unwrap_or(200);
        let Some(status) =
            StatusCode::from_u16(status).ok().filter(|status| (200..=599).contains(&status.as_u16()))
        else {
            self.error(&path.key("status"), format!("a status lies between 200 and 599, not {status}"));
            return None;
        };
        let mut headers = HeaderMap::new();
        for (name, List(values)) in raw.headers.iter().flatten() {
            let Ok(header) = HeaderName::try_from(name) else {
                self.error_at_key(&path.key("headers").key(name), format!("`{name}` is no name of a header"));
                continue;
            };
            if header == http::header::CONTENT_LENGTH || header == http::header::TRANSFER_ENCODING {
                let message = format!("`{name}` follows from the body; a false one is a matter of `wire`");
                self.error_at_key(&path.key("headers").key(name), message);
                continue;
            }
            for (at, value) in values.iter().enumerate() {
                match HeaderValue::try_from(value) {
                    Ok(value) => drop(headers.append(&header, value)),
                    Err(_) => {
                        let message = "no header can have this value";
                        self.error(&path.key("headers").key(name).index(at), message);
                    }
                }
            }
        }
        let body = raw.body.as_ref().map_or(Some(Vec::new()), |body| self.bytes(body, &path.key("body")))?;
        Some(Raw { status, headers, body })
    }

    pub(super) fn payload(&mut self, payload: &payload::Payload, path: &Path<'_>) -> Option<Payload> {
        match (&payload.json, &payload.text, &payload.lines, &payload.raw, &payload.reply) {
            (Some(json), None, None, None, None) => Some(Payload::Json(json.clone())),
            (None, Some(text), None, None, None) => {
                self.text(text, &path.key("text")).map(|text| Payload::Text(text, Framing::Data))
            }
            (None, None, Some(List(lines)), None, None) => {
                let path = path.key("lines");
                let lines: Vec<_> =
                    lines.iter().enumerate().map(|(at, line)| self.text(line, &path.index(at))).collect();
                lines.into_iter().collect::<Option<_>>().map(Payload::Lines)
            }
            (None, None, None, Some(raw), None) => self.bytes(raw, &path.key("raw")).map(Payload::Raw),
            (None, None, None, None, Some(inner)) => {
                let (inner, path) = (inner.as_then(), path.key("reply"));
                if inner.kinds().is_empty() {
                    self.says_nothing(&path, &INNER_KINDS);
                    return None;
                }
                let reply = self.reply(&inner, &path, None)?;
                Some(Payload::Reply(Box::new(reply)))
            }
            _ => {
                self.error(path, "an event has exactly one of `json`, `text`, `lines`, `raw` and `reply`");
                None
            }
        }
    }

    /// What stands beside the kind.
    pub(super) fn dress(&mut self, then: &Then, path: &Path<'_>) -> Dress {
        let mut heartbeat = None;
        if let Some(pace) = &then.pace {
            let path = path.key("pace");
            if let Some(beat) = &pace.heartbeat {
                let path = path.key("heartbeat");
                if beat.every.0.is_zero() {
                    self.error(&path.key("every"), "heartbeats need some time between them");
                }
                heartbeat = self.payload(&beat.as_payload(), &path);
            }
            for (at, pause) in pace.pause.iter().flat_map(|List(pauses)| pauses).enumerate() {
                if pause.before.is_some() == pause.after.is_some() {
                    self.error(
                        &path.key("pause").index(at),
                        "a pause has exactly one of `before` and `after`",
                    );
                }
            }
            if pace.load.is_some_and(|load| load.0 < 0.0) {
                self.error(&path.key("load"), "delays do not get shorter with load");
            }
        }
        self.check_usage(then.usage.unwrap_or_default(), &path.key("usage"));
        let patches = [("gemini", &then.gemini), ("openai", &then.openai), ("anthropic", &then.anthropic)];
        for (name, patch) in patches {
            for member in patch.iter().flat_map(|patch| patch.keys()) {
                self.check_patch(name, member, &path.key(name));
            }
        }
        let layers = self.layer(then, path).into_iter();
        let layers = layers.map(|(plan, inserts)| Arc::new(Layer { plan, inserts })).collect();
        Dress {
            layers,
            finish: then.finish.clone(),
            usage: then.usage,
            split: then.split,
            shape: then.shape,
            pace: then.pace.clone(),
            heartbeat,
            set: then.set.clone().unwrap_or_default(),
            patches: patches.into_iter().filter_map(|(name, patch)| Some((name, patch.clone()?))).collect(),
        }
    }

    fn check_usage(&mut self, usage: Usage, path: &Path<'_>) {
        let counts = [
            ("input", usage.input),
            ("output", usage.output),
            ("thoughts", usage.thoughts),
            ("cached", usage.cached),
            ("tool", usage.tool),
        ];
        for (key, _) in counts.into_iter().filter(|(_, count)| count.is_some_and(|count| count > MOST_TOKENS))
        {
            self.error(&path.key(key), format!("tokens are counted up to {MOST_TOKENS}"));
        }
    }

    fn check_patch(&mut self, dialect: &str, member: &str, path: &Path<'_>) {
        let served = DIALECTS.iter().find(|known| known.name() == dialect);
        let patches = served.map(|dialect| dialect.patches()).unwrap_or_default();
        if patches.iter().any(|(_, patches)| patches.know(member)) {
            return;
        }
        let mut names: Vec<_> = patches.iter().flat_map(|(_, patches)| patches.names()).collect();
        names.sort_unstable();
        names.dedup();
        let meant = did_you_mean(member, names.iter().copied());
        let meant = meant.map(|meant| format!(", did you mean `{meant}`?")).unwrap_or_default();
        let problem: Problem = self.document.problem(
            &path.key(member),
            OnKey::Yes,
            format!("{dialect}'s answers have no member `{member}`{meant}"),
        );
        self.problems.push(problem.hint(expected_words(&names)));
    }
}

fn said(part: Part) -> Candidate {
    Candidate { parts: vec![part], finish: None, split: None }
}

fn text_part(sort: TextSort, pieces: Pieces) -> Part {
    Part { sort: Some(Sort::Text(sort, pieces)), signature: None }
}

/// The names of a raw answer's headers, where they are not all in lower case, as
/// HTTP's library would write them.
fn as_written(raw: &then::Raw) -> Option<Arc<Layer>> {
    let headers = raw.headers.as_ref()?;
    if headers.keys().all(|name| !name.contains(|c: char| c.is_ascii_uppercase())) {
        return None;
    }
    let text = |List(values): &List<String>| values.iter().cloned().map(Text::Plain).collect();
    let headers = headers.iter().map(|(name, values)| (name.clone(), Some(text(values)))).collect();
    let head = plan::head::Head { headers, ..plan::head::Head::default() };
    let layer = plan::Layer { head, needs_socket: true, ..plan::Layer::default() };
    Some(Arc::new(Layer { plan: layer, inserts: Vec::new() }))
}

impl InnerReply {
    /// The same as a reply.
    pub(super) fn as_then(&self) -> Then {
        Then {
            text: self.text.clone(),
            parts: self.parts.clone(),
            json: self.json.clone(),
            candidates: self.candidates.clone(),
            block: self.block.clone(),
            error: self.error.clone(),
            finish: self.finish.clone(),
            usage: self.usage,
            split: self.split,
            ..Then::default()
        }
    }
}

impl crate::scenario::pace::Heartbeat {
    /// What is sent.
    fn as_payload(&self) -> payload::Payload {
        payload::Payload {
            json: self.json.clone(),
            text: self.text.clone(),
            lines: self.lines.clone(),
            raw: self.raw.clone(),
            reply: self.reply.clone(),
        }
    }
}
