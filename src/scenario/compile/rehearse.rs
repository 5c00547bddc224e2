//! A rehearsal of replies that are known before a request comes: places that
//! name nothing in any answer are told when the file is read.

use http::{HeaderValue, Method};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Compiler, Path};
use crate::{
    ask::Ask,
    dialect::{self, Heard, Occasion, Route, event::Kind as EventKind},
    identity::{Fingerprint, Identity},
    notation::{text::Text, value::List},
    plan::{
        self, Client, Laying, Marks, Origin, Stage,
        edit::Edit,
        pace::Tempo,
        place::{Choice, Target},
    },
    request::Request,
    scenario::{
        file::{Api, Operation, When},
        say,
        stub::{Kind, Pieces, Reply, Sort},
    },
};

/// A request that an answer is rehearsed for.
struct Specimen {
    api: Api,
    is_stream: bool,
    route: Route,
    ask: Ask,
    json: Value,
}

/// A choice of events, the key that it stands under, and how it is told that it
/// named nothing.
struct Named<'a> {
    key: &'static str,
    told: String,
    /// What is told besides, such as that it is not one place.
    why: Option<String>,
    choice: &'a Choice,
}

impl Compiler<'_> {
    /// Tells what of a reply's places names nothing in any answer to which its
    /// stub can lead.
    pub(super) fn rehearse(&mut self, reply: &Reply, when: &[When], path: &Path<'_>) {
        let Some(layer) = reply.dress.layers.last() else { return };
        // What is large is not made for this.
        if !is_known(&reply.kind) || self.held > LARGEST {
            return;
        }
        let is_narrow = when.iter().all(|when| when.api.is_some());
        let mut named = names(&layer.plan);
        named.retain(|named| is_judged(named.choice, is_narrow));
        let mut specimens = specimens();
        specimens.retain(|specimen| when.iter().any(|when| specimen.fits(when)));
        if specimens.is_empty() {
            // Where nothing is rehearsed nothing is known.
            return;
        }
        for specimen in &specimens {
            if named.is_empty() {
                return;
            }
            let missed = specimen.missed(reply);
            named.retain_mut(|named| {
                let rest = |missed: &String| missed.strip_prefix(&named.told).map(str::to_owned);
                let mut all = missed.iter().filter_map(rest);
                let why = all.find(|rest| rest.is_empty() || rest.starts_with(':'));
                // That there is no such place says more than why it could do nothing.
                let is_nothing = why.as_ref().is_some_and(String::is_empty);
                named.why = if is_nothing { Some(String::new()) } else { named.why.take().or(why.clone()) };
                why.is_some()
            });
        }
        for Named { key, told, why, .. } in named {
            let stage = if key == "pause" { path.key("pace") } else { path.key("wire") };
            let message = match why.as_deref().and_then(|why| why.strip_prefix(": ")) {
                Some(why) => format!("`{told}` names what cannot be: {why}"),
                None => format!("`{told}` names nothing: no answer of this reply has such a place"),
            };
            self.error_at_key(&stage.key(key), message);
        }
    }
}

/// Bytes of a text that is rehearsed at the most, and of all that the scenario
/// has made ready.
const LONGEST: usize = 1 << 20;
const LARGEST: u64 = 1 << 20;

/// Whether all of a reply is known before a request comes.
fn is_known(kind: &Kind) -> bool {
    let is_plain = |text: &Text| matches!(text, Text::Plain(text) if text.len() <= LONGEST);
    match kind {
        Kind::Say(candidates) => {
            candidates.iter().flat_map(|candidate| &candidate.parts).all(|part| match &part.sort {
                Some(Sort::Text(_, Pieces::Split(text))) => is_plain(text),
                Some(Sort::Text(_, Pieces::Given(texts))) => texts.iter().all(is_plain),
                Some(Sort::Call(_) | Sort::Media(_)) | None => true,
            })
        }
        Kind::Error(..) | Kind::Block(_) | Kind::Raw(_) => true,
        _ => false,
    }
}

/// Whether a choice means the same in every answer that is rehearsed, and in
/// those that are not.
fn is_judged(choice: &Choice, is_narrow: bool) -> bool {
    let is_everywhere =
        |kind: &EventKind| matches!(kind, EventKind::Text | EventKind::Thought | EventKind::Finish);
    match choice {
        Choice::All | Choice::Where(_) => false,
        Choice::Numbers(_) => is_narrow,
        Choice::Kind(kind) | Choice::KindNumbers(kind, _) => is_narrow || is_everywhere(kind),
        Choice::Several(choices) => choices.iter().all(|choice| is_judged(choice, is_narrow)),
    }
}

