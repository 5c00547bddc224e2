//! Any text, in any pieces, comes back whole.

use mynah::reply::{Deltas, Finish, Part};
use proptest::{collection::vec, prelude::*, strategy::ValueTree};
use serde_json::{Value, json};

use crate::{
    raw::Raw,
    said::{chat, reply, said},
};

/// Texts of all of Unicode, with more than their share of what breaks lines,
/// quotes and words.
fn text() -> impl Strategy<Value = String> {
    let bad = prop::sample::select(vec![
        "\n",
        "\r",
        "\r\n",
        "\n\n",
        "\u{85}",
        "\u{2028}",
        "\u{2029}",
        "\u{b}",
        "\u{c}",
        "\u{0}",
        "\u{7f}",
        "\"",
        "\\",
        "data: ",
        "[DONE]",
        ",\r\n",
        "]",
        "\u{feff}",
        "😀",
        "e\u{301}",
        " ",
        "\u{a0}",
        "\u{3000}",
        "</script>",
    ]);
    vec(prop_oneof![3 => any::<String>(), 2 => bad.prop_map(str::to_owned)], 0..6)
        .prop_map(|pieces| pieces.concat())
}

fn joined(values: &[Value], pointer: &str) -> String {
    values.iter().filter_map(|value| value.pointer(pointer)?.as_str()).collect()
}

proptest! {
    #[test]
    fn said_in_any_pieces_it_is_whole_in_every_dialect(pieces in vec(text(), 0..8)) {
        let whole = pieces.concat();
        let reply = reply(vec![Part::Text(Deltas::pieces(pieces.iter().map(String::as_str)))], Finish::Stop);
        let body = json!({"contents": [{"parts": [{"text": "x"}]}]});

        let sse = said("/v1/models/m:streamGenerateContent?alt=sse", body.clone(), &reply);
        prop_assert_eq!(sse.ends.len(), pieces.len().max(1));
        prop_assert_eq!(joined(&records(&sse.body, "\r\n"), "/candidates/0/content/parts/0/text"), whole.clone());

        let array = said("/v1/models/m:streamGenerateContent", body.clone(), &reply);
        let array: Vec<Value> = serde_json::from_slice(&array.body).unwrap();
        prop_assert_eq!(joined(&array, "/candidates/0/content/parts/0/text"), whole.clone());

        let document = said("/v1/models/m:generateContent", body, &reply);
        let document: Value = serde_json::from_slice(&document.body).unwrap();
        prop_assert_eq!(joined(&[document], "/candidates/0/content/parts/0/text"), whole.clone());

        let chunks = said("/v1/chat/completions", chat(r#", "stream": true"#), &reply);
        prop_assert_eq!(joined(&records(&chunks.body, "\n"), "/choices/0/delta/content"), whole.clone());

        let completion = said("/v1/chat/completions", chat(""), &reply);
        let completion: Value = serde_json::from_slice(&completion.body).unwrap();
        prop_assert_eq!(joined(&[completion], "/choices/0/message/content"), whole);
    }

    #[test]
    fn cut_into_words_or_tokens_it_is_whole(text in text()) {
        prop_assert_eq!(Deltas::words(text.clone()).iter().collect::<String>(), text.clone());
        prop_assert_eq!(Deltas::tokens(text.clone()).iter().collect::<String>(), text.clone());
        let tokens = mynah::tokens::tokens(&text).count() as u64;
        prop_assert_eq!(tokens, mynah::tokens::count(&text));
    }
}

/// Server-sent events read as a strict reader would: blocks parted by a blank
/// line, each of one `data: ` line.
fn records(body: &[u8], eol: &str) -> Vec<Value> {
    let text = std::str::from_utf8(body).unwrap();
    let blank = eol.repeat(2);
    let blocks = text.strip_suffix(&blank).expect("a blank line at the end").split(&blank);
    blocks
        .map(|block| block.strip_prefix("data: ").expect("one data line"))
        .filter(|data| *data != "[DONE]")
        .map(|data| serde_json::from_str(data).expect("JSON on one line"))
        .collect()
}

#[tokio::test]
async fn a_prompt_is_said_back_whole_over_the_wire() {
    let server = mynah::Server::builder().start().await.unwrap();
    let mut client = Raw::connect(server.base_url());
    let mut runner = proptest::test_runner::TestRunner::default();
    for _ in 0..64 {
        let prompt = text().new_tree(&mut runner).unwrap().current();
        let expected = format!("You said: {prompt}");
        let mut openai = chat(r#", "stream": true"#);
        openai["messages"][0]["content"] = json!(prompt);
        let answer = client.ask("POST /v1/chat/completions", &[], &openai.to_string());
        assert_eq!(joined(&records(answer.body().as_bytes(), "\n"), "/choices/0/delta/content"), expected);
        let gemini = json!({"contents": [{"parts": [{"text": prompt}]}]}).to_string();
        let answer = client.ask("POST /v1beta/models/m:streamGenerateContent", &[], &gemini);
        let array: Vec<Value> = serde_json::from_str(&answer.body()).unwrap();
        assert_eq!(joined(&array, "/candidates/0/content/parts/0/text"), expected);
        // Each element has a chunk of its own.
        assert_eq!(answer.chunks.len(), array.len());
    }
}
