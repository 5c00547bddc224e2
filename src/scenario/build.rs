//! Scenarios by code, with the same names as in YAML.
//!
//! ```
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! use std::time::Duration;
//!
//! use mynah::{
//!     Server,
//!     scenario::{Pattern, Per, Stub, Then, When},
//! };
//!
//! let server = Server::builder()
//!     .stub(
//!         Stub::when(When::default().model("gpt-4*").prompt(Pattern::contains("weather")))
//!             .per(Per::Call)
//!             .then(Then::error(429).retry_after(Duration::from_secs(1)).times(2))
//!             .then(Then::text("It is sunny.").first(Duration::from_millis(200))),
//!     )
//!     .start()
//!     .await?;
//! # drop(server);
//! # Ok::<(), mynah::StartError>(())
//! # }).unwrap();
//! ```

use std::{num::NonZeroU32, time::Duration};

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::{
    file::{Api, AtEnd, Operation, Per, Stub, When},
    pace::Pace,
    then::{Call, ErrorReply, Finish, From as FromReply, Part, RetryAfter, Split, Then, Usage},
};
use crate::{
    notation::{
        path::JsonPath,
        pattern::Pattern,
        text::{Text, Texts},
        value::{Count, CountItem, List, Percent, Period, Range},
    },
    plan::delay::Delay,
};

impl Stub {
    /// A stub with these conditions; its replies are to be added.
    pub fn when(when: When) -> Self {
        Self { when: Some(when.into()), ..Self::default() }
    }

    /// A stub that always matches; its replies are to be added.
    pub fn always() -> Self {
        Self::default()
    }

    /// Or these conditions.
    #[must_use]
    pub fn or_when(mut self, when: When) -> Self {
        self.when.get_or_insert_default().0.push(when);
        self
    }

    /// What it is called by.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The next reply of its list.
    #[must_use]
    pub fn then(mut self, then: Then) -> Self {
        self.then.0.push(then);
        self
    }

    /// What the list counts by.
    #[must_use]
    pub fn per(mut self, per: Per) -> Self {
        self.per = Some(per);
        self
    }

    /// What is said behind the list's end.
    #[must_use]
    pub fn at_end(mut self, at_end: AtEnd) -> Self {
        self.at_end = Some(at_end);
        self
    }

    /// Answers also what the real API would refuse.
    #[must_use]
    pub fn lenient(mut self) -> Self {
        self.lenient = Some(true);
        self
    }
}

