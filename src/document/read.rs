//! From a tree to a type, telling all that is wrong at once.

use std::{collections::HashMap, sync::Arc};

use serde::de::DeserializeOwned;

use super::{
    error::{Place, Problem, Source, did_you_mean},
    tree::{Fault, Kind, Node},
};

/// Faults that are told of one piece at the most.
const MOST_FAULTS: usize = 20;

/// Times that one piece is read at the most, what follows from faults included.
const MOST_READINGS: usize = 3 * MOST_FAULTS;

/// Reads one piece. Where something is wrong in it, that is taken out and the
/// rest read again, so that all faults are told.
pub fn read<T: DeserializeOwned>(
    source: &Arc<Source>,
    node: &Node,
    problems: &mut Vec<Problem>,
) -> Option<T> {
    match T::deserialize(node) {
        Ok(value) => Some(value),
        Err(first) => {
            let mut rest = node.clone();
            // The clone has addresses of its own.
            let mut fault = T::deserialize(&rest).err();
            drop(first);
            let (mut holes, mut told) = (Holes::new(), 0);
            for _ in 0..MOST_READINGS {
                let Some(found) = fault.take() else { break };
                let place = found.place.unwrap_or(node.place);
                if !follows(&found, place, &holes) {
                    let mut problem = Problem::error(source, place, &found.message);
                    problem.hint.clone_from(&found.hint);
                    told += 1;
                    if told == MOST_FAULTS {
                        problem.message.push_str("; this is fault 20 here, and the last that is told");
                    }
                    problems.push(problem);
                }
                let Some(address) = found.node else { break };
                if told == MOST_FAULTS || !rest.prune(address, &mut holes) {
                    break;
                }
                fault = T::deserialize(&rest).err();
            }
            None
        }
    }
}

/// Where something was taken out, and by which keys.
type Holes = HashMap<Place, Vec<String>>;

/// Whether a fault is there only because something was taken out: what is empty
/// now, and what is missing now.
fn follows(fault: &Fault, place: Place, holes: &Holes) -> bool {
    let Some(keys) = holes.get(&place) else { return false };
    fault.missing.is_none_or(|missing| keys.iter().any(|key| did_you_mean(key, [missing]).is_some()))
}

impl Node {
    /// Takes a node and all in it out, the key with its value; `false` if there
    /// is no such node.
    fn prune(&mut self, address: usize, holes: &mut Holes) -> bool {
        match &mut self.kind {
            Kind::List(items) => match items.iter().position(|item| item.address() == address) {
                Some(at) => {
                    items.remove(at);
                    holes.entry(self.place).or_default();
                    true
                }
                None => items.iter_mut().any(|item| item.prune(address, holes)),
            },
            Kind::Map(entries) => {
                let is_it = |(key, value): &(Self, Self)| [key, value].iter().any(|n| n.address() == address);
                match entries.iter().position(is_it) {
                    Some(at) => {
                        let (key, _) = entries.remove(at);
                        let name = if let Kind::Text(name) = key.kind { name } else { String::new() };
                        holes.entry(self.place).or_default().push(name);
                        true
                    }
                    None => entries.iter_mut().any(|(_, value)| value.prune(address, holes)),
                }
            }
            _ => false,
        }
    }
}
