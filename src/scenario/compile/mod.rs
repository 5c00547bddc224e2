//! From what stands in a file to what the server holds. All that is wrong is
//! told at once, each with its place.

mod content;
mod expect;
mod later;
mod reach;
mod recorded;
mod rehearse;
mod reply;
mod when;
mod wire;

use std::{collections::HashMap, sync::Arc};

use indexmap::IndexSet;

use super::{
    Asked, Input, ReadFile,
    decode::Document,
    error::{Problem, did_you_mean},
    file::{self, Api, Defaults, File, Operation, Per, Stub as StubFile, When},
    stub::{Early, Lenient, PlaceInLine, Reply, Scenario, Stub},
    then::{From, Then},
    tree::{OnKey, Path},
};
use crate::{cassette::key::Matching, notation::value::List};

pub use expect::expectations;
pub use reach::between as shadows_between;

/// The scenario of a document. `number` tells documents of one file apart.
pub fn scenario(document: &Document, number: usize, input: &Input) -> (Option<Scenario>, Vec<Problem>) {
    let Input { files, asked, matching, code, .. } = input;
    let code = code.as_ref();
    let mut compiler = Compiler { document, files, asked, matching, code, problems: Vec::new(), held: 0 };
    let scenario = compiler.scenario(number);
    let mut problems = compiler.problems;
    let is_whole = !problems.iter().any(|problem| problem.severity == super::error::Severity::Error)
        && document.stubs.iter().all(Option::is_some);
    if let Some(scenario) = &scenario
        && is_whole
    {
        problems.extend(reach::within(document, scenario));
    }
    (scenario.filter(|_| is_whole), problems)
}

struct Compiler<'a> {
    document: &'a Document,
    files: &'a Arc<ReadFile>,
    asked: &'a Asked,
    matching: &'a Matching,
    /// The code that made it, where it was made by code.
    code: Option<&'a (String, usize)>,
    problems: Vec<Problem>,
    /// Bytes of fills and files so far.
    held: u64,
}

