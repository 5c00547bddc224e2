//! Delays: how long, and how luck decides it.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::place::Choice;
use crate::notation::value::{Period, Range};

/// A delay that is added at certain events; exactly one of `before` and
/// `after`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pause {
    /// In front of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Choice>,
    /// Behind these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Choice>,
    /// How long.
    #[serde(rename = "for")]
    pub time: Delay,
}

/// How long something takes.
#[derive(Clone, Debug, PartialEq)]
pub enum Delay {
    /// Always as long.
    Fixed(Period),
    /// One after the other; the last for ever.
    List(Vec<Period>),
    /// One after the other, and again.
    Cycle(Vec<Period>),
    /// Anything in between, equally likely.
    Uniform(Range<Period>),
    /// By the bell curve.
    Normal(Normal),
    /// By the log-normal curve.
    Lognormal(Lognormal),
    /// By the tokens that the event carries.
    TokensPerSecond(f64),
}

/// A bell curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Normal {
    /// Its middle.
    pub mean: Period,
    /// Its width.
    pub sd: Period,
}

/// A log-normal curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lognormal {
    /// Half of the times are shorter.
    pub median: Period,
    /// Its width, as the deviation of the logarithm.
    pub sigma: f64,
    /// What is longer is as long as this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Period>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum DelayMap {
    Cycle(Vec<Period>),
    Uniform(Range<Period>),
    Normal(Normal),
    Lognormal(Lognormal),
    TokensPerSecond(f64),
}

impl<'de> Deserialize<'de> for Delay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::{Error, MapAccess, SeqAccess, Unexpected, Visitor};

        use crate::notation::value::{Word, one_key};

        struct DelayVisitor;

        impl<'de> Visitor<'de> for DelayVisitor {
            type Value = Delay;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a duration with its unit such as 250ms, a list of them, or a map such as {uniform: 1s..2s}")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Delay, E> {
                let period = Period::from_text(text);
                period.map(Delay::Fixed).ok_or_else(|| E::invalid_type(Unexpected::Str(text), &self))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Delay, A::Error> {
                let mut list = Vec::new();
                while let Some(period) = items.next_element()? {
                    list.push(period);
                }
                filled::<A::Error>(list).map(Delay::List)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Delay, A::Error> {
                let map = one_key::<A, DelayMap>(map)?;
                Ok(match map {
                    DelayMap::Cycle(list) => Delay::Cycle(filled(list)?),
                    DelayMap::Uniform(range) if range.low.is_none() || range.high.is_none() => {
                        return Err(Error::custom("a uniform delay needs both bounds, as in 1s..2s"));
                    }
                    DelayMap::Uniform(range) => Delay::Uniform(range),
                    DelayMap::Normal(normal) => Delay::Normal(normal),
                    DelayMap::Lognormal(curve) if !(0.0..=100.0).contains(&curve.sigma) => {
                        return Err(Error::custom("sigma lies between 0 and 100"));
                    }
                    DelayMap::Lognormal(curve) => Delay::Lognormal(curve),
                    DelayMap::TokensPerSecond(rate) if rate.is_finite() && rate > 0.0 => {
                        Delay::TokensPerSecond(rate)
                    }
                    DelayMap::TokensPerSecond(_) => {
                        return Err(Error::custom("tokens_per_second must be above 0"));
                    }
                })
            }
        }

        fn filled<E: Error>(list: Vec<Period>) -> Result<Vec<Period>, E> {
            if list.is_empty() { Err(E::custom("this list of durations is empty")) } else { Ok(list) }
        }

        deserializer.deserialize_any(DelayVisitor)
    }
}

impl Serialize for Delay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Fixed(period) => period.serialize(serializer),
            Self::List(list) => list.serialize(serializer),
            Self::Cycle(list) => DelayMap::Cycle(list.clone()).serialize(serializer),
            Self::Uniform(range) => DelayMap::Uniform(*range).serialize(serializer),
            Self::Normal(normal) => DelayMap::Normal(*normal).serialize(serializer),
            Self::Lognormal(curve) => DelayMap::Lognormal(*curve).serialize(serializer),
            Self::TokensPerSecond(rate) => DelayMap::TokensPerSecond(*rate).serialize(serializer),
        }
    }
}

impl JsonSchema for Delay {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Delay".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let period = generator.subschema_for::<Period>();
        let map = generator.subschema_for::<DelayMap>();
        schemars::json_schema!({"anyOf": [period, {"type": "array", "items": period, "minItems": 1}, map]})
    }
}
