//! OpenAI's responses, from outside: created, streamed, stored, gone on with.

use mynah::Server;
use serde_json::{Value, json};

use crate::{
    raw::{Answer, Raw},
    served::stubs,
};

async fn plain() -> (Server, Raw) {
    let server = Server::builder().clock("2026-01-01T00:00:00Z".parse().unwrap()).start().await.unwrap();
    let client = Raw::connect(server.base_url());
    (server, client)
}

fn create(client: &mut Raw, body: &Value) -> Answer {
    let mut full = json!({"model": "gpt-5"});
    full.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    client.ask("POST /v1/responses", &[], &full.to_string())
}

fn get(client: &mut Raw, path: &str) -> Answer {
    client.ask(&format!("GET /v1/responses/{path}"), &[], "")
}

/// The JSON of each event, which its `event:` line names.
fn events(answer: &Answer) -> Vec<Value> {
    let body = answer.body();
    body.split_terminator("\n\n")
        .map(|block| {
            let (event, data) = block.split_once('\n').unwrap();
            let json: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
            assert_eq!(event.strip_prefix("event: ").unwrap(), json["type"]);
            json
        })
        .collect()
}

fn types(events: &[Value]) -> Vec<String> {
    let mut types: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect();
    types.dedup();
    types
}

fn text(response: &Value) -> &str {
    let items = response["output"].as_array().unwrap();
    let message = items.iter().find(|item| item["type"] == "message").unwrap();
    message["content"][0]["text"].as_str().unwrap()
}

#[tokio::test]
async fn a_stream_is_numbered_from_0_named_line_by_line_and_has_no_sentinel() {
    let (_server, mut client) = plain().await;
    let answer = create(&mut client, &json!({"input": "Hello there", "stream": true}));
    assert_eq!(answer.header("content-type"), Some("text/event-stream; charset=utf-8"));
    assert!(answer.header("x-ratelimit-limit-requests").is_none());
    let events = events(&answer);
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], number, "{event}");
    }
    assert_eq!(
        types(&events),
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    let deltas: String = events.iter().filter_map(|event| event["delta"].as_str()).collect();
    let last = &events.last().unwrap()["response"];
    assert_eq!((deltas.as_str(), text(last)), ("You said: Hello there", "You said: Hello there"));
    let first = &events[0]["response"];
    assert_eq!(
        (&first["status"], &first["output"], &first["usage"]),
        (&json!("in_progress"), &json!([]), &Value::Null)
    );
    assert_eq!(first["id"], last["id"]);
    let ids: Vec<_> = events.iter().filter_map(|event| event["item_id"].as_str()).collect();
    assert!(ids.iter().all(|id| *id == last["output"][0]["id"]));
}

