//! The journal as it is written: each exchange when it has ended, as server-sent events
//! (WHATWG HTML, section 9.2). An event's id is the number of its end, from which a
//! reader that comes again goes on.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::Response;

use super::{
    super::{
        body::{Ending, PlanBody},
        exchange::Exchange,
        journal::{Following, Journal},
        link::Link,
        play::After,
        socket::Socket,
    },
    Call, Control, Refused,
    journal::Filter,
};

/// How often a reader is shown that the server is there.
const BEAT: Duration = Duration::from_secs(15);

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-store\r\n\
                    connection: close\r\n\r\n";

/// Who follows.
pub(super) struct Follower {
    following: Arc<Following>,
    filter: Filter,
    session: Option<String>,
    /// The last end that was told.
    after: u64,
}

/// Reads what is to be followed, and from where: `after` or `Last-Event-ID`, else from
/// now on.
pub(super) fn start(call: &Call<'_>) -> Result<Follower, Refused> {
    let filter = Filter::of(call, &["session", "after", "limit", "follow"])?;
    let last = call.request.header("last-event-id").and_then(|id| id.trim().parse().ok());
    let journal = &call.exchange.journal;
    let following = Arc::new(Following::new(journal));
    let after = call.number("after")?.or(last).unwrap_or_else(|| journal.latest_end());
    Ok(Follower { following, filter, session: call.session.clone(), after })
}

impl Control {
    pub(super) async fn follow<S: Socket>(
        self: &Arc<Self>,
        mut follower: Follower,
        exchange: &Exchange,
        link: &Link<S>,
    ) -> Response<PlanBody> {
        tokio::task::yield_now().await;
        link.look_after_peer();
        link.take_over();
        let mut written = link.write_all(HEAD.as_bytes()).await;
        let following = Arc::clone(&follower.following);
        while written.is_ok() {
            let news = following.news();
            let (control, journal) = (Arc::clone(self), Arc::clone(&exchange.journal));
            let looking = tokio::task::spawn_blocking(move || {
                let events = control.events(&mut follower, &journal);
                (follower, events)
            });
            let Ok((back, events)) = looking.await else { break };
            follower = back;
            if !events.is_empty() {
                written = link.write_all(&events).await;
                continue;
            }
            tokio::select! {
                () = news => {}
                () = self.stopped() => break,
                () = tokio::time::sleep(BEAT) => written = link.write_all(b": still here\n\n").await,
            }
        }
        exchange.let_go(After::Closes, (Ending::default(), true), link).await
    }

    /// What has ended since.
    fn events(&self, follower: &mut Follower, journal: &Journal) -> Bytes {
        let news = journal.ended_after(follower.after, follower.session.as_deref());
        if news.is_empty() {
            return Bytes::new();
        }
        // Calls are numbered where all of a session is known.
        let numbered = journal.entries(follower.session.as_deref());
        let mut text = String::new();
        for (id, one) in news {
            follower.after = follower.after.max(id);
            let Ok(at) = numbered.binary_search_by_key(&one.seq(), |entry| entry.seq) else { continue };
            let entry = &numbered[at];
            if follower.filter.takes(entry) {
                text.push_str(&format!("event: exchange\nid: {id}\ndata: {}\n\n", self.shown(entry)));
            }
        }
        text.into()
    }
}