/// Conditions that are patterns.
macro_rules! patterns {
    ($($(#[$doc:meta])* $name:ident)*) => { $(
        $(#[$doc])*
        #[must_use]
        pub fn $name(mut self, pattern: impl Into<Pattern>) -> Self {
            self.$name = Some(pattern.into());
            self
        }
    )* };
}

/// Conditions that are patterns by a name.
macro_rules! named_patterns {
    ($($(#[$doc:meta])* $name:ident)*) => { $(
        $(#[$doc])*
        #[must_use]
        pub fn $name(mut self, name: impl Into<String>, pattern: impl Into<Pattern>) -> Self {
            self.$name.get_or_insert_with(IndexMap::new).insert(name.into(), pattern.into());
            self
        }
    )* };
}

/// Conditions that are counts.
macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident)*) => { $(
        $(#[$doc])*
        #[must_use]
        pub fn $name(mut self, count: impl Into<Count>) -> Self {
            self.$name = Some(count.into());
            self
        }
    )* };
}

impl When {
    patterns! {
        /// The model's name; a bare text is a glob.
        model
        /// The last text of the user.
        prompt
        /// All system text.
        system
        /// Names of the tools offered.
        tools
        /// MIME types of what is attached.
        media
        /// The HTTP method.
        method
        /// The path; a bare text is a glob.
        path
        /// The API key.
        key
    }

    named_patterns! {
        /// Results of a tool since the last assistant message.
        tool_result
        /// A parameter of the query.
        query
        /// A header.
        header
        /// A state variable.
        state
    }

    counts! {
        /// 1 + assistant messages so far.
        turn
        /// Size of the prompt.
        tokens
        /// Which try of one call.
        attempt
        /// Which request for which all else holds.
        nth
        /// Which request of its connection.
        nth_on_connection
    }

    /// The API that is spoken; several: any of them.
    #[must_use]
    pub fn api(mut self, api: Api) -> Self {
        self.api.get_or_insert_default().0.push(api);
        self
    }

    /// What is to be done; several: any of it.
    #[must_use]
    pub fn operation(mut self, operation: Operation) -> Self {
        self.operation.get_or_insert_default().0.push(operation);
        self
    }

    /// Whether a stream was asked for.
    #[must_use]
    pub fn stream(mut self, stream: bool) -> Self {
        self.stream = Some(stream);
        self
    }

    /// A value in the raw body.
    #[must_use]
    pub fn json(mut self, path: JsonPath, pattern: impl Into<Pattern>) -> Self {
        self.json.get_or_insert_with(IndexMap::new).insert(path, pattern.into());
        self
    }

    /// How likely it holds, in percent.
    #[must_use]
    pub fn chance(mut self, percent: f64) -> Self {
        self.chance = Some(Percent(percent));
        self
    }
}

impl Then {
    /// Text, cut into deltas by `split`.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: Some(Texts::One(Text::Plain(text.into()))), ..Self::default() }
    }

    /// Text as the deltas that are given.
    pub fn deltas<T: Into<String>>(deltas: impl IntoIterator<Item = T>) -> Self {
        let pieces = deltas.into_iter().map(|delta| Text::Plain(delta.into())).collect();
        Self { text: Some(Texts::Pieces(pieces)), ..Self::default() }
    }

    /// Parts of several sorts.
    pub fn parts(parts: impl IntoIterator<Item = Part>) -> Self {
        Self { parts: Some(List(parts.into_iter().collect())), ..Self::default() }
    }

    /// A text that holds this JSON.
    pub fn json(json: impl Into<Value>) -> Self {
        Self { json: Some(json.into()), ..Self::default() }
    }

    /// The prompt is refused with this reason, such as `SAFETY`.
    pub fn block(reason: impl Into<String>) -> Self {
        Self { block: Some(reason.into()), ..Self::default() }
    }

    /// The provider's error.
    pub fn error(status: u16) -> Self {
        Self { error: Some(ErrorReply { status, ..ErrorReply::default() }), ..Self::default() }
    }

    /// What would have been answered without this stub.
    pub fn from_below() -> Self {
        Self { from: Some(FromReply::Below), ..Self::default() }
    }

    /// The built-in answer.
    pub fn from_built_in() -> Self {
        Self { from: Some(FromReply::BuiltIn), ..Self::default() }
    }

    /// The error's message; an error's alone.
    #[must_use]
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.error.get_or_insert_default().message = Some(message.into());
        self
    }

    /// When to come back, as the dialect says it; an error's alone.
    #[must_use]
    pub fn retry_after(mut self, time: Duration) -> Self {
        let hint = RetryAfter { after: Some(Period(time)), ..RetryAfter::default() };
        self.error.get_or_insert_default().retry_after = Some(hint);
        self
    }

    /// Stands for so many matches of the list; 0 is taken as 1.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(NonZeroU32::new(times).unwrap_or(NonZeroU32::MIN));
        self
    }

    /// Why it ended.
    #[must_use]
    pub fn finish(mut self, finish: Finish) -> Self {
        self.finish = Some(finish);
        self
    }

    /// What is reported as used.
    #[must_use]
    pub fn usage(mut self, usage: Usage) -> Self {
        self.usage = Some(usage);
        self
    }

    /// How one text becomes deltas.
    #[must_use]
    pub fn split(mut self, split: Split) -> Self {
        self.split = Some(split);
        self
    }

    /// When events leave.
    #[must_use]
    pub fn pace(mut self, pace: Pace) -> Self {
        self.pace = Some(pace);
        self
    }

    /// The pace's time from the head to the first event.
    #[must_use]
    pub fn first(mut self, time: Duration) -> Self {
        self.pace.get_or_insert_default().first = Some(Delay::Fixed(Period(time)));
        self
    }

    /// The pace's time in front of each later event with output.
    #[must_use]
    pub fn every(mut self, time: Duration) -> Self {
        self.pace.get_or_insert_default().every = Some(Delay::Fixed(Period(time)));
        self
    }

    /// A state variable, set when the reply is chosen.
    #[must_use]
    pub fn set(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.set.get_or_insert_with(IndexMap::new).insert(name.into(), value.into());
        self
    }
}

impl Part {
    /// Text for the user.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: Some(Texts::One(Text::Plain(text.into()))), ..Self::default() }
    }

    /// The model's thinking.
    pub fn thought(text: impl Into<String>) -> Self {
        Self { thought: Some(Texts::One(Text::Plain(text.into()))), ..Self::default() }
    }

    /// A tool to be called.
    pub fn call(name: impl Into<String>, args: Map<String, Value>) -> Self {
        let call = Call { name: name.into(), args: Some(args), ..Call::default() };
        Self { call: Some(call), ..Self::default() }
    }
}

impl Pattern {
    /// The text stands somewhere in it.
    pub fn contains(text: impl Into<String>) -> Self {
        Self::Contains(text.into())
    }

    /// Anything, as long as it is there.
    pub fn present() -> Self {
        Self::Not(Box::new(Self::Absent))
    }
}

impl From<&str> for Pattern {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Pattern {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl<T: Into<Self>, const N: usize> From<[T; N]> for Pattern {
    fn from(patterns: [T; N]) -> Self {
        Self::Any(patterns.into_iter().map(Into::into).collect())
    }
}

impl From<u64> for Count {
    fn from(number: u64) -> Self {
        Self(CountItem::Range(Range::only(number)).into())
    }
}

impl From<std::ops::RangeInclusive<u64>> for Count {
    fn from(range: std::ops::RangeInclusive<u64>) -> Self {
        Self(CountItem::Range(Range { low: Some(*range.start()), high: Some(*range.end()) }).into())
    }
}

impl From<std::ops::RangeFrom<u64>> for Count {
    fn from(range: std::ops::RangeFrom<u64>) -> Self {
        Self(CountItem::Range(Range { low: Some(range.start), high: None }).into())
    }
}
