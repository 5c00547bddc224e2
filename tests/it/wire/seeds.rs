//! Luck is drawn from the seed: the same seed gives the same bytes, another
//! other ones, whatever came before.

use mynah::{Ids, Server};

use super::{
    asked::{ALL, Cases, STREAMS, Shape, TEXT, ask, serve_scenario, with},
    seen::{Watch, ends},
};

use Shape::{Chat, Sse};

/// Every key that luck has a part in.
const LUCKY: &[&str] = &[
    "edit: {insert: {before: 1, raw: {random: 40}}}",
    "edit: {join: {at: 1..2, by: [x, {random: 16}]}}",
    "write: {at: 1, literal: {$: [{random: 20}, {hex: 00}]}}",
    "frame: {at: 1, lead: {random: 9}, tail: {random: 9}}",
    "encode: {as: identity, damage: {in: body, byte: 9, put: {random: 30}}}",
    "encode: {as: identity, damage: {in: body, random: 5, put: '?'}}",
    "carry: {as: chunked, cut: {in: body, random: 9}}",
    "carry: {as: chunked, cut: {in: 1, random: 2}}",
    "head: {raw: [\"HTTP/1.1 200 OK\\r\\nx: \", {random: 8}, \"\\r\\n\\r\\n\"]}",
    "end: {in: body, random: 1, how: reset}",
    "end: {after: 1, put: {random: 33}, how: close}",
];

fn scenario(wire: &str) -> String {
    format!("scenario: 1\nname: test\nstubs: {{name: one, then: {{{TEXT}, wire: {{{wire}}}}}}}\n")
}

#[tokio::test]
async fn the_same_seed_gives_the_same_bytes_and_a_scenarios_own_goes_first() {
    let thens: Vec<_> = LUCKY.iter().map(|wire| format!("{TEXT}, wire: {{{wire}}}")).collect();
    let one = Cases::serve_with("", 7, &thens).await;
    let other = Cases::serve_with("", 7, &thens).await;
    let own = Cases::serve_with("seed: 7\n", 1, &thens).await;
    for shape in STREAMS {
        let first = one.ask_all(shape, thens.len());
        for (again, what) in [(&one, "again"), (&other, "elsewhere"), (&own, "as its own")] {
            for ((wire, first), seen) in LUCKY.iter().zip(&first).zip(again.ask_all(shape, thens.len())) {
                assert_eq!(seen.bytes(), first.bytes(), "{shape:?} {wire} {what}");
            }
        }
    }
}

/// What is random alone: ids follow the seed too.
async fn random_bytes(stub: &str, key: &str, seed: u64) -> Vec<u8> {
    let yaml = format!(
        "scenario: 1\nname: test\nstubs: {{name: {stub}, then: {{events: [{{text: a}}, {{text: b}}], wire: {{{key}}}}}}}\n"
    );
    ask(&serve_scenario(&yaml, seed).await, Chat).body()
}

#[tokio::test]
async fn luck_follows_the_seed_the_stub_and_the_key() {
    let insert = "edit: {insert: {before: 1, raw: {random: 64}}}";
    let first = random_bytes("one", insert, 7).await;
    assert_ne!(first, random_bytes("one", insert, 8).await);
    assert_ne!(first, random_bytes("two", insert, 7).await);
    // Two keys in one answer have each their own.
    let both = random_bytes(
        "one",
        "edit: [{insert: {before: 1, raw: {random: 64}}}, {insert: {before: 1, raw: {random: 64}}}]",
        7,
    )
    .await;
    assert_ne!(both[..64], both[64..128]);
    let around = random_bytes("one", "frame: {at: 1, lead: {random: 32}, tail: {random: 32}}", 7).await;
    let behind = 32 + "data: a\n\n".len();
    assert_ne!(around[..32], around[behind..behind + 32]);
}

