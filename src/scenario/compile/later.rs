//! What the language has and the server does not carry out yet: its keys are
//! read and checked, and then refused in so many words, so that nobody waits
//! for a fault that never comes.

use super::{Compiler, Path};
use crate::{
    notation::value::List,
    scenario::{
        file::{File, Stub},
        payload::Payload,
        then::Then,
        wire::{Carry, Edit, Encode, Head, Insert, Send, Wire},
    },
};

impl Compiler<'_> {
    pub(super) fn later_in_file(&mut self, file: &File) {
        let root = Path::default();
        for (at, limit) in file.limits.iter().flat_map(|List(limits)| limits).enumerate() {
            let path = root.key("limits");
            let path = path.index(at);
            let counts = [
                limit.requests.is_some(),
                limit.tokens.is_some(),
                limit.cost.is_some(),
                limit.concurrent.is_some(),
            ];
            if counts.iter().filter(|is_given| **is_given).count() != 1 {
                self.error(&path, "a limit has exactly one of `requests`, `tokens`, `cost` and `concurrent`");
            }
            for (at, when) in limit.when.iter().flat_map(|List(when)| when).enumerate() {
                self.when(when, &path.key("when").index(at));
            }
            if let Some(then) = &limit.then {
                self.reply(then, &path.key("then"), None);
            }
        }
        let keys = [
            ("limits", file.limits.is_some()),
            ("connections", file.connections.is_some()),
            ("expect", file.expect.is_some()),
        ];
        for (key, _) in keys.into_iter().filter(|(_, is_given)| *is_given) {
            self.later(&root.key(key), key);
        }
    }

    pub(super) fn later_in_stub(&mut self, stub: &Stub, path: &Path<'_>) {
        for (key, is_given) in [("early", stub.early.is_some()), ("expect", stub.expect.is_some())] {
            if is_given {
                self.later(&path.key(key), key);
            }
        }
    }

    pub(super) fn later_in_reply(&mut self, then: &Then, path: &Path<'_>) {
        if let Some(wire) = &then.wire {
            self.wire(wire, &path.key("wire"));
            self.later(&path.key("wire"), "wire");
        }
        for (key, is_given) in [("cassette", then.cassette.is_some()), ("forward", then.forward.is_some())] {
            if is_given {
                self.later(&path.key(key), key);
            }
        }
    }

    fn later(&mut self, path: &Path<'_>, key: &str) {
        self.error_at_key(
            path,
            format!("`{key}` is read and checked, but this version does not carry it out yet"),
        );
    }

    fn wire(&mut self, wire: &Wire, path: &Path<'_>) {
        let flat =
            |list: &Option<List<Edit>>| list.as_ref().map(|List(edits)| edits.clone()).unwrap_or_default();
        for (at, edit) in flat(&wire.edit).iter().enumerate() {
            self.edit(edit, &path.key("edit").index(at));
        }
        for (at, rule) in wire.write.iter().flat_map(|List(rules)| rules).enumerate() {
            for (place, bytes) in rule.literal.iter().flatten() {
                self.bytes(bytes, &path.key("write").index(at).key("literal").key(place.source()));
            }
        }
        for (at, rule) in wire.frame.iter().flat_map(|List(rules)| rules).enumerate() {
            for (key, bytes) in [("lead", &rule.lead), ("tail", &rule.tail)] {
                bytes.iter().for_each(|bytes| drop(self.bytes(bytes, &path.key("frame").index(at).key(key))));
            }
        }
        if let Some(encode) = &wire.encode {
            self.encode(encode, &path.key("encode"));
        }
        if let Some(carry) = &wire.carry {
            self.carry(carry, &path.key("carry"));
        }
        if let Some(head) = &wire.head {
            self.head(head, &path.key("head"));
        }
        if let Some(send) = &wire.send {
            self.send(send, &path.key("send"));
        }
        if let Some(end) = &wire.end {
            let path = path.key("end");
            self.point(end.flaw(), &path);
            end.put.iter().for_each(|put| drop(self.bytes(put, &path.key("put"))));
            if end.how.is_none() && end.hold != Some(crate::scenario::wire::Hold::Forever) {
                self.error(&path, "`how` is missing: complete, close, half_close, reset or goaway");
            }
        }
    }

    fn edit(&mut self, edit: &Edit, path: &Path<'_>) {
        match edit {
            Edit::Insert(insert) => {
                let path = path.key("insert");
                if insert.before.is_some() == insert.after.is_some() {
                    self.error(&path, "an insert has exactly one of `before` and `after`");
                }
                self.payload(&insert.as_payload(), &path);
            }
            Edit::Move(moved) if moved.before.is_some() == moved.after.is_some() => {
                self.error(&path.key("move"), "a move has exactly one of `before` and `after`");
            }
            Edit::Join(join) => {
                join.by.iter().for_each(|by| drop(self.bytes(by, &path.key("join").key("by"))));
            }
            Edit::Patch(patch) if patch.set.is_none() && patch.unset.is_none() => {
                self.error(&path.key("patch"), "a patch has `set`, `unset` or both");
            }
            _ => {}
        }
    }

    fn encode(&mut self, encode: &Encode, path: &Path<'_>) {
        for (at, damage) in encode.damage.iter().flat_map(|List(damage)| damage).enumerate() {
            let path = path.key("damage");
            let path = path.index(at);
            self.point(damage.flaw(), &path);
            match &damage.put {
                Some(put) => drop(self.bytes(put, &path.key("put"))),
                None => self.error(&path, "`put` is missing: the bytes that overwrite"),
            }
        }
    }

    fn carry(&mut self, carry: &Carry, path: &Path<'_>) {
        for (at, point) in carry.cut.iter().flat_map(|List(points)| points).enumerate() {
            self.point(point.flaw(), &path.key("cut").index(at));
        }
    }

    fn head(&mut self, head: &Head, path: &Path<'_>) {
        if head.status.is_some_and(|status| !(100..=999).contains(&status)) {
            self.error(&path.key("status"), "a status has three digits");
        }
        for (at, interim) in head.interim.iter().flat_map(|List(interim)| interim).enumerate() {
            if !(100..=199).contains(&interim.status) {
                let message = "an answer in front of the answer has a status from 100 to 199";
                self.error(&path.key("interim").index(at).key("status"), message);
            }
        }
        if let Some(raw) = &head.raw {
            self.bytes(raw, &path.key("raw"));
        }
    }

    fn send(&mut self, send: &Send, path: &Path<'_>) {
        for (at, cut) in send.cut.iter().flat_map(|List(cuts)| cuts).enumerate() {
            self.point(cut.flaw(), &path.key("cut").index(at));
        }
    }

    fn point(&mut self, flaw: Option<&'static str>, path: &Path<'_>) {
        if let Some(flaw) = flaw {
            self.error(path, flaw);
        }
    }
}

impl Insert {
    /// What is inserted.
    fn as_payload(&self) -> Payload {
        Payload {
            json: self.json.clone(),
            text: self.text.clone(),
            lines: self.lines.clone(),
            raw: self.raw.clone(),
            reply: self.reply.clone(),
        }
    }
}
