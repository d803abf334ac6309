//! Sizes as people write them: `50GiB`, `500MB`.

/// Parses a number with a unit; a number alone is bytes.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().ok()?;
    let unit: u64 = match text[digits..].trim() {
        "" | "B" => 1,
        "kB" | "KB" => 1000,
        "MB" => 1000_u64.pow(2),
        "GB" => 1000_u64.pow(3),
        "TB" => 1000_u64.pow(4),
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return None,
    };
    number.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn sizes_have_units_of_ten_and_of_two() {
        for (text, want) in [
            ("50GiB", Some(50 << 30)),
            ("500MB", Some(500_000_000)),
            ("7", Some(7)),
            ("1 TB", Some(1_000_000_000_000)),
            ("", None),
            ("GB", None),
            ("5 apples", None),
            ("99999999999999999999", None),
            ("99999999TiB", None),
        ] {
            assert_eq!(parse(text), want, "{text}");
        }
    }
}