/// All choices of a layer.
fn names(layer: &plan::Layer) -> Vec<Named<'_>> {
    let mut all = Vec::new();
    let mut add = |key, told: String, choice| all.push(Named { key, told, why: None, choice });
    for pause in &layer.pauses {
        for choice in pause.before.iter().chain(&pause.after) {
            add("pause", format!("pause {choice}"), choice);
        }
    }
    for edit in &layer.edits {
        match edit {
            Edit::Insert(bound, choice) => add("edit", format!("insert {} {choice}", bound.name()), choice),
            Edit::Drop(choice) => add("edit", format!("drop {choice}"), choice),
            Edit::Repeat(choice, _) => add("edit", format!("repeat {choice}"), choice),
            Edit::Move(choice, bound, to) => {
                add("edit", format!("move {choice}"), choice);
                add("edit", format!("move {} {to}", bound.name()), to);
            }
            Edit::Join(choice, _) => add("edit", format!("join {choice}"), choice),
            Edit::Patch(choice, ..) => add("edit", format!("patch {choice}"), choice),
        }
    }
    layer.write.iter().for_each(|rule| add("write", format!("write {}", rule.at), &rule.at));
    layer.frame.iter().for_each(|rule| add("frame", format!("frame {}", rule.at), &rule.at));
    let sites = layer.encode.iter().flat_map(|encode| &encode.damage);
    let sites = sites.map(|(site, _)| ("encode", "encode damage", site));
    let sites = sites
        .chain(layer.carry.cut.iter().map(|site| ("carry", "carry cut", site)))
        .chain(layer.send.cut.iter().map(|(site, _)| ("send", "send cut", site)))
        .chain(layer.end.iter().map(|end| ("end", "end", &end.site)));
    for (key, what, site) in sites {
        if let Target::Events(choice) = site.target() {
            add(key, format!("{what} {site}"), choice);
        }
    }
    layer.carry.join.iter().for_each(|choice| add("carry", format!("carry join {choice}"), choice));
    for target in layer.send.join.iter().flatten() {
        if let Target::Events(choice) = target {
            add("send", format!("send join {choice}"), choice);
        }
    }
    all
}

fn specimens() -> Vec<Specimen> {
    let chat = |extra: Value| {
        let mut json = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]});
        if let (Value::Object(json), Value::Object(extra)) = (&mut json, extra) {
            json.extend(extra);
        }
        ("/v1/chat/completions", json)
    };
    let contents = || json!({"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]});
    let message = |is_stream: bool| {
        let messages = json!([{"role": "user", "content": "Hello"}]);
        let json =
            json!({"model": "claude-opus-4-5", "max_tokens": 9, "messages": messages, "stream": is_stream});
        ("/v1/messages", json)
    };
    let response =
        |is_stream: bool| ("/v1/responses", json!({"model": "gpt-5", "input": "Hello", "stream": is_stream}));
    let completion = |is_stream: bool| {
        ("/v1/completions", json!({"model": "davinci-002", "prompt": "Hello", "stream": is_stream}))
    };
    let usage = json!({"stream": true, "stream_options": {"include_usage": true}});
    let all = [
        (Api::OpenAiChat, true, chat(usage)),
        (Api::OpenAiChat, true, chat(json!({"stream": true}))),
        (Api::OpenAiChat, false, chat(json!({}))),
        (Api::OpenAiResponses, true, response(true)),
        (Api::OpenAiResponses, false, response(false)),
        (Api::OpenAiCompletions, true, completion(true)),
        (Api::OpenAiCompletions, false, completion(false)),
        (Api::Anthropic, true, message(true)),
        (Api::Anthropic, false, message(false)),
        (Api::Gemini, true, ("/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse", contents())),
        (Api::Gemini, true, ("/v1beta/models/gemini-2.5-flash:streamGenerateContent", contents())),
        (Api::Gemini, false, ("/v1beta/models/gemini-2.5-flash:generateContent", contents())),
    ];
    all.into_iter()
        .filter_map(|(api, is_stream, (target, json))| Specimen::new(api, is_stream, target, json))
        .collect()
}

impl Specimen {
    fn new(api: Api, is_stream: bool, target: &'static str, mut json: Value) -> Option<Self> {
        let uri = http::Uri::from_static(target);
        let request = Request::new(Method::POST, &uri, http::HeaderMap::new());
        let route = dialect::identify(&request);
        let ask = route.dialect.read(&Heard::new(&route, &request), &mut json).ok()?;
        Some(Self { api, is_stream, route, ask, json })
    }

    /// Whether conditions may hold for it, as far as they are about its form.
    fn fits(&self, when: &When) -> bool {
        let is_openai = !matches!(self.api, Api::Gemini | Api::Anthropic);
        let is_of = |api: &Api| *api == self.api || (*api == Api::OpenAi && is_openai);
        when.api.as_ref().is_none_or(|List(api)| api.iter().any(is_of))
            && when.stream.is_none_or(|is_stream| is_stream == self.is_stream)
            && when.operation.as_ref().is_none_or(|List(all)| all.contains(&Operation::Generate))
    }

    /// What names nothing in the answer to it.
    fn missed(&self, reply: &Reply) -> Vec<String> {
        let fingerprint = Fingerprint::new(self.route.dialect.name(), &Request::default(), None);
        let (identity, date) = (Identity::new(0, fingerprint, 0), HeaderValue::from_static(""));
        let occasion = Occasion { identity: &identity, now: Timestamp::UNIX_EPOCH, date: &date };
        let request = say::Request { route: &self.route, ask: &self.ask, json: &self.json, stub: "" };
        let said = say::say(&reply.kind, &reply.dress, &request, &occasion);
        let scenery = say::Scenery { request, occasion };
        let layings = reply.dress.layers.iter().enumerate().map(|(at, layer)| Laying {
            layer: &layer.plan,
            inserted: say::inserted(layer, at, said.events.style(), (&request, &occasion)),
        });
        let stage = Stage {
            dialect: self.route.dialect,
            tempo: Tempo::default(),
            layers: layings.collect(),
            client: Client::default(),
            scene: &scenery,
            rechunk: None,
            is_early: false,
            is_explained: false,
            recorded: None,
        };
        plan::staged(said, &stage, (&Origin::new("stub"), Marks::Hidden)).missed
    }
}
