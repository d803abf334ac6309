//! Near names: what the user may have meant.

/// Returns the candidate that is nearest to `word`, if one is near enough to be meant.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let far = (word.chars().count() / 3).max(1);
    let distance = |candidate: &str| strsim::damerau_levenshtein(word, candidate);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len().abs_diff(word.len()) <= far && *candidate != word)
        .map(|candidate| (distance(candidate), candidate))
        .filter(|(distance, candidate)| *distance <= far && *distance < candidate.chars().count())
        .min()
        .map(|(_, candidate)| candidate)
}

/// Returns the names as prose: `a`, `b` and `c` in back quotes.
pub(crate) fn quoted_list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        None => "none".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(word: &str, candidates: &[&str], want: Option<&str>) {
        assert_eq!(nearest(word, candidates.iter().copied()), want, "{word}");
    }

    #[test]
    fn a_near_name_is_found_and_a_far_one_is_not() {
        check("runn", &["argv", "run"], Some("run"));
        check("comand", &["test", "command"], Some("command"));
        check("uper", &["lower", "upper"], Some("upper"));
        check("xyz", &["inputs", "outputs"], None);
        check("x", &["y"], None);
    }
}
