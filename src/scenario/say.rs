//! From a reply of a stub to what the dialect says: the only place where a
//! scenario meets a request.

use std::borrow::Cow;

use serde_json::Value;

use super::{
    stub::{Candidate, Dress, Kind, Layer, Part, Payload, Pieces, Reply, Sort, TextSort},
    then::{self, ErrorReply, Finish, Split},
};
use crate::{
    answer,
    ask::{Ask, Page, Shape, Vendor, Want},
    dialect::{
        Matter, Occasion, Route,
        event::{Carry, Events, Form, Framing, Said},
        patch,
        style::Style,
    },
    identity::Draw,
    notation::text::{Echo, Text},
    plan::{Scene, pace::Heartbeat, put_together},
    reply::{self, ApiError, Arguments, Deltas, Generation, Modality, ModelPage, Retry, Usage},
    tokens,
};

/// A request that is to be answered.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Where it leads.
    pub route: &'a Route,
    /// What it asks.
    pub ask: &'a Ask,
    /// Its body as JSON.
    pub json: &'a Value,
    /// The stub's name, from which luck is drawn.
    pub stub: &'a str,
}

/// What the dialect says for a reply, dressed so.
pub fn say(kind: &Kind, dress: &Dress, request: &Request<'_>, occasion: &Occasion<'_>) -> Said {
    let reshaped = dress.shape.filter(|_| matches!(request.ask.want, Want::Generate(_))).map(|shape| {
        let shape = match shape {
            then::Shape::Sse => Shape::Sse,
            then::Shape::Array => Shape::Array,
            then::Shape::Document => Shape::Document,
        };
        (Route { shape, ..request.route.clone() }, Ask { shape, ..request.ask.clone() })
    });
    let (route, ask) = reshaped.as_ref().map_or((request.route, request.ask), |(route, ask)| (route, ask));
    let shaped = Request { route, ask, ..*request };
    let dialect = route.dialect;
    let reply = match kind {
        Kind::Error(error, retry) => {
            let error = api_error(error, retry.as_ref(), &shaped);
            return dialect.say_error(route, &error, occasion);
        }
        Kind::Raw(raw) => {
            let mut events = Events::new(Style::Compact);
            events.bytes(&put_together(&raw.body, &mut shaped.draw(occasion, "raw")), Framing::Raw);
            return Said {
                status: raw.status,
                headers: raw.headers.clone(),
                events,
                form: Form::Document { tail: "" },
                carry: Carry::Length,
                keep: None,
            };
        }
        Kind::Events(payloads) => return shaped.events(payloads, occasion),
        Kind::Say(candidates) => shaped.content(candidates, dress),
        Kind::Block(reason) => {
            let usage = usage(&[], dress, ask);
            reply::Reply::Generation(Generation {
                candidates: Vec::new(),
                usage,
                block: Some(reason.clone()),
            })
        }
        Kind::Embedding(vectors) => shaped.vectors(vectors, dress),
        Kind::Count(count) => reply::Reply::Count(vec![(Modality::Text, *count)]),
        Kind::Models(models) => match model_list(models, ask) {
            Some(reply) => reply,
            None => return dialect.say_error(route, &dialect.unknown_model(route, ask), occasion),
        },
        // What was recorded, or comes from elsewhere, is said by nobody here.
        Kind::Below | Kind::BuiltIn | Kind::Recorded(_) | Kind::Forward(_) => {
            dressed(answer::built_in(ask), dress)
        }
    };
    let mut said = dialect.say(route, ask, &reply, occasion);
    if let Some((_, members)) = dress.patches.iter().find(|(name, _)| *name == dialect.name()) {
        patch::lay_on(&mut said, dialect, route.endpoint, members);
    }
    said
}

/// What of a reply the endpoint has no way to say.
pub fn missed(kind: &Kind, dress: &Dress, request: &Request<'_>) -> Vec<String> {
    let mut missed = request.unpatched(dress);
    match kind {
        Kind::Say(candidates) => {
            let parts = candidates.iter().flat_map(|candidate| &candidate.parts);
            let fragments = match dress.shape {
                Some(then::Shape::Document) => Matter::WholeFragments,
                None if request.ask.shape == Shape::Document => Matter::WholeFragments,
                _ => Matter::Fragments,
            };
            missed.extend(parts.filter_map(|part| request.misses(part, fragments)).map(str::to_owned));
            if candidates.len() > 1 && request.lacks(Matter::Candidates) {
                missed.push("candidates".to_owned());
            }
        }
        Kind::Error(_, Some(Retry::Info(_))) if request.lacks(Matter::RetryInfo) => {
            missed.push("retry_after".to_owned());
        }
        _ => {}
    }
    missed
}

