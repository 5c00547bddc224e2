//! The scenarios that are served: listed, added, replaced, removed.

use std::sync::Arc;

use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::{super::body::PlanBody, Answered, Call, Control, Refused, respond, state::Set};
use crate::{
    document::error::{Problems, Source},
    scenario::{self, Input, stub::Scenario},
};

impl Control {
    pub(super) fn list_scenarios(&self) -> Response<PlanBody> {
        let set = self.set();
        let given = set.given.iter().map(|scenario| shown(scenario, "start"));
        let added = set.added.iter().map(|scenario| shown(scenario, "api"));
        let all: Vec<_> = given.chain(added).collect();
        respond(StatusCode::OK, &json!({"scenarios": all}))
    }

    pub(super) fn show_scenario(&self, name: &str) -> Answered {
        let set = self.set();
        let is_it = |scenario: &&Scenario| scenario.name == name;
        let given = set.given.iter().find(is_it).map(|scenario| shown(scenario, "start"));
        let found = given.or_else(|| set.added.iter().find(is_it).map(|scenario| shown(scenario, "api")));
        found.map(|found| respond(StatusCode::OK, &found)).ok_or_else(|| nothing(name, &set))
    }

    /// Adds the scenarios of a text behind all others.
    pub(super) fn add_scenarios(&self, call: &Call<'_>) -> Answered {
        let (new, warnings) = self.read(call, None)?;
        let mut set = self.set();
        if let Some(taken) = new.iter().find(|new| set.all().any(|known| known.name == new.name)) {
            let message =
                format!("there is a scenario {:?} already: replace it by PUT, or give it a name", taken.name);
            return Err(Refused::new(StatusCode::CONFLICT, message));
        }
        let names: Vec<_> = new.iter().map(|scenario| scenario.name.clone()).collect();
        let added = set.added.iter().cloned().chain(new).collect();
        let next = Set { given: set.given.clone(), added };
        self.take(&mut set, next)?;
        Ok(respond(StatusCode::CREATED, &json!({"added": names, "warnings": warnings})))
    }

    /// Puts a scenario in the place of one, or behind all others where there is none.
    pub(super) fn replace_scenario(&self, call: &Call<'_>, name: &str) -> Answered {
        let (new, warnings) = self.read(call, Some(name))?;
        let [new] = new.as_slice() else {
            return Err(Refused::bad("one scenario is replaced by one: this text has several"));
        };
        let mut new = new.clone();
        if new.name == scenario::name_of_file(name) {
            // The text may have no name of its own.
            name.clone_into(&mut new.name);
        }
        if new.name != name {
            return Err(Refused::bad(format!(
                "the text calls its scenario {:?}, the path {name:?}",
                new.name
            )));
        }
        let mut set = self.set();
        let mut next = Set { given: set.given.clone(), added: set.added.clone() };
        let place = next.given.iter_mut().chain(&mut next.added).find(|known| known.name == name);
        let is_new = place.is_none();
        match place {
            Some(place) => *place = new.clone(),
            None => next.added.push(new.clone()),
        }
        self.take(&mut set, next)?;
        let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
        Ok(respond(status, &json!({"replaced": !is_new, "name": name, "warnings": warnings})))
    }

    pub(super) fn remove_scenario(&self, name: &str) -> Answered {
        let mut set = self.set();
        if !set.all().any(|known| known.name == name) {
            return Err(nothing(name, &set));
        }
        let others = |all: &[Scenario]| all.iter().filter(|known| known.name != name).cloned().collect();
        let next = Set { given: others(&set.given), added: others(&set.added) };
        self.take(&mut set, next)?;
        Ok(respond(StatusCode::OK, &json!({"removed": name})))
    }

    fn take(&self, set: &mut Set, next: Set) -> Result<(), Refused> {
        self.serve(set, next).map_err(|problem| Refused::bad(problem.to_string()))
    }

    /// Reads a text. `name` is what it is called where it does not say so itself.
    fn read(&self, call: &Call<'_>, name: Option<&str>) -> Result<(Vec<Scenario>, Vec<String>), Refused> {
        let text =
            std::str::from_utf8(&call.request.body).map_err(|_| Refused::bad("the body is no UTF-8 text"))?;
        let name = name.or(call.request.query("name")).unwrap_or("scenario");
        if name.is_empty() {
            return Err(Refused::bad("`name` is empty"));
        }
        let source = Arc::new(Source { name: name.to_owned(), text: text.to_owned() });
        let files = Box::new(|_: &str| Err("a scenario that is no file has no folder".to_owned()));
        let mut input = Input::new(source, files);
        input.matching = call.exchange.matching().clone();
        let (scenarios, problems) = scenario::read(&[input]);
        if problems.are_fatal() {
            return Err(Refused::bad(problems.to_string()));
        }
        let warnings = problems.0.into_iter().map(|problem| Problems(vec![problem]).to_string());
        Ok((scenarios, warnings.collect()))
    }
}

fn nothing(name: &str, set: &Set) -> Refused {
    let names = set.all().map(|known| known.name.as_str());
    let meant = crate::document::error::did_you_mean(name, names);
    let meant = meant.map(|meant| format!(", did you mean {meant:?}?")).unwrap_or_default();
    Refused::unknown(format!("there is no scenario {name:?}{meant}"))
}

fn shown(scenario: &Scenario, from: &str) -> Value {
    let stubs: Vec<_> =
        scenario.stubs.iter().map(|stub| json!({"name": stub.name, "place": stub.place})).collect();
    json!({"name": scenario.name, "from": from, "seed": scenario.seed, "stubs": stubs})
}