#[tokio::test]
async fn the_same_request_has_other_luck_when_it_comes_again_whatever_came_between() {
    let clock = "2026-01-01T00:00:00Z".parse().unwrap();
    let yaml = scenario("edit: {insert: {before: 1, raw: {random: 64}}}");
    let mut orders = Vec::new();
    for order in [[Chat, Sse, Chat, Sse], [Sse, Sse, Chat, Chat], [Chat, Chat, Sse, Sse]] {
        let server =
            Server::builder().clock(clock).ids(Ids::Counted).scenario_text("t", &yaml).start().await.unwrap();
        let mut found: Vec<_> =
            order.iter().map(|shape| ask(&server, *shape).body()[..64].to_vec()).collect();
        found.sort();
        let count = found.len();
        found.dedup();
        assert_eq!(found.len(), count, "each answer has luck of its own");
        orders.push(found);
    }
    assert!(orders.iter().all(|found| *found == orders[0]));
}

#[tokio::test]
async fn as_many_places_are_drawn_as_are_wanted_or_are_there() {
    for shape in STREAMS {
        for count in [0, 1, 2, 7, 40] {
            let wire = format!("carry: {{join: all, cut: {{in: body, random: {count}}}}}");
            let (plain, seen) = with(shape, TEXT, &wire).await;
            let message = seen.message();
            // The body's end is a bound besides.
            assert_eq!(message.chunks.len(), count + 1, "{shape:?} {count}");
            assert_eq!(message.body(), plain.body(), "{shape:?}");
        }
        let (plain, seen) = with(shape, TEXT, "carry: {join: all, cut: {in: 1, random: 99999}}").await;
        let first = ends(&plain.events(shape))[0];
        let expected: Vec<_> = (1..first).chain([plain.body().len()]).collect();
        assert_eq!(seen.message().chunk_ends(), expected, "{shape:?}");
        let (plain, seen) = with(shape, TEXT, "carry: {cut: {in: all, random: 2}}").await;
        let events = ends(&plain.events(shape));
        assert_eq!(seen.message().chunks.len(), 3 * events.len(), "{shape:?}");
        let inner: Vec<_> =
            seen.message().chunk_ends().into_iter().filter(|end| !events.contains(end)).collect();
        for (at, end) in events.iter().enumerate() {
            let start = if at == 0 { 0 } else { events[at - 1] };
            assert_eq!(
                inner.iter().filter(|place| (start + 1..*end).contains(place)).count(),
                2,
                "{shape:?}"
            );
        }
    }
}

#[tokio::test]
async fn drawn_places_lie_anywhere() {
    // Over many seeds each of a few places is drawn.
    let mut found = std::collections::BTreeSet::new();
    for seed in 0..40 {
        let yaml = "scenario: 1\nname: test\nstubs: {then: {events: [{raw: 0123456}], wire: {carry: {cut: {in: 1, random: 1}}}}}\n";
        let server = serve_scenario(yaml, seed).await;
        found.insert(ask(&server, Chat).message().chunk_ends()[0]);
    }
    assert_eq!(found.into_iter().collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn two_connections_at_once_have_the_same_luck_as_one_after_the_other() {
    let thens: Vec<_> = LUCKY.iter().map(|wire| format!("{TEXT}, wire: {{{wire}}}")).collect();
    let at_once = Cases::serve(&thens).await.ask_all(Chat, thens.len());
    let alone = Cases::serve(&thens).await;
    for (case, seen) in at_once.iter().enumerate().rev() {
        assert_eq!(alone.ask(Chat, case).bytes(), seen.bytes(), "{}", LUCKY[case]);
    }
}

#[tokio::test]
async fn what_has_no_luck_is_the_same_for_every_seed() {
    let yaml = "scenario: 1\nname: test\nstubs: {then: {raw: {status: 200, body: x}, wire: {frame: {lead: [a, {hex: 00}]}}}}\n";
    for shape in ALL {
        let mut bytes = Vec::new();
        for seed in [1, 2] {
            let server = serve_scenario(yaml, seed).await;
            let mut watch = Watch::connect(server.base_url());
            watch.send(&shape.request());
            bytes.push(watch.read_to_end().bytes());
        }
        assert_eq!(bytes[0], bytes[1], "{shape:?}");
    }
}
