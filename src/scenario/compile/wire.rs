//! Trouble on the wire: from what stands in a file to a layer of the plan.

use std::time::Duration;

use super::{Compiler, Path};
use crate::{
    notation::{
        text::{Bytes, Piece, Text},
        value::List,
    },
    plan::{
        Layer,
        carry::Carry,
        edit::{Bound, Edit},
        encode::Encode,
        end::{End, Hold, How},
        frame::{FrameRule, MOST_BLANKS},
        head::{Head, Headers, Interim},
        place::{Choice, Target},
        point::{Measure, Place, Site},
        send::{GAP, Send},
        write::WriteRule,
    },
    scenario::{payload, stub::Payload, then::Then, wire},
};

/// Events that one may be repeated to.
const MOST_TIMES: u32 = 1_000_000;

impl Compiler<'_> {
    /// The layer that a reply lays over its answer, and what its inserts put in.
    pub(super) fn layer(&mut self, then: &Then, path: &Path<'_>) -> Option<(Layer, Vec<Payload>)> {
        let pauses = then.pace.as_ref().and_then(|pace| pace.pause.clone()).map(|List(pauses)| pauses);
        if pauses.is_none() && then.wire.is_none() {
            return None;
        }
        let mut layer = Layer { pauses: pauses.unwrap_or_default(), ..Layer::default() };
        let mut inserted = Vec::new();
        if let Some(wire) = &then.wire {
            let path = path.key("wire");
            for (at, edit) in flat(wire.edit.as_ref()).enumerate() {
                layer.edits.extend(self.edit(edit, &path.key("edit").index(at), &mut inserted));
            }
            for (at, rule) in flat(wire.write.as_ref()).enumerate() {
                layer.write.push(self.write_rule(rule, &path.key("write").index(at)));
            }
            for (at, rule) in flat(wire.frame.as_ref()).enumerate() {
                layer.frame.push(self.frame_rule(rule, &path.key("frame").index(at)));
            }
            layer.encode = wire.encode.as_ref().and_then(|it| self.encode(it, &path.key("encode")));
            layer.carry =
                wire.carry.as_ref().map(|it| self.carry(it, &path.key("carry"))).unwrap_or_default();
            layer.head = wire.head.as_ref().map(|it| self.head(it, &path.key("head"))).unwrap_or_default();
            layer.send = wire.send.as_ref().map(|it| self.send(it, &path.key("send"))).unwrap_or_default();
            layer.end = wire.end.as_ref().and_then(|it| self.end(it, &path.key("end")));
            self.blurred(wire, &layer, &path);
            layer.needs_socket =
                wire.carry.is_some() || wire.head.is_some() || wire.send.is_some() || wire.end.is_some();
        }
        Some((layer, inserted))
    }

    fn edit(&mut self, edit: &wire::Edit, path: &Path<'_>, inserted: &mut Vec<Payload>) -> Option<Edit> {
        Some(match edit {
            wire::Edit::Insert(insert) => {
                let path = path.key("insert");
                let place = self.bound(insert.before.as_ref(), insert.after.as_ref(), &path, "an insert");
                inserted.extend(self.payload(&insert.as_payload(), &path));
                let (bound, choice) = place?;
                Edit::Insert(bound, choice)
            }
            wire::Edit::Drop(choice) => Edit::Drop(choice.clone()),
            wire::Edit::Repeat(repeat) => {
                let times = repeat.times.unwrap_or(2);
                if !(1..=MOST_TIMES).contains(&times) {
                    let message = format!("an event stands from 1 to {MOST_TIMES} times in a row");
                    self.error(&path.key("repeat").key("times"), message);
                }
                Edit::Repeat(repeat.at.clone(), times)
            }
            wire::Edit::Move(moved) => {
                let place =
                    self.bound(moved.before.as_ref(), moved.after.as_ref(), &path.key("move"), "a move");
                let (bound, to) = place?;
                Edit::Move(moved.at.clone(), bound, to)
            }
            wire::Edit::Join(join) => {
                let by = self.all_bytes(join.by.as_ref(), &path.key("join").key("by"));
                Edit::Join(join.at.clone(), by)
            }
            wire::Edit::Patch(patch) => {
                let set: Vec<_> =
                    patch.set.iter().flatten().map(|(path, value)| (path.clone(), value.clone())).collect();
                let unset: Vec<_> = flat(patch.unset.as_ref()).cloned().collect();
                if set.is_empty() && unset.is_empty() {
                    self.error(&path.key("patch"), "a patch has `set`, `unset` or both");
                }
                Edit::Patch(patch.at.clone().unwrap_or(Choice::All), set, unset)
            }
        })
    }

    fn bound(
        &mut self,
        before: Option<&Choice>,
        after: Option<&Choice>,
        path: &Path<'_>,
        what: &str,
    ) -> Option<(Bound, Choice)> {
        match (before, after) {
            (Some(choice), None) => Some((Bound::Before, choice.clone())),
            (None, Some(choice)) => Some((Bound::After, choice.clone())),
            _ => {
                self.error(path, format!("{what} has exactly one of `before` and `after`"));
                None
            }
        }
    }

    fn write_rule(&mut self, rule: &wire::Write, path: &Path<'_>) -> WriteRule {
        let literal = rule.literal.iter().flatten().map(|(place, bytes)| {
            let pieces = self.bytes(bytes, &path.key("literal").key(place.source()));
            (place.clone(), pieces.unwrap_or_default())
        });
        let literal = literal.collect();
        for (place, size) in rule.pad.iter().flatten() {
            self.made(size.0, &path.key("pad").key(place.source()));
        }
        WriteRule {
            at: rule.at.clone().unwrap_or(Choice::All),
            style: rule.style,
            escape: rule.escape.clone(),
            order: rule.order,
            literal,
            pad: rule.pad.iter().flatten().map(|(place, size)| (place.clone(), size.0)).collect(),
        }
    }

    fn frame_rule(&mut self, rule: &wire::Frame, path: &Path<'_>) -> FrameRule {
        if rule.blank.is_some_and(|count| count > MOST_BLANKS) {
            self.error(&path.key("blank"), format!("up to {MOST_BLANKS} blank lines stand behind an event"));
        }
        FrameRule {
            at: rule.at.clone().unwrap_or(Choice::All),
            lines: rule.lines.as_ref().map(|List(lines)| lines.clone()),
            field: rule.field.clone(),
            colon: rule.colon.clone(),
            eol: rule.eol.as_ref().map(|List(eol)| eol.clone()),
            blank: rule.blank,
            newlines: rule.newlines,
            lead: rule.lead.as_ref().map(|lead| self.all_bytes(Some(lead), &path.key("lead"))),
            tail: rule.tail.as_ref().map(|tail| self.all_bytes(Some(tail), &path.key("tail"))),
        }
    }

    fn encode(&mut self, encode: &wire::Encode, path: &Path<'_>) -> Option<Encode> {
        let mut damage = Vec::new();
        for (at, one) in flat(encode.damage.as_ref()).enumerate() {
            let path = path.key("damage");
            let path = path.index(at);
            let site = self.site(one.site(), &path);
            self.in_body(site.as_ref(), &path, "what is damaged");
            let put = match &one.put {
                Some(put) => self.all_bytes(Some(put), &path.key("put")),
                None => {
                    self.error(&path, "`put` is missing: the bytes that overwrite");
                    continue;
                }
            };
            damage.extend(site.map(|site| (site, put)));
        }
        let flush = encode.flush.unwrap_or(crate::plan::coder::Flush::Event);
        Some(Encode { coding: encode.coding, flush, damage })
    }

    fn carry(&mut self, carry: &wire::Carry, path: &Path<'_>) -> Carry {
        let mut cut = Vec::new();
        for (at, point) in flat(carry.cut.as_ref()).enumerate() {
            let path = path.key("cut");
            let path = path.index(at);
            let site = self.site(point.site(), &path);
            self.in_body(site.as_ref(), &path, "a chunk's bound");
            cut.extend(site);
        }
        let trailers = carry.trailers.as_ref().map(|trailers| {
            let path = path.key("trailers");
            let lines = trailers.iter().map(|(name, List(values))| {
                let path = path.key(name);
                self.header_name(name, &path);
                (name.clone(), self.header_values(values, &path))
            });
            lines.collect()
        });
        let sizes = flat(carry.sizes.as_ref()).map(|size| (size.chunk, size.put.clone())).collect();
        Carry { form: carry.form, lie: carry.lie, join: carry.join.clone(), cut, sizes, trailers }
    }

    fn head(&mut self, head: &wire::Head, path: &Path<'_>) -> Head {
        if head.status.is_some_and(|status| !(100..=999).contains(&status)) {
            self.error(&path.key("status"), "a status has three digits");
        }
        for (key, text) in [("reason", &head.reason), ("version", &head.version)] {
            if text.as_ref().is_some_and(|text| text.contains(['\r', '\n'])) {
                self.error(&path.key(key), "a line break would end the status line; `raw` can have one");
            }
        }
        let beside = [
            ("status", head.status.is_some()),
            ("reason", head.reason.is_some()),
            ("version", head.version.is_some()),
            ("headers", head.headers.is_some()),
        ];
        for (key, _) in beside.into_iter().filter(|(_, is_given)| *is_given && head.raw.is_some()) {
            self.error_at_key(
                &path.key(key),
                format!("`{key}` says nothing beside `raw`, which is the whole head"),
            );
        }
        let headers = head.headers.as_ref().map(|headers| self.headers(headers, &path.key("headers")));
        let interim = head.interim.as_ref().map(|List(interim)| {
            let all = interim.iter().enumerate().map(|(at, one)| {
                let path = path.key("interim");
                let path = path.index(at);
                if !(100..=199).contains(&one.status) {
                    let message = "an answer in front of the answer has a status from 100 to 199";
                    self.error(&path.key("status"), message);
                }
                let headers = one.headers.as_ref();
                let headers = headers.map(|headers| self.headers(headers, &path.key("headers")));
                Interim { status: one.status, headers: headers.unwrap_or_default() }
            });
            all.collect()
        });
        Head {
            status: head.status,
            reason: head.reason.clone(),
            version: head.version.clone(),
            headers: headers.unwrap_or_default(),
            interim,
            raw: head.raw.as_ref().map(|raw| self.all_bytes(Some(raw), &path.key("raw"))),
        }
    }

    fn headers(
        &mut self,
        headers: &indexmap::IndexMap<String, wire::HeaderValues>,
        path: &Path<'_>,
    ) -> Headers {
        let lines = headers.iter().map(|(name, values)| {
            let path = path.key(name);
            self.header_name(name, &path);
            let values = match values {
                wire::HeaderValues::Removed => None,
                wire::HeaderValues::Lines(lines) => Some(self.header_values(lines, &path)),
            };
            (name.clone(), values)
        });
        lines.collect()
    }

    fn header_name(&mut self, name: &str, path: &Path<'_>) {
        if http::HeaderName::try_from(name).is_err() {
            self.error_at_key(path, format!("`{name}` is no name of a header; `raw` can have any"));
        }
    }

    fn header_values(&mut self, values: &[Text], path: &Path<'_>) -> Vec<Text> {
        let values = values.iter().enumerate().filter_map(|(at, value)| {
            let path = path.index(at);
            if matches!(value, Text::Plain(text) if text.contains(['\r', '\n', '\0'])) {
                self.error(&path, "a line break would end the header; `raw` can have one");
            }
            self.text(value, &path)
        });
        values.collect()
    }

    fn send(&mut self, send: &wire::Send, path: &Path<'_>) -> Send {
        let mut cut = Vec::new();
        for (at, one) in flat(send.cut.as_ref()).enumerate() {
            let path = path.key("cut");
            let site = self.site(one.site(), &path.index(at));
            cut.extend(site.map(|site| (site, one.gap.map_or(GAP, |gap| gap.0))));
        }
        if send.rate.is_some_and(|rate| rate.0 == 0) {
            self.error(&path.key("rate"), "at this rate nothing is ever sent; `end` can `hold: forever`");
        }
        let join = send.join.as_ref().map(|List(join)| join.clone());
        Send { cut, join, rate: send.rate.map(|rate| rate.0) }
    }

    fn end(&mut self, end: &wire::End, path: &Path<'_>) -> Option<End> {
        let site = self.site(end.site(), path);
        let put = self.all_bytes(end.put.as_ref(), &path.key("put"));
        let hold = end.hold.unwrap_or(Hold::For(crate::notation::value::Period(Duration::ZERO)));
        let later = [
            ("code", end.code.is_some()),
            ("scope", end.scope.is_some()),
            ("last", end.last.is_some()),
            ("notify", end.notify.is_some()),
        ];
        for (key, _) in later.into_iter().filter(|(_, is_given)| *is_given) {
            let what = if key == "notify" { "TLS" } else { "HTTP/2" };
            self.error_at_key(
                &path.key(key),
                format!("`{key}` belongs to {what}, which this version does not speak"),
            );
        }
        let how = match end.how {
            Some(How::Goaway) => {
                self.error(&path.key("how"), "`goaway` belongs to HTTP/2, which this version does not speak");
                return None;
            }
            Some(how) => how,
            None if hold == Hold::Forever => How::Complete,
            None => {
                self.error(path, "`how` is missing: complete, close, half_close or reset");
                return None;
            }
        };
        let site = site?;
        let is_in_body = match &site.place {
            Place::After(_) => !matches!(site.target(), Target::Wire),
            Place::Before(target) | Place::In(target, _) => !matches!(target, Target::Head | Target::Wire),
        };
        if how == How::Complete && hold != Hold::Forever && !is_in_body {
            self.error(path, "an answer can only be completed in its body or behind it");
        }
        if matches!(&site.place, Place::In(_, Measure::Every(_)))
            || matches!(&site.place, Place::In(_, Measure::Random(count)) if *count != 1)
            || matches!(
                &site.place,
                Place::In(_, Measure::Find(_, nth) | Measure::Line(nth) | Measure::Eol(nth) | Measure::Char(nth))
                    if *nth == crate::plan::place::Nth::All
            )
        {
            self.error(path, "an answer ends at one place");
        }
        Some(End { site, hold, put, how })
    }

    fn site(&mut self, site: Result<Site, &'static str>, path: &Path<'_>) -> Option<Site> {
        site.map_err(|flaw| self.error(path, flaw)).ok()
    }

    fn in_body(&mut self, site: Option<&Site>, path: &Path<'_>, what: &str) {
        if site.is_some_and(|site| matches!(site.target(), Target::Head | Target::Wire)) {
            self.error(path, format!("{what} lies in the body: in `body` or in events"));
        }
    }

    /// Places that a compression blurs.
    fn blurred(&mut self, wire: &wire::Wire, layer: &Layer, path: &Path<'_>) {
        let Some(encode) = &layer.encode else { return };
        if encode.coding.token().is_none() {
            return;
        }
        let mut check = |site: &Result<Site, &'static str>, path: &Path<'_>| {
            let Ok(site) = site else { return };
            let is_read = matches!(
                site.place,
                Place::In(_, Measure::Find(..) | Measure::Line(_) | Measure::Eol(_) | Measure::Char(_))
            );
            match site.target() {
                Target::Body | Target::Events(_) if is_read => self.error(
                    path,
                    "in a compressed body `find`, `line`, `eol` and `char` find nothing; count bytes",
                ),
                Target::Events(_) if !encode.keeps_bounds() => {
                    self.error(path, "with this `flush` events have no bounds; the place can be `in: body`");
                }
                _ => {}
            }
        };
        let damage = wire.encode.as_ref().and_then(|encode| encode.damage.as_ref());
        for (at, damage) in flat(damage).enumerate() {
            check(&damage.site(), &path.key("encode").key("damage").index(at));
        }
        let carry = wire.carry.as_ref();
        for (at, point) in flat(carry.and_then(|carry| carry.cut.as_ref())).enumerate() {
            check(&point.site(), &path.key("carry").key("cut").index(at));
        }
        for (at, cut) in flat(wire.send.as_ref().and_then(|send| send.cut.as_ref())).enumerate() {
            check(&cut.site(), &path.key("send").key("cut").index(at));
        }
        if let Some(end) = &wire.end {
            check(&end.site(), &path.key("end"));
        }
        if !encode.keeps_bounds() && layer.carry.join.is_some() {
            let message = "with this `flush` events have no bounds that could be joined";
            self.error_at_key(&path.key("carry").key("join"), message);
        }
    }

    fn all_bytes(&mut self, bytes: Option<&Bytes>, path: &Path<'_>) -> Vec<Piece> {
        bytes.and_then(|bytes| self.bytes(bytes, path)).unwrap_or_default()
    }
}

fn flat<T>(list: Option<&List<T>>) -> impl Iterator<Item = &T> {
    list.into_iter().flat_map(|List(items)| items)
}

impl wire::Insert {
    /// What is inserted.
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
