//! What a plan says is what a client gets.

use std::{
    cell::Cell,
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::Duration,
};

use mynah::{Builder, Server, plan::WirePlan};
use proptest::{prelude::*, test_runner::TestRunner};

use super::{
    asked::{Way, builder, explain},
    grammar::scenarios,
    told::{Left, Told, bytes, concat, in_no_order, time, told},
};
use crate::cases;

/// Long enough that only a server that hangs meets it.
const PATIENCE: Duration = Duration::from_secs(2);

/// What asks whether a connection is still served.
const STILL_THERE: &str = "GET /__mynah/health HTTP/1.1\r\nhost: a\r\n\r\n";

fn ways() -> impl Strategy<Value = Way> {
    (0..6_usize, proptest::bool::weighted(0.15)).prop_map(|(number, is_http10)| Way::new(number, is_http10))
}

/// All that comes, and how the connection is left behind it.
fn play(server: &Server, way: Way, expected: &Told) -> (Vec<u8>, Left) {
    let mut socket = TcpStream::connect(server.base_url().trim_start_matches("http://")).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.write_all(way.bytes().as_bytes()).unwrap();
    let (mut all, mut piece, mut is_asked) = (Vec::new(), vec![0; 64 * 1024], false);
    loop {
        if !is_asked && expected.left == Left::Open && all.len() >= expected.bytes.len() {
            is_asked = true;
            drop(socket.write_all(STILL_THERE.as_bytes()));
        }
        match socket.read(&mut piece) {
            Ok(0) => return (all, Left::Ended),
            Ok(length) => all.extend_from_slice(&piece[..length]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return (all, Left::Reset),
            Err(error) => panic!("{error} behind {:?}", all.escape_ascii().to_string()),
        }
        let answer: &[u8] = b"HTTP/1.1 200 OK\r\n";
        if is_asked && all.get(expected.bytes.len()..).is_some_and(|rest| rest.starts_with(answer)) {
            all.truncate(expected.bytes.len());
            return (all, Left::Open);
        }
    }
}

/// Most answers are not cut anew.
fn rechunks() -> impl Strategy<Value = Option<u64>> {
    proptest::option::weighted(0.2, any::<u64>())
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn every_composition_plays_to_the_end_that_its_plan_tells() {
    let runtime = runtime();
    let (played, all) = (Cell::new(0_u32), Cell::new(0_u32));
    let mut runner = TestRunner::new(cases(250));
    let result = runner.run(&(scenarios(), ways(), rechunks()), |(yaml, way, rechunk)| {
        let builder = |yaml: &str| rechunk.into_iter().fold(builder(yaml), Builder::rechunk);
        all.set(all.get() + 1);
        let Some(explanation) = explain(builder(&yaml), way) else { return Ok(()) };
        let expected = told(&explanation.plan.json());
        // HTTP's library has ways of its own with a client that knows no chunks.
        if way.is_http10 && !expected.has_script {
            return Ok(());
        }
        let server = runtime.block_on(builder(&yaml).start()).unwrap();
        let (mut bytes, left) = play(&server, way, &expected);
        if !expected.has_script {
            let head = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 2;
            bytes.splice(..head, in_no_order(&bytes[..head]));
        }
        prop_assert_eq!(
            bytes.escape_ascii().to_string(),
            expected.bytes.escape_ascii().to_string(),
            "{}\n{}",
            yaml,
            explanation.plan
        );
        prop_assert_eq!(left, expected.left, "{}\n{}", yaml, explanation.plan);
        played.set(played.get() + 1);
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(played.get() * 4 > all.get(), "only {} of {} were sound", played.get(), all.get());
}

/// What must hold for every plan.
fn sound(plan: &WirePlan) -> Result<(), TestCaseError> {
    prop_assert!(plan.ends.is_sorted() && plan.times.is_sorted());
    prop_assert_eq!(plan.ends.last().copied().unwrap_or(0), plan.body.len());
    prop_assert!(plan.times.is_empty() || plan.times.len() == plan.ends.len());
    prop_assert!(plan.times.first().is_none_or(|first| *first >= plan.head_at));
    prop_assert!(plan.times.last().is_none_or(|last| *last <= plan.end_at));
    let mut last = 0;
    for span in &plan.spans {
        prop_assert!(last <= span.start && span.start <= span.end, "{:?}", plan.spans);
        last = span.end;
    }
    prop_assert!(last <= plan.body.len());
    let Some(script) = &plan.script else { return Ok(()) };
    let ends: Vec<_> = script.writes.iter().map(|write| write.end).collect();
    prop_assert!(ends.is_sorted_by(|one, next| one < next), "{ends:?}");
    prop_assert!(script.writes.iter().map(|write| write.at).is_sorted());
    prop_assert_eq!(ends.last().copied().unwrap_or(0), script.ending.place);
    prop_assert!(script.ending.place <= script.bytes.len());
    prop_assert!(ends.first() != Some(&0));
    Ok(())
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn writes_and_places_lie_inside_and_in_their_order(yaml in scenarios(), way in ways()) {
        for scale in [1.0, 0.0] {
            if let Some(explanation) = explain(builder(&yaml).time_scale(scale), way) {
                sound(&explanation.plan)?;
                drop(explanation.plan.to_string());
            }
        }
    }

    #[test]
    fn the_same_request_with_the_same_seed_has_the_same_plan(yaml in scenarios(), way in ways()) {
        let json = |seed| explain(builder(&yaml).time_scale(1.0).seed(seed), way).map(|it| it.plan.json());
        prop_assert_eq!(json(3), json(3));
    }

    #[test]
    fn a_plan_is_told_without_loss(yaml in scenarios(), way in ways()) {
        let Some(explanation) = explain(builder(&yaml).time_scale(1.0), way) else { return Ok(()) };
        let plan = explanation.plan;
        let json: serde_json::Value = serde_json::from_str(&plan.json().to_string()).unwrap();
        prop_assert_eq!(concat(&json["pieces"]), plan.body.to_vec());
        prop_assert_eq!(&json["payload"], &plan.payload().to_string());
        prop_assert_eq!(time(&json["head_at"]), plan.head_at);
        prop_assert_eq!(time(&json["end_at"]), plan.end_at.max(plan.head_at));
        for (piece, (at, _)) in json["pieces"].as_array().unwrap().iter().zip(plan.pieces()) {
            prop_assert_eq!(time(&piece["at"]), at);
        }
        let headers: Vec<_> = plan.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes().to_vec())).collect();
        let told = json["headers"].as_array().unwrap().iter();
        prop_assert_eq!(told.map(|one| (one[0].as_str().unwrap(), bytes(&one[1]))).collect::<Vec<_>>(), headers);
        let Some(script) = plan.script else { return Ok(()) };
        let socket = &json["socket"];
        let writes = socket["writes"].as_array().unwrap();
        prop_assert_eq!(writes.len(), script.writes.len());
        for (told, write) in writes.iter().zip(&script.writes) {
            prop_assert_eq!(time(&told["at"]), write.at);
            prop_assert_eq!((!told["gap"].is_null()).then(|| time(&told["gap"])), write.gap);
        }
        prop_assert_eq!(concat(&socket["writes"]), script.bytes[..script.ending.place].to_vec());
        prop_assert_eq!(bytes(&socket["end"]["put"]), script.ending.put.to_vec());
    }
}
