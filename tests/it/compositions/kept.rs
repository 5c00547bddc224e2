//! What is not named keeps its bytes.

use proptest::{collection::vec, prelude::*};

use super::{
    asked::{Way, events, plan},
    grammar::{arounds, manners},
};
use crate::cases;

const REPLY: &str = "text: [Hel, 'lo ü', '😀!', {echo: prompt}, a, b]";

fn with(wire: &str) -> String {
    format!("scenario: 1\nstubs: {{then: {{{REPLY}, wire: {{{wire}}}}}}}")
}

/// Streams, of which each has at least six events.
fn streams() -> impl Strategy<Value = Way> {
    prop_oneof![Just(0), Just(1), Just(3), Just(4)].prop_map(|number| Way::new(number, false))
}

/// Streams whose events have nothing that depends on their neighbours.
fn sse() -> impl Strategy<Value = Way> {
    prop_oneof![Just(0), Just(1), Just(3)].prop_map(|number| Way::new(number, false))
}

/// Numbers of some events.
fn some() -> impl Strategy<Value = Vec<usize>> {
    proptest::sample::subsequence((1..=6_usize).collect::<Vec<_>>(), 1..5)
}

proptest! {
    #![proptest_config(cases(80))]

    #[test]
    fn events_that_no_rule_chooses_keep_their_bytes(
        way in streams(),
        rules in vec((some(), prop_oneof![
            manners().prop_map(|rule| ("write", rule)),
            arounds().prop_map(|rule| ("frame", rule)),
        ]), 1..4),
    ) {
        let of = |stage| {
            let rules = rules.iter().filter(|(_, (own, _))| *own == stage);
            let rules: Vec<_> = rules.map(|(at, (_, rule))| format!("{{at: {at:?}, {rule}}}")).collect();
            if rules.is_empty() { String::new() } else { format!("{stage}: [{}], ", rules.join(", ")) }
        };
        let yaml = with(&(of("write") + &of("frame")));
        let (plain, changed) = (events(&plan(&with(""), way)), events(&plan(&yaml, way)));
        prop_assert_eq!(plain.len(), changed.len());
        for (number, (plain, changed)) in (1..).zip(plain.iter().zip(&changed)) {
            if !rules.iter().any(|(at, _)| at.contains(&number)) {
                prop_assert_eq!(plain, changed, "{} of {}", number, yaml);
            }
        }
    }

    #[test]
    fn a_patch_changes_only_the_events_that_it_chooses(way in streams(), at in some()) {
        let yaml = with(&format!("edit: {{patch: {{at: {at:?}, set: {{$.a: 'ü'}}}}}}"));
        let (plain, changed) = (events(&plan(&with(""), way)), events(&plan(&yaml, way)));
        for (number, (plain, changed)) in (1..).zip(plain.iter().zip(&changed)) {
            prop_assert_eq!(at.contains(&number), plain != changed, "{} of {}", number, yaml);
        }
    }

    #[test]
    fn dropped_and_repeated_events_leave_the_others_as_they_are(way in sse(), at in some(), times in 1..5_usize) {
        let plain = events(&plan(&with(""), way));
        let dropped = events(&plan(&with(&format!("edit: {{drop: {at:?}}}")), way));
        let chosen = |number: usize| at.contains(&(number + 1));
        let kept: Vec<_> = (0..plain.len()).filter(|number| !chosen(*number)).map(|number| plain[number].clone()).collect();
        prop_assert_eq!(dropped, kept);
        let repeated = events(&plan(&with(&format!("edit: {{repeat: {{at: {at:?}, times: {times}}}}}")), way));
        let expected = (0..plain.len()).flat_map(|number| vec![plain[number].clone(); if chosen(number) { times } else { 1 }]);
        prop_assert_eq!(repeated, expected.collect::<Vec<_>>());
    }

    #[test]
    fn moved_events_keep_their_bytes_and_their_order(
        way in sse(),
        at in some(),
        to in any::<prop::sample::Index>(),
        is_before: bool,
    ) {
        let others: Vec<_> = (1..=6).filter(|number| !at.contains(number)).collect();
        let to = *to.get(&others);
        let plain = events(&plan(&with(""), way));
        let side = if is_before { "before" } else { "after" };
        let moved = events(&plan(&with(&format!("edit: {{move: {{at: {at:?}, {side}: {to}}}}}")), way));
        let mut expected = Vec::new();
        let taken: Vec<_> = at.iter().map(|number| plain[number - 1].clone()).collect();
        for (number, event) in (1..).zip(&plain) {
            if number == to && is_before {
                expected.extend(taken.clone());
            }
            if !at.contains(&number) {
                expected.push(event.clone());
            }
            if number == to && !is_before {
                expected.extend(taken.clone());
            }
        }
        prop_assert_eq!(moved, expected);
    }

    #[test]
    fn what_is_inserted_stands_between_events_that_keep_their_bytes(way in sse(), at in some(), is_before: bool) {
        let plain = events(&plan(&with(""), way));
        let side = if is_before { "before" } else { "after" };
        let changed = events(&plan(&with(&format!("edit: {{insert: {{{side}: {at:?}, raw: X}}}}")), way));
        let mut expected = Vec::new();
        for (number, event) in (1..).zip(plain) {
            let is_chosen = at.contains(&number);
            expected.extend((is_chosen && is_before).then(|| b"X".to_vec()));
            expected.push(event);
            expected.extend((is_chosen && !is_before).then(|| b"X".to_vec()));
        }
        prop_assert_eq!(changed, expected);
    }
}
