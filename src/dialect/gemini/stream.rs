//! The chunks of a stream, each with the usage so far.

use std::collections::BTreeMap;

use super::{
    chunks::{Chunk, Delta},
    logprobs::Average,
    payload::{Response, UsageMetadata},
    say::Manner,
};
use crate::{
    dialect::{
        event::{Events, Kind},
        template::{Filling, NUMBER_HOLES, TEXT_HOLES, Template},
    },
    reply::Usage,
};

/// A stream that is being written.
pub(super) struct Stream<'a> {
    manner: &'a Manner<'a>,
    usage: &'a Usage,
    output: u64,
    thoughts: u64,
    /// For chunks of text alone, behind so many thoughts.
    template: Option<(u64, Option<Template>)>,
    /// Of the tokens of each candidate, by their index.
    averages: BTreeMap<u64, Average>,
    events: Events,
}

impl<'a> Stream<'a> {
    /// In the end, this is reported as used.
    pub(super) fn say(chunks: Vec<Chunk<'_>>, usage: &'a Usage, manner: &'a Manner<'a>) -> Events {
        let mut stream = Self {
            manner,
            usage,
            output: 0,
            thoughts: 0,
            template: None,
            averages: BTreeMap::new(),
            events: Events::expecting(chunks.len(), manner.style),
        };
        let last = chunks.len().saturating_sub(1);
        let spent = |chunk: &Chunk<'_>| chunk.said.map_or((0, 0), Delta::tokens);
        let thinking = chunks.iter().rposition(|chunk| spent(chunk).1 > 0).map_or(0, |at| at + 1);
        for (at, chunk) in chunks.into_iter().enumerate() {
            let (output, thoughts) = spent(&chunk);
            // What is counted piece by piece may be more than the whole; it never goes down.
            stream.output = (stream.output + output).min(stream.usage.output);
            stream.thoughts = (stream.thoughts + thoughts).min(stream.usage.thoughts);
            // Behind the thoughts that are shown, those that are not have been thought too.
            if at >= thinking {
                stream.thoughts = stream.usage.thoughts;
            }
            if at == last {
                (stream.output, stream.thoughts) = (stream.usage.output, stream.usage.thoughts);
            }
            stream.chunk(&chunk);
        }
        stream.events
    }

    fn chunk(&mut self, chunk: &Chunk<'_>) {
        if let (Some(Delta::Text(text)), None, None) = (chunk.said, chunk.ends, chunk.signature)
            && self.output > 0
            && self.manner.logprobs.is_none()
        {
            if self.template.as_ref().is_none_or(|(thoughts, _)| *thoughts != self.thoughts) {
                self.template = Some((self.thoughts, self.text_template()));
            }
            if let Some((_, Some(template))) = &self.template {
                let total = self.usage.input_total() + self.usage.tool + self.output + self.thoughts;
                let numbers = [chunk.index, self.output, total].map(Filling::Number);
                let fillings = [Filling::Text(text), numbers[0], numbers[1], numbers[2]];
                return self.events.filled_as(&[Kind::Usage, Kind::Text], template, &fillings);
            }
        }
        let usage = UsageMetadata::new(self.usage, self.output, self.thoughts, self.manner.enums);
        let average = self.averages.entry(chunk.index).or_default();
        let candidates = [self.manner.chunk(chunk, average)];
        self.events.json(&Response::new(&candidates, usage, self.manner.constants));
    }

    fn text_template(&self) -> Option<Template> {
        let [index, output, total, ..] = NUMBER_HOLES.map(|hole| hole.stand_in);
        let said = Some(Delta::Text(TEXT_HOLES[0].stand_in));
        let chunk = Chunk { index, said, signature: None, ends: None };
        let usage = UsageMetadata {
            total_token_count: total,
            ..UsageMetadata::new(self.usage, output, self.thoughts, self.manner.enums)
        };
        let candidates = [self.manner.chunk(&chunk, &mut Average::default())];
        let [index, output, total, ..] = NUMBER_HOLES.map(|hole| hole.json);
        let holes = [TEXT_HOLES[0].json, index, output, total];
        let response = Response::new(&candidates, usage, self.manner.constants);
        Template::new(self.manner.style, &response, &holes)
    }
}