fn makes_object(arguments: &Arguments) -> bool {
    match arguments {
        Arguments::Object(_) => true,
        Arguments::Fragments(pieces) => {
            serde_json::from_str::<Value>(&pieces.concat()).is_ok_and(|json| json.is_object())
        }
    }
}

/// The payload of a heartbeat, as it goes out.
pub fn heartbeat(
    dress: &Dress,
    style: Style,
    request: &Request<'_>,
    occasion: &Occasion<'_>,
) -> Option<Heartbeat> {
    let every = dress.pace.as_ref()?.heartbeat.as_ref()?.every.0;
    let mut events = Events::new(style);
    request.payload(dress.heartbeat.as_ref()?, &mut events, occasion, "heartbeat");
    let framing = events.framing(0);
    Some(Heartbeat { every, payload: events.into_text(), framing })
}

/// What each insert of a layer puts among the events.
pub fn inserted(
    layer: &Layer,
    number: usize,
    style: Style,
    (request, occasion): (&Request<'_>, &Occasion<'_>),
) -> Vec<Events> {
    let inserts = layer.inserts.iter().enumerate().map(|(at, payload)| {
        let mut events = Events::new(style);
        request.payload(payload, &mut events, occasion, &format!("edit.{number}.{at}"));
        events
    });
    inserts.collect()
}

/// What the stages of a plan need to know of a request.
#[derive(Clone, Copy, Debug)]
pub struct Scenery<'a> {
    /// What is asked.
    pub request: Request<'a>,
    /// When, and as whom.
    pub occasion: Occasion<'a>,
}

impl Scene for Scenery<'_> {
    fn text<'t>(&'t self, text: &'t Text) -> Cow<'t, str> {
        self.request.text(text)
    }

    fn draw(&self, key: &str) -> Draw {
        self.request.draw(&self.occasion, key)
    }
}

