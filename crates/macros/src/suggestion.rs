//! "did you mean": the known word that a slip of the keyboard is nearest to.

/// `; did you mean …?`, or nothing where no word is near.
pub(crate) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let limit = (word.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|&(distance, _)| distance <= limit)
        .min()
        .map(|(_, candidate)| format!("; did you mean `{candidate}`?"))
        .unwrap_or_default()
}

/// `a`, `b`, `c` in backticks.
pub(crate) fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

/// The edit distance: insertions, deletions and substitutions from one word to the other.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (line, from) in left.chars().enumerate() {
        let mut before = line + 1;
        let mut next = vec![before];
        for (to, above) in right.chars().zip(row.windows(2)) {
            if let [diagonal, above] = above {
                before = (above + 1)
                    .min(before + 1)
                    .min(diagonal + usize::from(from != to));
                next.push(before);
            }
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}
