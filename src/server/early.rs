//! Answers before the request's body was read.

use std::{
    error::Error,
    future::poll_fn,
    pin::{Pin, pin},
};

use bytes::Bytes;
use http::Response;
use http_body::Body;
use serde_json::Value;
use tokio::time::Instant;

use super::{
    Ids,
    body::{Pause, PlanBody},
    exchange::{Answer, Asked, Exchange},
    link::{Leave, Link},
    record::By,
    session::Attempt,
    socket::Socket,
};
use crate::{
    identity::{Fingerprint, Identity},
    journal::Source,
    scenario::{file::Rest, stub::Early},
    select::facts::{Extent, Facts},
};

impl Exchange {
    /// The answer to a request of which only the head is known, where a stub
    /// answers early.
    pub(super) fn early(&self, asked: &Asked<'_>) -> Option<(Answer, Early)> {
        let (route, request) = (asked.route, asked.request);
        self.admit(route, request).ok()?;
        let ask = route.dialect.guess(route, &Value::Null);
        let fingerprint = Fingerprint::new(route.dialect.name(), request, None);
        let facts =
            Facts::new(route, request, &Value::Null, &ask, fingerprint, (asked.connection, Extent::Head));
        let candidates = self.rules.candidates(&facts);
        if candidates.is_empty() {
            return None;
        }
        let luck = self.luck(asked.session);
        let selection = self.rules.select(&candidates, &facts, luck, &mut asked.session.counts());
        let top = selection.layers.first()?;
        let attempt = selection.call.map(|call| Attempt::new(asked.session, call));
        let nth = if self.settings.ids == Ids::Counted { selection.came } else { 0 };
        let identity = Identity::new(luck.seed(Some(top.scenario)), fingerprint, nth);
        let plan = self.scripted(asked, (&ask, &Value::Null), &selection.layers, (&identity, Extent::Head));
        let by = By::new(Source::Stub).under(&selection.layers);
        Some((Answer { plan, attempt, by }, top.stub.early?))
    }

    /// Reads as much of the body as is wanted first, and answers.
    pub(super) async fn play_early<B, S>(
        &self,
        answer: Answer,
        early: Early,
        (body, waits): (B, bool),
        link: &Link<S>,
    ) -> Response<PlanBody>
    where
        B: Body<Data = Bytes, Error: Error + 'static>,
        S: Socket,
    {
        let (mut body, limits) = (pin!(body), self.limits());
        let mut pause = Pause::new(&limits);
        let is_whole = read(&mut body, early.after, &mut pause).await;
        let read_at = Instant::now();
        if !is_whole {
            link.seen.answer_early();
            link.look_after_peer();
        }
        // Who still waits to be told to go on sends nothing more.
        let waits = waits && early.after == 0;
        match early.rest {
            Rest::Read if !is_whole && !waits => {
                let (answered, _) =
                    tokio::join!(self.play(answer, read_at, link), read(&mut body, u64::MAX, &mut pause));
                answered
            }
            Rest::Read => self.play(answer, read_at, link).await,
            Rest::Ignore if is_whole => self.play(answer, read_at, link).await,
            Rest::Ignore => {
                drop(self.play(answer, read_at, link).await);
                link.look_after_peer();
                // The end that the answer has behind it comes by itself.
                if link.idles().is_none() {
                    link.leave(Leave::Unread);
                }
                std::future::pending().await
            }
            Rest::Close => {
                drop(self.play(answer, read_at, link).await);
                if link.idles().is_none() {
                    self.player(link, read_at).settle().await;
                    link.leave(Leave::Close);
                }
                std::future::pending().await
            }
        }
    }
}

/// Reads so many bytes of a body at the least; whether it ended, or stopped coming.
async fn read<B>(body: &mut Pin<&mut B>, least: u64, pause: &mut Pause<'_>) -> bool
where
    B: Body<Data = Bytes, Error: Error + 'static>,
{
    let mut count = 0;
    while count < least {
        match poll_fn(|context| pause.poll(body.as_mut(), context)).await {
            Some(Ok(frame)) => count += frame.data_ref().map_or(0, |piece| piece.len() as u64),
            Some(Err(_)) | None => return true,
        }
    }
    body.is_end_stream()
}