impl Compiler<'_> {
    /// Notes that what stands at the end of this way is wrong.
    fn error(&mut self, path: &Path<'_>, message: impl Into<String>) {
        self.problems.push(self.document.problem(path, OnKey::No, message));
    }

    /// The same, shown at the key.
    fn error_at_key(&mut self, path: &Path<'_>, message: impl Into<String>) {
        self.problems.push(self.document.problem(path, OnKey::Yes, message));
    }

    fn warn_at_key(&mut self, path: &Path<'_>, message: impl Into<String>) {
        let problem = self.document.problem(path, OnKey::Yes, message);
        self.problems.push(Problem { severity: super::error::Severity::Warning, ..problem });
    }

    fn scenario(&mut self, number: usize) -> Option<Scenario> {
        let root = Path::default();
        let unread = File::default();
        // Where the rest of the file is wrong, its stubs are looked at all the same.
        let file = self.document.file.as_ref();
        let known = file.unwrap_or(&unread);
        self.later_in_file(known);
        let mut defaults = known.defaults.clone().unwrap_or_default();
        self.check_defaults(&mut defaults, &root.key("defaults"));
        let names = self.names();
        let stubs_path = root.key("stubs");
        let mut stubs = Vec::new();
        for (index, stub) in self.document.stubs.iter().enumerate() {
            let path = stubs_path.index(index);
            if let Some(stub) = stub {
                stubs.push(self.stub(stub, &names[index], &path, &defaults));
            }
        }
        let states = known.states.clone().unwrap_or_default();
        self.check_states(known, &states);
        let expect = known.expect.as_ref().map(|expect| self.expect_all(expect, &names, &root.key("expect")));
        let file = file?;
        Some(Scenario {
            digest: self.digest(number),
            name: file.name.clone().unwrap_or_else(|| self.default_name(number)),
            seed: file.seed,
            states,
            models: file.models.as_ref().map(|List(models)| models.clone()),
            stubs: stubs.into_iter().collect::<Option<_>>()?,
            connections: file.connections.as_ref().map(|List(all)| all.clone()).unwrap_or_default(),
            expect,
        })
    }

    /// What tells a scenario from others: where it stands, and its text.
    fn digest(&self, number: usize) -> u64 {
        let (source, tree) = (&self.document.source, &self.document.tree);
        let text = source.text.get(tree.bytes.clone()).unwrap_or(&source.text);
        let hash = blake3::hash(format!("{}\0{number}\0{text}", source.name).as_bytes());
        u64::from_le_bytes(hash.as_bytes()[..8].try_into().unwrap_or_default())
    }

    /// The file's name without its ending.
    fn default_name(&self, number: usize) -> String {
        let name = super::name_of_file(&self.document.source.name);
        if number == 0 { name.to_owned() } else { format!("{name}#{}", number + 1) }
    }

    /// The stubs' names, which must differ.
    fn names(&mut self) -> Vec<String> {
        let mut first: HashMap<String, usize> = HashMap::new();
        let mut names = Vec::new();
        for (index, stub) in self.document.stubs.iter().enumerate() {
            let given = stub.as_ref().and_then(|stub| stub.name.clone());
            let name = given.unwrap_or_else(|| format!("stub {}", index + 1));
            if let Some(before) = first.insert(name.clone(), index) {
                let (root, message) =
                    (Path::default(), format!("the name {name:?} is stub {}'s too", before + 1));
                self.error(&root.key("stubs").index(index).key("name"), message);
            }
            names.push(name);
        }
        names
    }

    fn check_defaults(&mut self, defaults: &mut Defaults, path: &Path<'_>) {
        let then_path = path.key("then");
        if let Some(then) = &defaults.then {
            for kind in then.kinds() {
                let message = format!(
                    "the defaults are laid under every reply and have no kind of their own, `{kind}`"
                );
                self.error_at_key(&then_path.key(kind), message);
            }
            if then.times.is_some() {
                self.error_at_key(&then_path.key("times"), "`times` belongs to one reply of a list");
            }
            self.dress(then, &then_path);
        }
        defaults.when = defaults.when.take().map(|when| {
            let path = path.key("when");
            self.when(&when, &path);
            self.with_globs(when, &path)
        });
    }

    fn with_globs(&mut self, when: When, path: &Path<'_>) -> When {
        when.with_globs().unwrap_or_else(|(key, reason)| {
            self.error(&path.key(key), reason);
            When::default()
        })
    }

    fn stub(&mut self, stub: &StubFile, name: &str, path: &Path<'_>, defaults: &Defaults) -> Option<Stub> {
        let before = self.problems.len();
        let mut when = self.conditions(stub, path, defaults);
        if stub.early.is_some() {
            when.iter().enumerate().for_each(|(at, when)| self.early_when(when, &path.key("when").index(at)));
        }
        let replies = self.replies(stub, path, (defaults, &when));
        if stub.early.is_some() {
            self.early_replies(&replies, path);
        }
        let mut operations = self.operations(stub, &when, &replies, path);
        if when.iter().any(|when| when.operation.is_some())
            && let Some(usual) = operations.take()
        {
            // Some alternatives have operations of their own.
            when.iter_mut()
                .for_each(|when| when.operation = when.operation.take().or(Some(List(usual.clone()))));
        }
        if matches!(&stub.per, Some(Per::Header(name)) if http::HeaderName::try_from(name).is_err()) {
            self.error(&path.key("per").key("header"), "this is no name of a header");
        }
        self.suspect_order(stub, path);
        let expect = stub.expect.as_ref().map(|expect| self.expect(expect, &path.key("expect")));
        let place = self.document.tree.place_of(path, OnKey::No);
        let is_right =
            self.problems[before..].iter().all(|problem| problem.severity == super::error::Severity::Warning);
        is_right.then(|| Stub {
            name: name.to_owned(),
            place: format!("{}:{}", self.document.source.name, place.line),
            when,
            operations,
            replies,
            per: stub.per.clone().unwrap_or_default(),
            at_end: stub.at_end.unwrap_or_default(),
            lenient: if stub.lenient == Some(true) { Lenient::Yes } else { Lenient::No },
            early: stub.early.as_ref().map(early),
            place_in_line: match self.asked {
                Asked::Underneath => PlaceInLine::Underneath,
                _ => PlaceInLine::Own,
            },
            expect,
        })
    }

    fn conditions(&mut self, stub: &StubFile, path: &Path<'_>, defaults: &Defaults) -> Vec<When> {
        let path = path.key("when");
        let given = stub.when.as_ref().map(|List(given)| given.clone()).unwrap_or_default();
        if stub.when.is_some() && given.is_empty() {
            self.error(
                &path,
                "an empty list of conditions holds for nothing; leave `when` out to hold always",
            );
        }
        let given = if given.is_empty() { vec![When::default()] } else { given };
        let own = given.into_iter().enumerate().map(|(index, when)| {
            let path = path.index(index);
            self.when(&when, &path);
            self.with_globs(when, &path).with_defaults(defaults.when.as_ref())
        });
        let own: Vec<_> = own.collect();
        let (asked, apis): (Vec<_>, &[Api]) = match self.asked {
            Asked::ByAnyone | Asked::Underneath => return own,
            Asked::ByApi(apis) => (own, apis),
            Asked::ByName(name, apis) => {
                let is_early = stub.early.is_some();
                (own.into_iter().flat_map(|when| when.asked_by_name(name, is_early)).collect(), apis)
            }
        };
        asked.into_iter().map(|when| when.with_apis(apis)).collect()
    }

    fn replies(
        &mut self,
        stub: &StubFile,
        path: &Path<'_>,
        (defaults, when): (&Defaults, &[When]),
    ) -> Vec<(Reply, u32)> {
        let path = path.key("then");
        if stub.then.0.is_empty() {
            self.error(&path, "a stub needs at least one reply");
        }
        let mut replies = Vec::new();
        for (index, then) in stub.then.0.iter().enumerate() {
            let path = path.index(index);
            let before = self.problems.len();
            if let Some(reply) = self.reply(then, &path, defaults.then.as_deref()) {
                let has_pauses = then.pace.as_ref().is_some_and(|pace| pace.pause.is_some());
                if before == self.problems.len() && (then.wire.is_some() || has_pauses) {
                    self.rehearse(&reply, when, &path);
                }
                replies.push((reply, then.times.map_or(1, std::num::NonZero::get)));
            }
        }
        replies
    }

    /// Which operations a stub answers: those that are given, else those that
    /// its replies are made for.
    fn operations(
        &mut self,
        stub: &StubFile,
        when: &[When],
        replies: &[(Reply, u32)],
        path: &Path<'_>,
    ) -> Option<Vec<Operation>> {
        let given = |when: &When| when.operation.as_ref().map(|List(given)| given.clone());
        let path = path.key("then");
        for (index, then) in stub.then.0.iter().enumerate() {
            let Some(kind) = then.kinds().first().copied() else { continue };
            let allowed = allowed(then);
            for operation in when.iter().filter_map(given).flatten() {
                if allowed.is_some_and(|allowed| !allowed.contains(&operation)) {
                    let message = format!("`{kind}` is no answer to `operation: {}`", operation.name());
                    self.error_at_key(&path.index(index).key(kind), message);
                }
            }
        }
        if when.iter().all(|when| when.operation.is_some()) {
            // Looked at with the other conditions.
            return None;
        }
        let usual: Vec<_> = replies.iter().filter_map(|(reply, _)| reply.kind.operations()).collect();
        let first = usual.first()?;
        if usual.iter().any(|other| other != first) {
            self.error_at_key(&path, "the replies of one stub answer different operations");
        }
        Some(first.to_vec())
    }

    /// An order of answers in which parallel calls take turns.
    fn suspect_order(&mut self, stub: &StubFile, path: &Path<'_>) {
        let List(replies) = &stub.then;
        let is_list = replies.len() > 1 || replies.iter().any(|then| then.times.is_some());
        let counts = stub.when.iter().flat_map(|List(when)| when).any(|when| when.nth.is_some());
        if stub.per.is_some() || !(is_list || counts) {
            return;
        }
        let what = if is_list { "the list of replies" } else { "`nth`" };
        let message = format!("{what} counts all requests of a session: parallel calls take turns in it");
        let problem =
            self.document.problem(&path.key(if is_list { "then" } else { "when" }), OnKey::Yes, message);
        let problem = Problem { severity: super::error::Severity::Warning, ..problem };
        self.problems.push(problem.hint(
            "write `per: call` to count the attempts of each call, or `per: session` if this is what you want",
        ));
    }

    /// State variables that are asked for and never set.
    fn check_states(&mut self, file: &File, states: &indexmap::IndexMap<String, String>) {
        /// Names for which a better one is looked for.
        const MOST_GUESSES: usize = 20;
        let replies = self.document.stubs.iter().flatten().flat_map(|stub| &stub.then.0);
        let limits = file.limits.iter().flat_map(|List(limits)| limits);
        let set = replies
            .chain(limits.filter_map(|limit| limit.then.as_deref()))
            .chain(file.defaults.iter().filter_map(|defaults| defaults.then.as_deref()))
            .filter_map(|then| then.set.as_ref())
            .flat_map(|set| set.keys());
        let known: IndexSet<String> = set.chain(states.keys()).cloned().collect();
        let (root, mut guesses) = (Path::default(), 0);
        let mut told = |compiler: &mut Self, when: &When, path: &Path<'_>| {
            for name in when.state.iter().flat_map(|state| state.keys()).filter(|name| !known.contains(*name))
            {
                guesses += 1;
                let near = known.iter().filter(|_| guesses <= MOST_GUESSES).map(String::as_str);
                let meant = did_you_mean(name, near);
                let meant = meant.map(|meant| format!(", did you mean `{meant}`?")).unwrap_or_default();
                let message = format!("nothing sets the state variable `{name}`{meant}");
                compiler.warn_at_key(&path.key("state").key(name), message);
            }
        };
        if let Some(when) = file.defaults.as_ref().and_then(|defaults| defaults.when.as_ref()) {
            told(self, when, &root.key("defaults").key("when"));
        }
        let document = self.document;
        for (index, stub) in document.stubs.iter().enumerate() {
            let when = stub.iter().filter_map(|stub| stub.when.as_ref()).flat_map(|List(when)| when);
            for (at, when) in when.enumerate() {
                told(self, when, &root.key("stubs").index(index).key("when").index(at));
            }
        }
    }
}

fn early(early: &file::Early) -> Early {
    let after = match early.after {
        None | Some(file::EarlyAfter::Head) => 0,
        Some(file::EarlyAfter::Bytes(size)) => size.0,
    };
    Early { after, rest: early.rest.unwrap_or(file::Rest::Read) }
}

/// The operations that a reply may answer where one is given; `None`: any.
fn allowed(then: &Then) -> Option<&'static [Operation]> {
    const SAYS: &[Operation] = &[Operation::Generate];
    const SHOWS: &[Operation] = &[Operation::Generate, Operation::Images];
    match then.kinds().first().copied()? {
        "parts" => Some(SHOWS),
        "text" | "json" | "candidates" | "block" => Some(SAYS),
        "embedding" => Some(&[Operation::Embed]),
        "count" => Some(&[Operation::Count]),
        "models" => Some(&[Operation::Models]),
        "from" if then.from == Some(From::BuiltIn) => Some(&[
            Operation::Generate,
            Operation::Embed,
            Operation::Count,
            Operation::Models,
            Operation::Images,
            // Judging texts, and what is stored.
            Operation::Other,
        ]),
        _ => None,
    }
}
