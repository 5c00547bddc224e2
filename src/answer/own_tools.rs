//! What the provider's own tools do in the built-in answer: nothing leaves the
//! house, and what is found is made up.

use std::ops::Range;

use crate::{
    ask::{Generate, OwnTool},
    reply::{Candidate, Deltas, Findings, Part, Search, Source, Support},
    tokens,
};

/// The program that is written, and what it prints.
const CODE: (&str, &str) = ("print(6 * 7)\n", "42\n");

/// What is found, whatever is searched.
const SOURCES: [(&str, &str); 2] =
    [("https://example.com/", "example.com"), ("https://example.org/", "example.org")];

/// Tokens of the prompt that are searched for.
const LONGEST_QUERY: u64 = 32;

/// Pieces of the text that are said to stand in the sources; the last has all of
/// the rest.
const MOST_SUPPORTS: usize = 20;

/// Pages that are read, and bytes of an address: what Google takes.
const MOST_PAGES: usize = 20;
const LONGEST_ADDRESS: usize = 2048;

/// The program and what it printed, where programs are run.
pub(super) fn code(want: &Generate) -> Vec<Part> {
    if !want.own_tools.contains(&OwnTool::Code) {
        return Vec::new();
    }
    let (code, printed) = CODE;
    let whole = |text: &str| Deltas::whole(text.to_owned());
    vec![Part::Code(whole(code)), Part::CodeResult(whole(printed))]
}

/// What is found for an answer with this text.
pub(super) fn findings(want: &Generate, text: &str) -> Findings {
    let offers = |tool| want.own_tools.contains(&tool);
    let prompt = want.prompt.text.as_str();
    let query = prompt.lines().map(str::trim).find(|line| !line.is_empty());
    let query = query.filter(|_| offers(OwnTool::Search));
    Findings {
        search: query.map(|query| Search {
            queries: vec![tokens::truncate(query, LONGEST_QUERY).to_owned()],
            sources: SOURCES
                .map(|(uri, title)| Source { uri: uri.to_owned(), title: title.to_owned() })
                .into(),
            supports: sentences(text)
                .into_iter()
                .enumerate()
                .map(|(at, text)| Support { text, sources: vec![at % SOURCES.len()] })
                .collect(),
        }),
        pages: if offers(OwnTool::Pages) { addresses(prompt) } else { Vec::new() },
    }
}

/// What the tools put into the prompt: what was searched and found, the
/// addresses of what was read, the program and what it printed.
pub(super) fn tokens(candidate: &Candidate) -> u64 {
    let Findings { search, pages } = &candidate.findings;
    let queries = search.iter().flat_map(|search| &search.queries).map(String::as_str);
    let sources = search.iter().flat_map(|search| &search.sources);
    let sources = sources.flat_map(|source| [source.uri.as_str(), source.title.as_str()]);
    let pages = pages.iter().map(String::as_str);
    let found: u64 = queries.chain(sources).chain(pages).map(tokens::count).sum();
    found + candidate.parts.iter().map(tokens_of).sum::<u64>()
}

/// The tokens of a program or of what it printed; nothing else is the tools'.
pub(super) fn tokens_of(part: &Part) -> u64 {
    match part {
        Part::Code(deltas) | Part::CodeResult(deltas) => tokens::count(deltas.text()),
        _ => 0,
    }
}

/// The sentences of a text, without the blanks between them.
fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut sentences: Vec<Range<usize>> = Vec::new();
    let mut start = 0;
    while sentences.len() < MOST_SUPPORTS {
        start += text[start..].len() - text[start..].trim_start().len();
        let rest = &text[start..];
        if rest.is_empty() {
            break;
        }
        let is_last = sentences.len() + 1 == MOST_SUPPORTS;
        let end = sentence_end(rest).filter(|_| !is_last).unwrap_or(rest.trim_end().len());
        sentences.push(start..start + end);
        start += end;
    }
    sentences
}

/// Behind which byte the first sentence ends, if another follows.
fn sentence_end(text: &str) -> Option<usize> {
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        if character == '\n' {
            return Some(at);
        }
        let is_followed = characters.peek().is_some_and(|(_, next)| next.is_whitespace());
        if matches!(character, '.' | '!' | '?') && is_followed {
            return Some(at + 1);
        }
    }
    None
}

/// The addresses of pages that stand in a text, each once.
fn addresses(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("http").filter(|_| found.len() < MOST_PAGES) {
        rest = &rest[start..];
        let is_end =
            |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '\'' | '`' | ')' | ']' | '}');
        let (word, behind) = rest.split_at(rest.find(is_end).unwrap_or(rest.len()));
        rest = behind;
        let address = word.trim_end_matches(['.', ',', ';', ':', '!', '?']);
        let host = ["https://", "http://"].into_iter().find_map(|scheme| address.strip_prefix(scheme));
        let is_address = host.is_some_and(|host| !host.is_empty()) && address.len() <= LONGEST_ADDRESS;
        if is_address && !found.iter().any(|known| known == address) {
            found.push(address.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Vec<&str> {
        sentences(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn a_text_falls_into_its_sentences() {
        assert_eq!(
            pieces("You said: Grüezi.  Wie\n\ngeht's? 1.5!"),
            ["You said: Grüezi.", "Wie", "geht's?", "1.5!"]
        );
        assert_eq!(pieces("  "), Vec::<&str>::new());
        let many = "a. ".repeat(100_000);
        let pieces = pieces(&many);
        assert_eq!((pieces.len(), pieces[19].len()), (20, many.len() - 19 * 3 - 1));
    }

    #[test]
    fn addresses_are_found_where_they_stand_and_told_once() {
        let text =
            "See <https://a.example/x?y=1>, (http://b.example/ü). https://a.example/x?y=1! https:// httpx";
        assert_eq!(addresses(text), ["https://a.example/x?y=1", "http://b.example/ü"]);
        let many: String = (0..100_000).map(|at| format!("http://h{at}\n")).collect();
        assert_eq!(addresses(&many).len(), 20);
        let long = format!("http://{}", "a".repeat(LONGEST_ADDRESS));
        assert!(addresses(&long).is_empty());
        // A word of many beginnings is one word.
        assert!(addresses(&"http".repeat(1_000_000)).is_empty());
    }
}
