//! Letters without their marks, so that "muller" finds "Müller".

/// The letters of the Latin alphabet with marks, under the letter that they are looked for by.
const MARKED: &[(char, &str)] = &[
    ('a', "àáâãäåāăąǎǟǡǻȁȃȧḁạảấầẩẫậắằẳẵặ"),
    ('b', "ḃḅḇ"),
    ('c', "çćĉċčḉ"),
    ('d', "ďđḋḍḏḑḓð"),
    ('e', "èéêëēĕėęěȅȇȩḕḗḙḛḝẹẻẽếềểễệ"),
    ('f', "ḟ"),
    ('g', "ĝğġģǥǧǵḡ"),
    ('h', "ĥħȟḣḥḧḩḫẖ"),
    ('i', "ìíîïĩīĭįıǐȉȋḭḯỉị"),
    ('j', "ĵǰ"),
    ('k', "ķǩḱḳḵ"),
    ('l', "ĺļľŀłḷḹḻḽ"),
    ('m', "ḿṁṃ"),
    ('n', "ñńņňǹṅṇṉṋŉ"),
    ('o', "òóôõöøōŏőơǒǫǭǿȍȏȫȭȯȱṍṏṑṓọỏốồổỗộớờởỡợ"),
    ('p', "ṕṗ"),
    ('r', "ŕŗřȑȓṙṛṝṟ"),
    ('s', "śŝşšșṡṣṥṧṩ"),
    ('t', "ţťŧțṫṭṯṱẗ"),
    ('u', "ùúûüũūŭůűųưǔǖǘǚǜȕȗṳṵṷṹṻụủứừửữự"),
    ('v', "ṽṿ"),
    ('w', "ŵẁẃẅẇẉẘ"),
    ('x', "ẋẍ"),
    ('y', "ýÿŷȳẏẙỳỵỷỹ"),
    ('z', "źżžẑẓẕ"),
];

/// `text` in small letters without marks: `Müller` is `muller`, `Straße` is `strasse`.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            'a'..='z' | '0'..='9' | ' ' => folded.push(c),
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'þ' => folded.push_str("th"),
            // Marks that stand by themselves behind their letter.
            '\u{300}'..='\u{36f}' => {}
            c if c.is_ascii() => folded.push(c),
            c => folded.push(MARKED.iter().find(|(_, marked)| marked.contains(c)).map_or(c, |(plain, _)| *plain)),
        }
    }
    folded
}

/// The same with the vowels as German writes them without marks: `Müller` is `mueller`. None where that is no other.
pub(super) fn fold_german(text: &str) -> Option<String> {
    let lower = text.to_lowercase();
    if !lower.contains(['ä', 'ö', 'ü', '\u{308}']) {
        return None;
    }
    let composed = [("a\u{308}", "ae"), ("o\u{308}", "oe"), ("u\u{308}", "ue"), ("ä", "ae"), ("ö", "oe"), ("ü", "ue")];
    let spelled = composed.iter().fold(lower, |text, (marked, plain)| text.replace(marked, plain));
    Some(fold(&spelled))
}

/// Under which letter a name stands: a capital without marks, or `#` for what begins with none.
pub fn initial(name: &str) -> char {
    let first = fold(name.trim_start()).chars().next();
    match first {
        Some(letter) if letter.is_alphabetic() => letter.to_uppercase().next().unwrap_or(letter),
        _ => '#',
    }
}
