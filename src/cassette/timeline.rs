//! An interaction as people look at it: what was asked, and when each piece of the
//! answer came.

use std::time::Duration;

use super::Interaction;
use crate::{
    ask::Shape,
    cassette::{events::said, key::as_request},
    dialect,
    plan::recorded::Chunk,
};

/// Columns of the line of time.
const WIDTH: usize = 40;

/// Characters of a piece that are shown.
const SHOWN: usize = 60;

/// The timeline of an interaction that stands at this place.
pub fn timeline(interaction: &Interaction, place: &str) -> String {
    let (asked, response) = (&interaction.request, &interaction.response);
    let mut out = String::new();
    let status = response.status().map_or_else(|| "no status".to_owned(), |status| status.to_string());
    out.push_str(&format!("{place}  {} {} -> {status}\n", asked.method, asked.path));
    let retry =
        if interaction.attempt > 1 { format!(", attempt {}", interaction.attempt) } else { String::new() };
    let redacted = if interaction.is_redacted { ", redacted" } else { "" };
    out.push_str(&format!(
        "  id {}, recorded {} from {}{retry}{redacted}\n",
        interaction.key, interaction.recorded, interaction.upstream
    ));
    let total = response.end_at.max(Duration::from_micros(1));
    let mut last = Duration::ZERO;
    let mut row = |at: Duration, size: &str, text: &str| {
        let gap = at.saturating_sub(last);
        last = last.max(at);
        let (at, gap, bar) = (time(at), format!("+{}", time(gap)), bar(at, total));
        out.push_str(format!("  {at:>12} {gap:>12} {bar} {size:>9}  {text}").trim_end());
        out.push('\n');
    };
    for (at, _) in &response.interim {
        row(*at, "", "an answer with a status of 1xx");
    }
    if let Some(head) = &response.head {
        row(head.at, "", "head");
    }
    let kinds = kinds(interaction);
    let (mut start, mut is_first) = (0, true);
    for piece in &response.pieces {
        let end = start + piece.bytes.len();
        let own: Vec<_> =
            kinds.iter().filter(|(at, _)| (start..end).contains(at)).map(|(_, it)| it.as_str()).collect();
        let mut text = own.join(" | ");
        if is_first {
            text = format!("first byte  {text}");
            is_first = false;
        }
        if piece.chunk == Chunk::GoesOn {
            text.push_str(" (the chunk goes on)");
        }
        let shown = shown(&piece.bytes);
        row(piece.at, &format!("{} B", piece.bytes.len()), &format!("{text}  {shown}"));
        start = end;
    }
    row(
        response.end_at,
        "",
        &format!("{} ({} bytes in {} pieces)", response.end.name(), start, response.pieces.len()),
    );
    out
}

/// Where each event of a body begins, and what it is.
fn kinds(interaction: &Interaction) -> Vec<(usize, String)> {
    let asked = &interaction.request;
    let request = as_request(&asked.method, &asked.path, &asked.query, &asked.headers);
    let route = dialect::identify(&request);
    let (said, plain) = said(&interaction.response, route.shape);
    if plain.length() != interaction.response.length() || !said.form.is_lines() && route.shape != Shape::Array
    {
        return Vec::new();
    }
    let mut start = 0;
    let events = (0..said.events.len()).filter_map(|at| {
        let place = start;
        start += said.events.frame(at)?.bytes.len();
        let kinds = said.events.payload(at).map(|payload| route.dialect.read_event(&payload).kinds);
        let names: Vec<_> = kinds.iter().flatten().map(|kind| kind.name()).collect();
        Some((place, format!("{} {}", at + 1, names.join("+")).trim().to_owned()))
    });
    events.collect()
}

fn time(at: Duration) -> String {
    format!("{:.1}ms", at.as_secs_f64() * 1000.0)
}

/// A line of time with a mark.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a few columns")]
fn bar(at: Duration, total: Duration) -> String {
    let share = (at.as_secs_f64() / total.as_secs_f64()).clamp(0.0, 1.0);
    let column = (share * (WIDTH - 1) as f64).round() as usize;
    let mut bar = "·".repeat(column);
    bar.push('█');
    bar.push_str(&" ".repeat(WIDTH - 1 - column));
    bar
}

fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let short: String = text.chars().take(SHOWN).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    format!("{}{more}", short.escape_debug())
}
