//! The catalogue as a page, for people who read it without running anything.

use std::collections::{BTreeMap, HashMap};

use super::{Layer, Row};

/// What each SDK did, by row and by the SDK with its version and manner.
#[derive(Clone, Debug, Default)]
pub struct Outcomes(pub HashMap<String, BTreeMap<String, String>>);

/// The page, in Markdown.
pub fn page(rows: &[Row], outcomes: &Outcomes) -> String {
    let mut page = INTRODUCTION.to_owned();
    for layer in Layer::ALL {
        let of_layer: Vec<_> = rows.iter().filter(|row| row.meta.layer == layer).collect();
        if of_layer.is_empty() {
            continue;
        }
        page.push_str(&format!("\n## {}\n", layer.title()));
        for row in of_layer {
            page.push_str(&entry(row, outcomes.0.get(&row.id)));
        }
    }
    page
}

const INTRODUCTION: &str = "\
# Streaming failures met in the wild

Does your client survive what broke the others? Each of these scenarios puts one failure on
the wire, byte for byte and at its time, as somebody met it in public.

```sh
mynah scenarios                          # list them; --layer, --api, --tier, or words to look for
mynah scenarios show sse-crlf-split      # the file, and all that goes on the wire
mynah serve --scenario sse-crlf-split    # every stream has it
mynah serve --scenario '*'               # all of them: ask for the model mynah-ID,
                                         # or send the header x-mynah-scenario: ID
```

What the SDKs did was seen without the rows' own times (`--time-scale 0`), each client alone in a
session, retries off but for the rows about them, and with a patience of a second and a half.
What came of a row is told so: the text that was said, then how it ended (`finish`, and the
reason), or what was raised. A stream that ends without either is `no end, no error`; one that
goes on behind all patience is `still waiting`.

Tier 1 is what every client meets, tier 3 completes the picture. Where the API is `any`, ask in
the one you speak: OpenAI's chat or responses, Anthropic's messages, or Gemini with `alt=sse`.
\"Say X\" means that the prompt is just `X`. Rows that answer one time this and another time that
count by session: give each client its own (`/s/NAME` in front of the path).

`scripts/catalogue` asks the SDKs again. This page is made from the files beside it.
";

fn entry(row: &Row, outcomes: Option<&BTreeMap<String, String>>) -> String {
    let meta = &row.meta;
    let mut entry = format!("\n### [{}]({})\n\n", row.id, row.file());
    entry.push_str(&format!(
        "{} · tier {}",
        meta.api.iter().map(|streams| streams.name()).collect::<Vec<_>>().join(", "),
        meta.tier
    ));
    if let Some(needs) = &meta.needs {
        entry.push_str(&format!(" · needs {needs}, which is not served yet"));
    }
    entry.push_str(&format!("\n\n{}\n\n", one_line(&row.about)));
    entry.push_str(&format!("- Broke: {}\n", one_line(&meta.broke)));
    if !meta.references.is_empty() {
        entry.push_str(&format!("- Seen in: {}\n", meta.references.join(", ")));
    }
    entry.push_str(&format!("- A good client: {}\n", one_line(&meta.good)));
    if let Some(other) = &meta.disputed {
        entry.push_str(&format!("- Disputed: {}\n", one_line(other)));
    }
    if let Some(outcomes) = outcomes.filter(|outcomes| !outcomes.is_empty()) {
        entry.push_str("\n| what came of it | with |\n| --- | --- |\n");
        // Those that did the same stand together.
        let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
        for (sdk, outcome) in outcomes {
            let told = outcome.replace('|', "\\|").replace('\n', " ");
            match groups.iter_mut().find(|(known, _)| *known == told) {
                Some((_, sdks)) => sdks.push(sdk),
                None => groups.push((told, vec![sdk])),
            }
        }
        for (told, sdks) in groups {
            entry.push_str(&format!("| {told} | {} |\n", sdks.join(", ")));
        }
    }
    entry
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