#[tokio::test]
async fn reasoning_calls_and_refusals_have_events_of_their_own() {
    let server = stubs(
        "- then:\n    parts:\n      - {thought: [Let me, \" see\"]}\n      - {call: {name: f, id: call_1, fragments: ['{\"a\"', ': 1}']}}\n      - {refusal: [No, \" way\"]}\n",
    )
    .await;
    let mut client = Raw::connect(server.base_url());
    let tools = json!([{"type": "function", "name": "f", "parameters": {}}]);
    let events = events(&create(
        &mut client,
        &json!({"input": "x", "stream": true, "tools": tools, "stream_options": {"include_obfuscation": false}}),
    ));
    assert_eq!(
        types(&events),
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.reasoning_summary_part.added",
            "response.reasoning_summary_text.delta",
            "response.reasoning_summary_text.done",
            "response.reasoning_summary_part.done",
            "response.output_item.done",
            "response.output_item.added",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "response.output_item.done",
            "response.output_item.added",
            "response.content_part.added",
            "response.refusal.delta",
            "response.refusal.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    let output = &events.last().unwrap()["response"]["output"];
    assert_eq!(output[0]["summary"], json!([{"type": "summary_text", "text": "Let me see"}]));
    assert_eq!(
        (&output[1]["call_id"], &output[1]["arguments"], &output[1]["name"]),
        (&json!("call_1"), &json!("{\"a\": 1}"), &json!("f"))
    );
    assert_eq!(output[2]["content"], json!([{"type": "refusal", "refusal": "No way"}]));
    assert!(events.iter().all(|event| event["obfuscation"].is_null()));
    let plain = create(&mut client, &json!({"input": "x", "tools": tools})).json();
    let kinds: Vec<_> = plain["output"].as_array().unwrap().iter().map(|item| item["type"].clone()).collect();
    assert_eq!(kinds, ["reasoning", "function_call", "message"]);
}

#[tokio::test]
async fn why_it_ended_is_told_by_status_and_details() {
    let server = stubs(
        "- when: {prompt: length}\n  then: {text: a b, finish: length}\n\
         - when: {prompt: filter}\n  then: {text: a b, finish: filter}\n\
         - when: {prompt: failed}\n  then: {text: a b, finish: {exact: failed}}\n\
         - when: {prompt: block}\n  then: {block: SAFETY}\n",
    )
    .await;
    let mut client = Raw::connect(server.base_url());
    for (prompt, status, reason, last) in [
        ("length", "incomplete", json!("max_output_tokens"), "response.incomplete"),
        ("filter", "incomplete", json!("content_filter"), "response.incomplete"),
        ("failed", "failed", Value::Null, "response.failed"),
        ("block", "completed", Value::Null, "response.completed"),
    ] {
        let response = create(&mut client, &json!({"input": prompt})).json();
        assert_eq!(
            (&response["status"], &response["incomplete_details"]["reason"]),
            (&json!(status), &reason)
        );
        assert_eq!(response["error"].is_null(), prompt != "failed");
        let events = events(&create(&mut client, &json!({"input": prompt, "stream": true})));
        assert_eq!(events.last().unwrap()["type"], last);
    }
}

#[tokio::test]
async fn what_was_asked_stands_in_the_answer_with_what_openai_adds() {
    let (_server, mut client) = plain().await;
    let asked = json!({
        "input": "x", "instructions": "Be brief.", "temperature": 0.5, "max_output_tokens": 99,
        "metadata": {"a": "b"}, "service_tier": "flex", "reasoning": {"effort": "high"},
        "tools": [{"type": "function", "name": "f", "parameters": {}}, {"type": "web_search"}],
        "text": {"verbosity": "low"}, "truncation": "auto", "user": "me", "store": false,
    });
    let response = create(&mut client, &asked).json();
    for name in [
        "instructions",
        "temperature",
        "max_output_tokens",
        "metadata",
        "service_tier",
        "truncation",
        "user",
        "store",
    ] {
        assert_eq!(response[name], asked[name], "{name}");
    }
    assert_eq!(response["reasoning"], json!({"effort": "high", "summary": null}));
    assert_eq!(response["text"], json!({"format": {"type": "text"}, "verbosity": "low"}));
    assert_eq!(response["tools"][0]["strict"], true);
    assert_eq!(response["tools"][1], json!({"type": "web_search"}));
    assert_eq!(response["output"][0]["type"], "reasoning");
    let id = response["id"].as_str().unwrap();
    assert_eq!(get(&mut client, id).status(), 404, "what is not to be stored is not");
}

#[tokio::test]
async fn a_stored_response_is_shown_listed_and_forgotten() {
    let (_server, mut client) = plain().await;
    let input = json!([
        {"role": "user", "content": "one"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "two"}]},
        {"role": "user", "content": [{"type": "input_text", "text": "three"}]},
    ]);
    let response = create(&mut client, &json!({"input": input})).json();
    let id = response["id"].as_str().unwrap();
    assert_eq!(get(&mut client, id).json(), response);
    let list = get(&mut client, &format!("{id}/input_items?order=asc&limit=2")).json();
    let texts: Vec<_> =
        list["data"].as_array().unwrap().iter().map(|item| item["content"][0]["text"].clone()).collect();
    assert_eq!((texts, &list["has_more"]), (vec![json!("one"), json!("two")], &json!(true)));
    let after = list["last_id"].as_str().unwrap();
    let rest = get(&mut client, &format!("{id}/input_items?order=asc&after={after}")).json();
    assert_eq!((&rest["data"][0]["content"][0]["text"], &rest["has_more"]), (&json!("three"), &json!(false)));
    let newest = get(&mut client, &format!("{id}/input_items")).json();
    assert_eq!(newest["data"][0]["content"][0]["text"], "three");
    let again = events(&get(&mut client, &format!("{id}?stream=true&starting_after=3")));
    assert_eq!((&again[0]["sequence_number"], &again.last().unwrap()["response"]), (&json!(4), &response));
    let deleted = client.ask(&format!("DELETE /v1/responses/{id}"), &[], "").json();
    assert_eq!(deleted, json!({"id": id, "object": "response", "deleted": true}));
    let gone = get(&mut client, id);
    assert_eq!(
        (gone.status(), gone.json()["error"]["message"].clone()),
        (404, json!(format!("Response with id '{id}' not found.")))
    );
}

