//! The scalars of the language: durations, sizes, ranges, and lists that may
//! drop their brackets. Each is read from one word and printed as one.

use std::{fmt, marker::PhantomData, str::FromStr, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};

/// The name of the newtype by which a deserializer knows a list that may drop
/// its brackets.
pub const LIST: &str = "$list";

/// The name of the newtype by which a deserializer knows that a text is wanted
/// among others: an integer is then a text as it is written.
pub const TEXT: &str = "$text";

/// A value that stands in one YAML word.
pub trait Word: Sized {
    /// What is expected, with an example.
    const EXPECTED: &'static str;

    /// From a text.
    fn from_text(text: &str) -> Option<Self>;

    /// From a number without a unit; most values do not leave it out.
    fn from_number(_: f64) -> Option<Self> {
        None
    }

    /// From a whole number.
    fn from_whole(number: u64) -> Option<Self> {
        Self::from_text(&number.to_string())
    }
}

struct WordVisitor<T>(PhantomData<T>);

impl<T: Word> Visitor<'_> for WordVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        T::from_text(text).ok_or_else(|| E::invalid_type(serde::de::Unexpected::Str(text), &self))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        T::from_whole(number).ok_or_else(|| E::invalid_type(serde::de::Unexpected::Unsigned(number), &self))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        T::from_text(&number.to_string())
            .ok_or_else(|| E::invalid_type(serde::de::Unexpected::Signed(number), &self))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        T::from_number(number).ok_or_else(|| E::invalid_type(serde::de::Unexpected::Float(number), &self))
    }
}

/// Reading, printing and describing a word.
macro_rules! word {
    ($type:ident $(<$parameter:ident: $bound:ident>)?, $schema:expr) => {
        impl<'de $(, $parameter: $bound)?> Deserialize<'de> for $type $(<$parameter>)? {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(WordVisitor(PhantomData))
            }
        }

        impl $(<$parameter: $bound>)? Serialize for $type $(<$parameter>)? {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl $(<$parameter: $bound>)? JsonSchema for $type $(<$parameter>)? {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

/// A map of one key, read as the enum that it stands for; a second key is
/// refused.
pub(crate) fn one_key<'de, A: MapAccess<'de>, T: Deserialize<'de>>(mut map: A) -> Result<T, A::Error> {
    let value = T::deserialize(MapAccessDeserializer::new(&mut map))?;
    map.next_key::<NoMore>()?;
    Ok(value)
}

/// A key that is one too many.
struct NoMore;

impl<'de> Deserialize<'de> for NoMore {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer)?;
        Err(D::Error::custom("a map of one key was expected, this is one key too many"))
    }
}

/// A duration, such as `250ms` or `1m30s`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(pub Duration);

const TIME_UNITS: [(&str, u64); 5] =
    [("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000)];

impl Word for Period {
    const EXPECTED: &'static str = "a duration with its unit, such as 250ms, 1.5s or 1m30s";

    fn from_text(text: &str) -> Option<Self> {
        let mut rest = text.trim();
        let mut nanoseconds = 0_u128;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
            let (number, behind) = rest.split_at(digits);
            let letters = behind.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(behind.len());
            let (unit, behind) = behind.split_at(letters);
            let (_, factor) = TIME_UNITS.iter().find(|(name, _)| *name == unit)?;
            nanoseconds = nanoseconds.checked_add(decimal(number, *factor)?)?;
            rest = behind;
        }
        if text.trim().is_empty() {
            return None;
        }
        u64::try_from(nanoseconds).ok().map(|nanoseconds| Self(Duration::from_nanos(nanoseconds)))
    }
}

/// `number` times `factor`, exactly, the fraction as far as it is whole then.
fn decimal(number: &str, factor: u64) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') || fraction.len() > 12 {
        return None;
    }
    let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let part: u128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let scale = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    whole.checked_mul(factor.into())?.checked_add(part.checked_mul(factor.into())? / scale)
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanoseconds = self.0.as_nanos();
        let (unit, factor) = match nanoseconds {
            0 => return f.write_str("0s"),
            n if n % 1_000_000_000 == 0 => ("s", 1_000_000_000),
            n if n % 1_000_000 == 0 => ("ms", 1_000_000),
            _ => ("us", 1_000),
        };
        write!(f, "{}", nanoseconds / factor)?;
        let rest = nanoseconds % factor;
        if rest > 0 {
            f.write_str(format!(".{rest:03}").trim_end_matches('0'))?;
        }
        f.write_str(unit)
    }
}

word!(
    Period,
    json_schema!({"type": "string", "pattern": r"^([0-9]*\.?[0-9]+(us|ms|s|m|h))+$", "description": Period::EXPECTED})
);