impl Request<'_> {
    fn draw(&self, occasion: &Occasion<'_>, key: &str) -> Draw {
        occasion.identity.draw(&format!("{} {key}", self.stub))
    }

    fn content(&self, candidates: &[Candidate], dress: &Dress) -> reply::Reply {
        // Where there is one to choose from, the others cost nothing either.
        let most = if self.lacks(Matter::Candidates) { 1 } else { usize::MAX };
        let said: Vec<_> =
            candidates.iter().take(most).map(|candidate| self.candidate(candidate, dress)).collect();
        if matches!(self.ask.want, Want::Images(_)) {
            let parts = said.into_iter().flat_map(|candidate| candidate.parts);
            return reply::Reply::Images(parts.filter_map(media).collect());
        }
        let usage = usage(&said, dress, self.ask);
        reply::Reply::Generation(Generation { candidates: said, usage, block: None })
    }

    fn candidate(&self, candidate: &Candidate, dress: &Dress) -> reply::Candidate {
        let split = candidate.split.or(dress.split).unwrap_or_default();
        let sayable = candidate.parts.iter().filter(|part| !self.is_unsaid(part));
        let parts: Vec<_> = sayable.map(|part| self.part(part, split)).collect();
        let calls = parts.iter().any(|part| matches!(part.unsigned(), reply::Part::Call(_)));
        let finish = candidate.finish.as_ref().or(dress.finish.as_ref());
        let finish =
            finish.map_or(if calls { reply::Finish::Call } else { reply::Finish::Stop }, said_finish);
        reply::Candidate { parts, finish, ..reply::Candidate::default() }
    }

    fn lacks(&self, matter: Matter) -> bool {
        self.route.dialect.lacks(self.route.endpoint, matter)
    }

    /// What of a part cannot be said. `fragments` are arguments that make no
    /// object, in an answer of its form.
    fn misses(&self, part: &Part, fragments: Matter) -> Option<&'static str> {
        let signature = match &part.sort {
            Some(Sort::Text(TextSort::Thought, _)) => Matter::ThoughtSignature,
            _ => Matter::Signature,
        };
        match &part.sort {
            _ if self.is_unsaid(part) => match &part.sort {
                Some(Sort::Media(_)) => Some("media"),
                Some(Sort::Call(_)) => Some("call"),
                _ => Some("thought"),
            },
            Some(Sort::Call(call)) if self.lacks(fragments) && !makes_object(&call.arguments) => {
                Some("fragments")
            }
            _ if part.signature.is_some() && self.lacks(signature) => Some("signature"),
            _ => None,
        }
    }

    /// Whether a part is left out as a whole.
    fn is_unsaid(&self, part: &Part) -> bool {
        match &part.sort {
            Some(Sort::Media(media)) => self.lacks(match Modality::of_mime(&media.mime) {
                Modality::Image => Matter::Media,
                _ => Matter::Sound,
            }),
            Some(Sort::Call(_)) => self.lacks(Matter::Call),
            Some(Sort::Text(TextSort::Thought, _)) => self.lacks(Matter::Thought),
            Some(Sort::Text(..)) | None => false,
        }
    }

    /// Members of the dialect's own that this endpoint does not have.
    fn unpatched(&self, dress: &Dress) -> Vec<String> {
        let dialect = self.route.dialect;
        let own = dress.patches.iter().find(|(name, _)| *name == dialect.name());
        let Some((name, members)) = own else { return Vec::new() };
        let known = |member: &String| {
            patch::of(dialect, self.route.endpoint).is_some_and(|patches| patches.know(member))
        };
        members.keys().filter(|member| !known(member)).map(|member| format!("{name}.{member}")).collect()
    }

    fn part(&self, part: &Part, split: Split) -> reply::Part {
        let signature = part.signature.as_ref().map(|text| self.text(text).into_owned());
        let said = match &part.sort {
            None => return reply::Part::Signature(signature.unwrap_or_default()),
            Some(Sort::Text(sort, pieces)) => {
                let deltas = self.deltas(pieces, split);
                match sort {
                    TextSort::Text => reply::Part::Text(deltas),
                    TextSort::Thought => reply::Part::Thought(deltas),
                    TextSort::Refusal => reply::Part::Refusal(deltas),
                    TextSort::Code => reply::Part::Code(deltas),
                    TextSort::CodeResult => reply::Part::CodeResult(deltas),
                }
            }
            Some(Sort::Call(call)) => reply::Part::Call(call.clone()),
            Some(Sort::Media(media)) => reply::Part::Media(media.clone()),
        };
        match signature {
            Some(signature) => reply::Part::Signed(Box::new(said), signature),
            None => said,
        }
    }

    fn deltas(&self, pieces: &Pieces, split: Split) -> Deltas {
        match pieces {
            Pieces::Split(text) => cut(self.text(text).into_owned(), split),
            Pieces::Given(texts) => {
                let texts: Vec<_> = texts.iter().map(|text| self.text(text)).collect();
                Deltas::pieces(texts.iter().map(|text| &**text))
            }
        }
    }

    /// A text, with what it echoes of the request.
    fn text<'t>(&'t self, text: &'t Text) -> Cow<'t, str> {
        match text {
            Text::Plain(text) | Text::File(text) => Cow::Borrowed(text),
            Text::Fill(fill) => Cow::Owned(fill.text()),
            Text::Echo(Echo::Prompt) => match &self.ask.want {
                Want::Generate(generate) => Cow::Borrowed(&generate.prompt.text),
                Want::Count(prompt) => Cow::Borrowed(&prompt.text),
                Want::Embed(embed) => Cow::Owned(embed.inputs.join("\n")),
                Want::Images(images) => Cow::Borrowed(&images.prompt),
                Want::Moderate(texts) => Cow::Owned(texts.join("\n")),
                Want::Models(_) | Want::Model | Want::Stored(_) => Cow::Borrowed(""),
            },
            Text::Echo(Echo::Path(path)) => match path.find(self.json).first() {
                Some(Value::String(text)) => Cow::Borrowed(text),
                Some(other) => Cow::Owned(other.to_string()),
                None => Cow::Borrowed(""),
            },
        }
    }

    fn vectors(&self, vectors: &[Vec<f32>], dress: &Dress) -> reply::Reply {
        let Want::Embed(embed) = &self.ask.want else {
            return reply::Reply::Embeddings(reply::Embeddings::default());
        };
        let last = vectors.len().saturating_sub(1);
        let each = (0..embed.inputs.len()).filter_map(|at| vectors.get(at.min(last)).cloned());
        let tokens = dress.usage.and_then(|usage| usage.input).unwrap_or(embed.tokens);
        reply::Reply::Embeddings(reply::Embeddings { vectors: each.collect(), tokens })
    }

    /// The provider's own words, in the frame and with the head of an answer.
    fn events(&self, payloads: &[Payload], occasion: &Occasion<'_>) -> Said {
        let candidates = vec![reply::Candidate::default()];
        let usage = usage(&candidates, &Dress::default(), self.ask);
        let nothing = reply::Reply::Generation(Generation { candidates, usage, block: None });
        let mut said = self.route.dialect.say(self.route, self.ask, &nothing, occasion);
        said.events = Events::new(said.events.style());
        for (at, payload) in payloads.iter().enumerate() {
            self.payload(payload, &mut said.events, occasion, &format!("raw {at}"));
        }
        said
    }

    /// Adds an event. `key` is the name of its luck.
    fn payload(&self, payload: &Payload, events: &mut Events, occasion: &Occasion<'_>, key: &str) {
        match payload {
            Payload::Json(json) => events.json(json),
            Payload::Text(text, framing) => events.bytes(self.text(text).as_bytes(), *framing),
            Payload::Lines(lines) => {
                let lines: Vec<_> = lines.iter().map(|line| self.text(line)).collect();
                events.bytes(lines.join("\n").as_bytes(), Framing::Lines);
            }
            Payload::Raw(pieces) => {
                events.bytes(&put_together(pieces, &mut self.draw(occasion, key)), Framing::Raw);
            }
            Payload::Reply(reply) => {
                let identity = occasion.identity.part(key);
                self.inner(reply, events, &Occasion { identity: &identity, ..*occasion });
            }
        }
    }

    /// The events of a reply inside another.
    fn inner(&self, reply: &Reply, events: &mut Events, occasion: &Occasion<'_>) {
        match &reply.kind {
            Kind::Error(error, retry) => {
                let error = api_error(error, retry.as_ref(), self);
                self.route.dialect.say_error_event(self.route, &error, events);
            }
            kind => events.append(&say(kind, &reply.dress, self, occasion).events),
        }
    }
}