#[tokio::test]
async fn sessions_do_not_see_each_other_s_responses() {
    let (_server, mut client) = plain().await;
    let body = json!({"model": "gpt-5", "input": "x"}).to_string();
    let id = client.ask("POST /s/one/v1/responses", &[], &body).json()["id"].as_str().unwrap().to_owned();
    assert_eq!(client.ask(&format!("GET /s/one/v1/responses/{id}"), &[], "").status(), 200);
    assert_eq!(client.ask(&format!("GET /s/two/v1/responses/{id}"), &[], "").status(), 404);
    assert_eq!(get(&mut client, &id).status(), 404);
}

#[tokio::test]
async fn a_conversation_goes_on_from_the_response_before() {
    let server = stubs(
        "- when: {turn: 3, tool_result: {f: {contains: sunny}}}\n  then: {text: third}\n\
         - when: {turn: 2}\n  then: {call: {name: f, id: call_1}}\n\
         - then: {text: first}\n"
            .replace("{call: {name: f, id: call_1}}", "{parts: [{call: {name: f, id: call_1, args: {}}}]}")
            .as_str(),
    )
    .await;
    let mut client = Raw::connect(server.base_url());
    let first = create(&mut client, &json!({"input": "a"})).json();
    assert_eq!(text(&first), "first");
    let second = create(&mut client, &json!({"input": "b", "previous_response_id": first["id"]})).json();
    assert_eq!(second["output"][0]["name"], "f");
    assert_eq!(second["previous_response_id"], first["id"]);
    let result = json!([{"type": "function_call_output", "call_id": "call_1", "output": "sunny"}]);
    let third = create(&mut client, &json!({"input": result, "previous_response_id": second["id"]})).json();
    assert_eq!(text(&third), "third");
    assert!(third["usage"]["input_tokens"].as_u64() > second["usage"]["input_tokens"].as_u64());
    let open = create(&mut client, &json!({"input": "b", "previous_response_id": second["id"]}));
    assert_eq!(open.status(), 400);
    assert_eq!(open.json()["error"]["message"], "No tool output found for function call call_1.");
}

#[tokio::test]
async fn who_does_not_wait_polls_or_cancels() {
    let (_server, mut client) = plain().await;
    let later = json!({"input": "x", "background": true});
    let queued = create(&mut client, &later).json();
    assert_eq!((&queued["status"], &queued["output"]), (&json!("queued"), &json!([])));
    let id = queued["id"].as_str().unwrap();
    let statuses: Vec<_> = (0..3).map(|_| get(&mut client, id).json()["status"].clone()).collect();
    assert_eq!(statuses, ["in_progress", "completed", "completed"]);
    let cancel = |client: &mut Raw, id: &str| client.ask(&format!("POST /v1/responses/{id}/cancel"), &[], "");
    assert_eq!(cancel(&mut client, id).json()["status"], "completed");
    let other = create(&mut client, &later).json();
    let other = other["id"].as_str().unwrap();
    assert_ne!(id, other);
    assert_eq!(cancel(&mut client, other).json()["status"], "cancelled");
    assert_eq!(get(&mut client, other).json()["status"], "cancelled");
    let waited = create(&mut client, &json!({"input": "x"})).json();
    let refused = cancel(&mut client, waited["id"].as_str().unwrap());
    assert_eq!(
        (refused.status(), refused.json()["error"]["message"].as_str()),
        (400, Some("Cannot cancel a synchronous response."))
    );
}

