//! Hands an answer over: to HTTP's library piece by piece, or onto the socket
//! itself.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response};
use tokio::time::Instant;

use super::{
    body::{Ending, PlanBody},
    exchange::{Answer, Exchange},
    link::{Leave, Link},
    play::{After, Player},
    socket::Socket,
    timer::later,
};
use crate::{dialect::event::Carry, journal::End, plan::script::Script};

impl Exchange {
    /// Hands a plan to hyper, piece by piece as it is due; or to the socket.
    pub(super) async fn play<S: Socket>(
        &self,
        answer: Answer,
        read_at: Instant,
        link: &Link<S>,
    ) -> Response<PlanBody> {
        let Answer { mut plan, attempt, by: _ } = answer;
        let is_paced = plan.end_at > Duration::ZERO || plan.head_at > Duration::ZERO || plan.script.is_some();
        let open = is_paced.then(|| self.streams.open());
        let (succeeds, tape) = (plan.status.as_u16() < 400, link.tape.clone());
        let ending = Ending { attempt, succeeds, _open: open, tape };
        if let Some(script) = plan.script.take() {
            // What the script stands for is not held while it is played.
            drop(plan);
            return self.play_script(&script, ending, read_at, link).await;
        }
        if plan.head_at > Duration::ZERO {
            self.timer.sleep_until(later(read_at, plan.head_at)).await;
        }
        let times =
            if is_paced { plan.times.iter().map(|time| later(read_at, *time)).collect() } else { Vec::new() };
        let body = PlanBody::new(plan.body, plan.ends, plan.carry).at(
            &self.timer,
            times,
            later(read_at, plan.end_at),
        );
        let mut response = Response::new(body.ending(ending));
        *response.status_mut() = plan.status;
        *response.headers_mut() = plan.headers;
        if let Some(reason) = plan.reason {
            response.extensions_mut().insert(hyper::ext::ReasonPhrase::from_static(reason.as_bytes()));
        }
        response
    }

    pub(super) fn player<'a, S>(&'a self, link: &'a Link<S>, start: Instant) -> Player<'a, S> {
        Player { link, timer: &self.timer, start, settle: self.settings.settle }
    }

    /// Plays what hyper would not write. What is handed to hyper then is for
    /// nobody: it tells only how the connection goes on.
    async fn play_script<S: Socket>(
        &self,
        script: &Script,
        ending: Ending,
        read_at: Instant,
        link: &Link<S>,
    ) -> Response<PlanBody> {
        // HTTP sees that a client goes only while nothing lies unread.
        link.look_after_peer();
        let after = self.player(link, read_at).play(script).await;
        let is_all = script.ending.place == script.bytes.len() || !matches!(after, Ok(After::Leaves(_)));
        let is_whole = is_all && !script.is_part;
        if let Err(error) = &after {
            tracing::debug!("the client has gone: {error}");
        }
        if let Some(tape) = &link.tape {
            let (end, at) = match &after {
                Err(_) => (End::Left, Some(Instant::now())),
                Ok(_) if is_whole => (End::Complete, None),
                Ok(After::Leaves(how)) => (End::Cut(how.name()), Some(Instant::now())),
                Ok(_) => (End::Cut("complete"), None),
            };
            tape.end(end, at);
        }
        let is_reached = after.is_ok() && is_whole;
        self.let_go(after.unwrap_or(After::Leaves(Leave::Close)), (ending, is_reached), link).await
    }

    /// Lets the connection go on, or end, behind what was written past HTTP.
    /// `is_reached`: it was an answer in full.
    pub(super) async fn let_go<S: Socket>(
        &self,
        after: After,
        (mut ending, is_reached): (Ending, bool),
        link: &Link<S>,
    ) -> Response<PlanBody> {
        if is_reached {
            ending.reach();
        }
        if let After::Leaves(how) = after {
            // What is left of it is told to be over before the connection is.
            drop(ending);
            link.leave(how);
            std::future::pending::<()>().await;
        }
        link.leave_peer_alone();
        let mut response = Response::new(PlanBody::new(Bytes::new(), Vec::new(), Carry::Length));
        if after == After::Closes {
            response.headers_mut().insert(http::header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
