//! Sizes on the command line.

/// A size in bytes, as people write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size(pub(super) u64);

const UNITS: [(&str, u64); 7] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("KB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("B", 1),
];

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            bytes if bytes >= 1_000_000 && bytes.is_multiple_of(1_000_000) => {
                write!(f, "{}MB", bytes / 1_000_000)
            }
            bytes => write!(f, "{bytes}"),
        }
    }
}

impl std::str::FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let unit = UNITS.iter().find(|(unit, _)| text.ends_with(unit));
        let (number, factor) =
            unit.map_or((text, 1), |(unit, factor)| (&text[..text.len() - unit.len()], *factor));
        let bytes = number.trim().parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
        bytes.map(Self).ok_or_else(|| "expected a size such as 512, 64KiB, 30MB or 1GiB".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::MAX_BODY;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        let sizes = ["512", "64KiB", "30MB", "1 GiB", "7B"].map(|text| text.parse::<Size>().unwrap().0);
        assert_eq!(sizes, [512, 65_536, 30_000_000, 1 << 30, 7]);
        assert!("lots".parse::<Size>().is_err());
        assert!("99999999999999999999MB".parse::<Size>().is_err());
        assert_eq!(Size(MAX_BODY).to_string(), "30MB");
    }
}