#[tokio::test]
async fn each_mistake_is_refused_in_openai_s_words() {
    let (_server, mut client) = plain().await;
    for (body, message, param, code) in [
        (
            json!({}),
            "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation_id' must be provided.",
            "input",
            "missing_required_parameter",
        ),
        (
            json!({"input": 5}),
            "Invalid type for 'input': expected one of a string or array of objects, but got an integer instead.",
            "input",
            "invalid_type",
        ),
        (
            json!({"input": [{"role": "robot", "content": "x"}]}),
            "Invalid value: 'robot'. Supported values are: 'user', 'assistant', 'system', and 'developer'.",
            "input[0].role",
            "invalid_value",
        ),
        (
            json!({"input": "x", "max_output_tokens": 5}),
            "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got 5 instead.",
            "max_output_tokens",
            "integer_below_min_value",
        ),
        (
            json!({"input": "x", "previous_response_id": "resp_no"}),
            "Previous response with id 'resp_no' not found.",
            "previous_response_id",
            "previous_response_not_found",
        ),
    ] {
        let answer = create(&mut client, &body);
        let error = &answer.json()["error"];
        assert_eq!(answer.status(), 400);
        assert_eq!(
            *error,
            json!({"message": message, "type": "invalid_request_error", "param": param, "code": code})
        );
    }
    let nameless = client.ask("POST /v1/responses", &[], "{\"input\": \"x\"}").json();
    assert_eq!(nameless["error"]["message"], "Missing required parameter: 'model'.");
    let wrong = client.ask("PUT /v1/responses/resp_1", &[], "");
    assert_eq!(wrong.status(), 405);
    let output = json!({"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]});
    let alone = create(&mut client, &output).json();
    assert_eq!(alone["error"]["message"], "No tool call found for function call output with call_id c.");
}

#[tokio::test]
async fn an_unknown_model_is_a_400_here_and_a_404_in_chats() {
    let server =
        crate::served::serve("scenario: 1\nname: test\nmodels: [gpt-4o]\nstubs:\n- then: {text: x}\n").await;
    let mut client = Raw::connect(server.base_url());
    let answer = create(&mut client, &json!({"input": "x"}));
    assert_eq!(answer.status(), 400);
    assert_eq!(
        answer.json()["error"],
        json!({"message": "The requested model 'gpt-5' does not exist.", "type": "invalid_request_error", "param": "model", "code": "model_not_found"})
    );
    assert_eq!(crate::served::chat(&mut client, "x").status(), 404);
}

#[tokio::test]
async fn errors_come_whole_or_flat_in_mid_stream() {
    let server = stubs(
        "- when: {prompt: whole}\n  then: {error: 429}\n\
         - then: {text: [a, b], wire: {edit: [{insert: {after: text.1, reply: {error: 503}}}], end: {after: error, how: complete}}}\n",
    )
    .await;
    let mut client = Raw::connect(server.base_url());
    let whole = create(&mut client, &json!({"input": "whole", "stream": true}));
    assert_eq!((whole.status(), &whole.json()["error"]["code"]), (429, &json!("rate_limit_exceeded")));
    let events = events(&create(&mut client, &json!({"input": "x", "stream": true})));
    let error = events.last().unwrap();
    assert_eq!(
        (&error["type"], &error["code"], &error["param"]),
        (&json!("error"), &json!("server_error"), &Value::Null)
    );
    assert!(error["message"].is_string() && error["sequence_number"].is_u64());
}

#[tokio::test]
async fn places_and_patches_reach_a_response() {
    let server = stubs(
        "- when: {stream: true}\n  then:\n    text: [a, b]\n    openai: {service_tier: priority}\n    wire:\n      edit: [{drop: mark}, {patch: {at: text, set: {$.delta: z}}}]\n      frame: [{at: finish, lines: [data]}, {at: start, lines: ['id: 1', event, data]}]\n\
         - then: {text: a, openai: {metadata: {b: c}, output: [{content: [{annotations: [{type: url_citation}]}]}]}}\n",
    )
    .await;
    let mut client = Raw::connect(server.base_url());
    let body = create(&mut client, &json!({"input": "x", "stream": true})).body();
    let blocks: Vec<_> = body.split_terminator("\n\n").collect();
    assert_eq!(blocks.len(), 5);
    assert!(blocks[0].starts_with("id: 1\nevent: response.created\ndata: {"), "{}", blocks[0]);
    assert!(blocks[2].starts_with("event: response.output_text.delta\ndata: "), "{}", blocks[2]);
    assert!(blocks[2].contains("\"delta\":\"z\""));
    assert!(blocks[4].starts_with("data: {\"type\":\"response.completed\""), "{}", blocks[4]);
    assert!(blocks[4].contains("\"service_tier\":\"priority\""));
    let plain = create(&mut client, &json!({"input": "x"})).json();
    assert_eq!(plain["metadata"], json!({"b": "c"}));
    assert_eq!(plain["output"][0]["content"][0]["annotations"], json!([{"type": "url_citation"}]));
    assert_eq!(text(&plain), "a");
}

#[tokio::test]
async fn the_size_of_a_prompt_can_be_asked() {
    let (_server, mut client) = plain().await;
    let body = json!({"model": "gpt-5", "input": "Hello there", "instructions": "Be brief."});
    let counted = client.ask("POST /v1/responses/input_tokens", &[], &body.to_string()).json();
    let used = create(&mut client, &body).json()["usage"]["input_tokens"].clone();
    assert_eq!(counted, json!({"object": "response.input_tokens", "input_tokens": used}));
}

#[tokio::test]
async fn what_is_stored_is_what_was_answered() {
    let server = stubs(
        "- when: {stream: true}\n  then: {text: Hello wonderful world, split: char, openai: {metadata: {a: b}}}\n\
         - then: {text: Hi, openai: {metadata: {a: b}}}\n",
    )
    .await;
    let mut client = Raw::connect(server.base_url());
    let plain = create(&mut client, &json!({"input": "x"})).json();
    assert_eq!(plain["metadata"], json!({"a": "b"}));
    assert_eq!(get(&mut client, plain["id"].as_str().unwrap()).json(), plain);
    let first = events(&create(&mut client, &json!({"input": "x", "stream": true})));
    let id = first[0]["response"]["id"].as_str().unwrap();
    let rest = events(&get(&mut client, &format!("{id}?stream=true&starting_after=8")));
    assert_eq!(rest, first[9..]);
}

#[tokio::test]
async fn thousands_of_calls_and_their_results_cost_little() {
    let (_server, mut client) = plain().await;
    let both = (0..20_000).flat_map(|number| {
        let id = format!("call_{number}");
        [
            json!({"type": "function_call", "call_id": id, "name": "f", "arguments": "{}"}),
            json!({"type": "function_call_output", "call_id": id, "output": "x"}),
        ]
    });
    let input: Vec<_> = both.collect();
    // What took the square of it would not be answered within anyone's patience.
    assert!(text(&create(&mut client, &json!({"input": input})).json()).starts_with("f returned: x"));
}

#[tokio::test]
async fn nobody_can_come_back_for_what_is_not_stored() {
    let (_server, mut client) = plain().await;
    let answer = create(&mut client, &json!({"input": "x", "background": true, "store": false}));
    assert_eq!((answer.status(), &answer.json()["error"]["param"]), (400, &json!("background")));
}

#[tokio::test]
async fn google_has_chats_and_vectors_of_openai_s_and_no_responses() {
    let (_server, mut client) = plain().await;
    let chat = json!({"model": "m", "messages": [{"role": "user", "content": "x"}]}).to_string();
    assert_eq!(client.ask("POST /v1beta/openai/chat/completions", &[], &chat).status(), 200);
    for path in ["responses", "completions", "moderations"] {
        let body = json!({"model": "m", "input": "x", "prompt": "x"}).to_string();
        assert_eq!(client.ask(&format!("POST /v1beta/openai/{path}"), &[], &body).status(), 404, "{path}");
    }
}

#[tokio::test]
async fn pictures_are_items_and_sounds_cannot_be_said() {
    let server = stubs(
        "- when: {prompt: draw}\n  then: {parts: [{image: {size: 2x2}}]}\n\
         - then: {parts: [{text: la}, {audio: {base64: AAAA, mime: audio/wav}}]}\n",
    )
    .await;
    let mut client = Raw::connect(server.base_url());
    let drawn = create(&mut client, &json!({"input": "draw"})).json();
    assert_eq!(drawn["output"][0]["type"], "image_generation_call");
    assert!(drawn["output"][0]["result"].as_str().unwrap().starts_with("iVBOR"));
    let sung = create(&mut client, &json!({"input": "sing"}));
    assert_eq!(sung.header("x-mynah-missed"), Some("media"));
    assert_eq!(sung.json()["output"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn lines_between_events_leave_their_names_alone() {
    let server = stubs(
        "- then: {events: [{reply: {text: hello}}, {lines: [': c']}, {raw: 'x'}, {json: {type: mine}}]}\n",
    )
    .await;
    let mut client = Raw::connect(server.base_url());
    let body = create(&mut client, &json!({"input": "x", "stream": true})).body();
    assert!(body.contains("event: response.completed\ndata: {"), "{body}");
    assert!(body.ends_with(": c\n\nxevent: mine\ndata: {\"type\":\"mine\"}\n\n"), "{body}");
}

#[tokio::test]
async fn what_is_queued_does_not_tell_yet_how_it_ends() {
    let server =
        stubs("- then: {text: hi, openai: {status: failed, error: {code: server_error, message: boom}}}\n")
            .await;
    let mut client = Raw::connect(server.base_url());
    let queued = create(&mut client, &json!({"input": "x", "background": true})).json();
    assert_eq!(queued["status"], "queued");
    let id = queued["id"].as_str().unwrap();
    let seen: Vec<_> = (0..2).map(|_| get(&mut client, id).json()["status"].clone()).collect();
    assert_eq!(seen, ["in_progress", "failed"]);
}

#[tokio::test]
async fn more_of_what_openai_refuses_is_refused() {
    let (_server, mut client) = plain().await;
    let message = |role: &str, part: Value| json!([{"role": role, "content": [part]}]);
    for (body, param) in [
        (json!({"input": "x", "tool_choice": "required"}), "tool_choice"),
        (json!({"input": "x", "include": ["foo"]}), "include[0]"),
        (
            json!({"input": message("assistant", json!({"type": "input_text", "text": "x"}))}),
            "input[0].content[0].type",
        ),
        (
            json!({"input": message("user", json!({"type": "output_text", "text": "x"}))}),
            "input[0].content[0].type",
        ),
    ] {
        let answer = create(&mut client, &body);
        assert_eq!((answer.status(), &answer.json()["error"]["param"]), (400, &json!(param)), "{body}");
    }
    let counted = client.ask("POST /v1/responses/input_tokens", &[], "{\"input\": \"x\"}");
    assert_eq!(counted.status(), 200, "a size needs no model");
    let id = create(&mut client, &json!({"input": "x"})).json()["id"].as_str().unwrap().to_owned();
    assert_eq!(get(&mut client, &format!("{id}/input_items?order=up")).status(), 400);
    let behind = get(&mut client, &format!("{id}/input_items?after=nobody")).json();
    assert_eq!(behind["data"], json!([]));
}