/// A number of bytes, such as `512` or `64KiB`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

const SIZE_UNITS: [(&str, u64); 5] =
    [("KiB", 1 << 10), ("MiB", 1 << 20), ("KB", 1_000), ("MB", 1_000_000), ("B", 1)];

impl Word for Size {
    const EXPECTED: &'static str = "a size in bytes, such as 512, 64KiB or 2MB";

    fn from_text(text: &str) -> Option<Self> {
        let text = text.trim();
        let unit = SIZE_UNITS.iter().find(|(unit, _)| text.ends_with(unit));
        let (number, factor) =
            unit.map_or((text, 1), |(unit, factor)| (&text[..text.len() - unit.len()], *factor));
        let number = number.trim_end();
        if !number.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        u64::try_from(decimal(number, factor)?).ok().map(Self)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            n if n > 0 && n.is_multiple_of(1 << 20) => write!(f, "{}MiB", n >> 20),
            n if n > 0 && n.is_multiple_of(1 << 10) => write!(f, "{}KiB", n >> 10),
            n => write!(f, "{n}"),
        }
    }
}

word!(
    Size,
    json_schema!({"anyOf": [
        {"type": "integer", "minimum": 0},
        {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)? ?(B|KB|MB|KiB|MiB)?$"},
    ], "description": Size::EXPECTED})
);

/// Bytes a second, such as `10KB/s`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate(pub u64);

impl Word for Rate {
    const EXPECTED: &'static str = "a rate above 0, such as 10KB/s";

    fn from_text(text: &str) -> Option<Self> {
        let Size(bytes) = Size::from_text(text.trim().strip_suffix("/s")?)?;
        (bytes > 0).then_some(Self(bytes))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", Size(self.0))
    }
}

word!(Rate, json_schema!({"type": "string", "pattern": "^.+/s$", "description": Rate::EXPECTED}));

/// A share of a hundred, such as `5%`.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Percent(pub f64);

impl Word for Percent {
    const EXPECTED: &'static str = "a percentage, such as 5%";

    fn from_text(text: &str) -> Option<Self> {
        let number = text.trim().strip_suffix('%')?.trim_end();
        if !number.starts_with(|c: char| c.is_ascii_digit() || "-+.".contains(c)) {
            return None;
        }
        number.parse().ok().filter(|number: &f64| number.is_finite()).map(Self)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

word!(
    Percent,
    json_schema!({"type": "string", "pattern": "^[-+]?[0-9.]+ ?%$", "description": Percent::EXPECTED})
);

/// What a range may be of.
pub trait Bound: Word + Copy + PartialOrd + fmt::Display {}

impl Word for u64 {
    const EXPECTED: &'static str = "a whole number, or a range such as 2.., ..5 or 1..3";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Bound for u64 {}

impl Word for f64 {
    const EXPECTED: &'static str = "a number, or a range such as 0.5.., ..5 or 1..3";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok().filter(|number: &Self| number.is_finite())
    }

    fn from_number(number: f64) -> Option<Self> {
        Some(number)
    }
}

impl Bound for f64 {}
impl Bound for Period {}
impl Bound for Percent {}

/// From one value to another, both included; open where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range<T> {
    /// The least.
    pub low: Option<T>,
    /// The most.
    pub high: Option<T>,
}

impl<T: PartialOrd + Copy> Range<T> {
    /// Just this value.
    pub fn only(value: T) -> Self {
        Self { low: Some(value), high: Some(value) }
    }

    /// Whether a value lies in it.
    pub fn contains(&self, value: T) -> bool {
        self.low.is_none_or(|low| low <= value) && self.high.is_none_or(|high| value <= high)
    }
}

impl<T: Bound> Word for Range<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn from_text(text: &str) -> Option<Self> {
        let Some((low, high)) = text.split_once("..") else {
            return T::from_text(text).map(Self::only);
        };
        let bound = |text: &str| match text.trim() {
            "" => Some(None),
            text => T::from_text(text).map(Some),
        };
        let (low, high) = (bound(low)?, bound(high)?);
        let is_empty = low.is_none() && high.is_none();
        let is_reversed = low.zip(high).is_some_and(|(low, high)| low > high);
        (!is_empty && !is_reversed).then_some(Self { low, high })
    }

    fn from_number(number: f64) -> Option<Self> {
        T::from_number(number).map(Self::only)
    }
}

impl<T: Bound> fmt::Display for Range<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.low, self.high) {
            (Some(low), Some(high)) if low == high => write!(f, "{low}"),
            (low, high) => {
                low.map_or(Ok(()), |low| write!(f, "{low}"))?;
                f.write_str("..")?;
                high.map_or(Ok(()), |high| write!(f, "{high}"))
            }
        }
    }
}