/// How many deltas the long texts of a candidate make, as far as they are known
/// before a request comes.
pub(super) fn deltas_of(candidate: &Candidate, dress: &Dress) -> usize {
    const LONG: usize = 1_000_000;
    let split = candidate.split.or(dress.split).unwrap_or_default();
    let texts = candidate.parts.iter().filter_map(|part| match &part.sort {
        Some(Sort::Text(_, Pieces::Split(Text::Plain(text)))) if text.len() > LONG => Some(text),
        _ => None,
    });
    texts.map(|text| cut(text.clone(), split).iter().count()).sum()
}

fn cut(text: String, split: Split) -> Deltas {
    match split {
        Split::Whole => Deltas::whole(text),
        Split::Word => Deltas::words(text),
        Split::Token => Deltas::tokens(text),
        Split::Char => Deltas::characters(text, std::num::NonZeroUsize::MIN),
        Split::Chars(count) => Deltas::characters(text, count),
    }
}

fn media(part: reply::Part) -> Option<reply::Media> {
    match part {
        reply::Part::Media(media) => Some(media),
        reply::Part::Signed(part, _) => media(*part),
        _ => None,
    }
}

fn said_finish(finish: &Finish) -> reply::Finish {
    match finish {
        Finish::Stop => reply::Finish::Stop,
        Finish::Length => reply::Finish::Length,
        Finish::Call => reply::Finish::Call,
        Finish::Filter => reply::Finish::Filter,
        Finish::Refusal => reply::Finish::Refusal,
        Finish::Recitation => reply::Finish::Recitation,
        Finish::MalformedCall => reply::Finish::MalformedCall,
        Finish::Pause => reply::Finish::Pause,
        Finish::Exact(reason) => reply::Finish::Exact(reason.clone()),
    }
}

/// What is reported as used: what is given, the rest counted.
fn usage(candidates: &[reply::Candidate], dress: &Dress, ask: &Ask) -> Usage {
    let input = match &ask.want {
        Want::Generate(generate) => generate.prompt.tokens.clone(),
        _ => Vec::new(),
    };
    let mut usage = Usage { input, ..Usage::default() };
    for part in candidates.iter().flat_map(|candidate| &candidate.parts) {
        match part.unsigned() {
            reply::Part::Text(deltas)
            | reply::Part::Refusal(deltas)
            | reply::Part::Code(deltas)
            | reply::Part::CodeResult(deltas) => usage.output += tokens::count(deltas.text()),
            reply::Part::Thought(deltas) => usage.thoughts += tokens::count(deltas.text()),
            reply::Part::Call(call) => usage.output += call.tokens(),
            reply::Part::Media(_) => usage.output += tokens::ATTACHMENT_TOKENS,
            reply::Part::Signature(_) | reply::Part::Signed(..) => {}
        }
    }
    report(&mut usage, dress);
    usage
}

fn report(usage: &mut Usage, dress: &Dress) {
    let Some(given) = dress.usage else { return };
    if let Some(input) = given.input {
        usage.input = vec![(Modality::Text, input)];
    }
    usage.output = given.output.unwrap_or(usage.output);
    usage.thoughts = given.thoughts.unwrap_or(usage.thoughts);
    usage.cached = given.cached.unwrap_or(usage.cached);
    usage.tool = given.tool.unwrap_or(usage.tool);
}

/// The built-in answer, with what stands beside it laid over.
fn dressed(reply: reply::Reply, dress: &Dress) -> reply::Reply {
    let reply::Reply::Generation(mut said) = reply else { return reply };
    for candidate in &mut said.candidates {
        if let Some(finish) = &dress.finish {
            candidate.finish = said_finish(finish);
        }
        let Some(split) = dress.split else { continue };
        for part in &mut candidate.parts {
            if let reply::Part::Text(deltas) | reply::Part::Thought(deltas) = part {
                *deltas = cut(deltas.text().to_owned(), split);
            }
        }
    }
    report(&mut said.usage, dress);
    reply::Reply::Generation(said)
}

/// The list of these models, or one of them; `None` where the one that is asked
/// for is not among them.
pub fn model_list<T: AsRef<str>>(models: &[T], ask: &Ask) -> Option<reply::Reply> {
    let described = |name: &T| {
        let ask = Ask { model: name.as_ref().to_owned(), shape: Shape::Document, want: Want::Model };
        match answer::built_in(&ask) {
            reply::Reply::Model(model) => Some(model),
            _ => None,
        }
    };
    match &ask.want {
        Want::Model => {
            let name = models.iter().find(|name| name.as_ref() == ask.model)?;
            described(name).map(reply::Reply::Model)
        }
        _ => {
            let page = match &ask.want {
                Want::Models(page) => page.clone(),
                _ => Page { vendor: Vendor::Google, size: usize::MAX, after: None, before: None },
            };
            let (shown, rest) = page.cut(models, |name, id| name.as_ref() == id);
            let models = shown.iter().filter_map(described).collect();
            Some(reply::Reply::Models(ModelPage { models, rest }))
        }
    }
}

/// The provider's error: what it says with this status, and what the scenario
/// says instead.
fn api_error(error: &ErrorReply, retry: Option<&Retry>, request: &Request<'_>) -> ApiError {
    let dialect = request.route.dialect;
    let mut said = dialect.typical_error(request.route, error.status, request.ask);
    if let Some(message) = &error.message {
        said.message.clone_from(message);
        // Details repeat the provider's own message.
        said.members.shift_remove("details");
    }
    let members = match dialect.name() {
        "gemini" => &error.gemini,
        "openai" => &error.openai,
        _ => &error.anthropic,
    };
    for (name, value) in members.iter().flatten() {
        said.members.insert(name.clone(), value.clone());
    }
    said.retry = retry.cloned().map(Box::new);
    said
}