word!(Range<T: Bound>, json_schema!({"type": ["string", "number"], "description": T::EXPECTED}));

/// Which of several in a row: any of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Count(pub List<CountItem>);

impl Count {
    /// Whether the n-th, counted from 1, is one of them.
    pub fn holds(&self, n: u64) -> bool {
        self.0.0.iter().any(|item| match item {
            CountItem::Range(range) => range.contains(n),
            CountItem::Every(every) => n > 0 && n.is_multiple_of(*every),
        })
    }
}

/// One range, or every so manieth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountItem {
    /// From one to another.
    Range(Range<u64>),
    /// Every n-th.
    Every(u64),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Every {
    Every(std::num::NonZeroU64),
}

impl<'de> Deserialize<'de> for CountItem {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ItemVisitor;

        impl<'de> Visitor<'de> for ItemVisitor {
            type Value = CountItem;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number, a range such as 2.., ..5 or 1..3, or {every: 3}")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<CountItem, E> {
                Range::from_text(text)
                    .map(CountItem::Range)
                    .ok_or_else(|| E::invalid_type(serde::de::Unexpected::Str(text), &self))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<CountItem, E> {
                Ok(CountItem::Range(Range::only(number)))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<CountItem, A::Error> {
                one_key::<A, Every>(map).map(|Every::Every(every)| CountItem::Every(every.get()))
            }
        }

        deserializer.deserialize_any(ItemVisitor)
    }
}

impl Serialize for CountItem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Range(range) => range.serialize(serializer),
            Self::Every(every) => serde_json::json!({"every": every}).serialize(serializer),
        }
    }
}

impl JsonSchema for CountItem {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "CountItem".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [
            {"type": "integer", "minimum": 0},
            {"type": "string", "pattern": r"^[0-9]*(\.\.)?[0-9]*$"},
            {
                "type": "object", "additionalProperties": false, "required": ["every"],
                "properties": {"every": {"type": "integer", "minimum": 1}},
            },
        ]})
    }
}

/// A list; one of a single item may drop its brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List<T>(pub Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> From<T> for List<T> {
    fn from(item: T) -> Self {
        Self(vec![item])
    }
}

impl<T> From<Vec<T>> for List<T> {
    fn from(items: Vec<T>) -> Self {
        Self(items)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
            type Value = List<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<List<T>, A::Error> {
                let mut list = Vec::with_capacity(items.size_hint().unwrap_or_default().min(1024));
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(List(list))
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<List<T>, D::Error> {
                inner.deserialize_seq(self)
            }
        }

        deserializer.deserialize_newtype_struct(LIST, ListVisitor(PhantomData))
    }
}

impl<T: Serialize> Serialize for List<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<T: JsonSchema> JsonSchema for List<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("List_of_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let item = generator.subschema_for::<T>();
        json_schema!({"anyOf": [item, {"type": "array", "items": item}]})
    }
}

impl FromStr for Period {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::from_text(text).ok_or(Self::EXPECTED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, microseconds) in [
            ("250ms", 250_000),
            ("1m30s", 90_000_000),
            ("0s", 0),
            ("0.4s", 400_000),
            ("1.5us", 1),
            ("2h", 7_200_000_000),
        ] {
            assert_eq!(Period::from_text(text).unwrap().0.as_micros(), microseconds, "{text}");
        }
        for text in ["", "5", "5 s", "s", "1x", "1.2.3s", "-1s", ".s"] {
            assert_eq!(Period::from_text(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_printed_is_read_back() {
        for nanoseconds in [0, 1, 1_000, 1_500, 999_999, 1_000_000, 1_234_567, 90_000_000_000] {
            let period = Period(Duration::from_nanos(nanoseconds));
            assert_eq!(Period::from_text(&period.to_string()), Some(period), "{period}");
        }
        for text in ["3", "2..", "..5", "1..3"] {
            assert_eq!(Range::<u64>::from_text(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_range_goes_upwards() {
        assert_eq!(Range::<u64>::from_text("3..1"), None);
        assert_eq!(Range::<u64>::from_text(".."), None);
        assert!(Range::<u64>::from_text("2..").unwrap().contains(2));
    }

    #[test]
    fn sizes_are_read_as_people_write_them() {
        let sizes = ["512", "64KiB", "2MB", "1.5KB", "7B"].map(|text| Size::from_text(text).unwrap().0);
        assert_eq!(sizes, [512, 65_536, 2_000_000, 1_500, 7]);
        assert_eq!(Size::from_text("lots"), None);
    }
}
