//! What a WWW-Authenticate or Proxy-Authenticate header demands, read tolerantly (RFC 3261 25.1, RFC 7616 3.3).

use super::algorithm::Algorithm;

/// Most challenges read from one header line; more are a mistake or malice.
const MAX_CHALLENGES: usize = 16;

/// A digest challenge that can be answered. Quoted values are kept as they stood between their quotes, for they are
/// hashed and repeated so (RFC 7616 3.4, `unq`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Challenge {
    /// Whose password is wanted.
    pub(super) realm: String,
    /// What makes the answer good for this time only.
    pub(super) nonce: String,
    /// How to hash.
    pub(super) algorithm: Algorithm,
    /// The algorithm as it was spelt; none when it was not named.
    pub(super) algorithm_name: Option<String>,
    /// What of the request is protected.
    pub(super) protection: Protection,
    /// What is to be repeated to whoever asks.
    pub(super) opaque: Option<String>,
    /// Where else the answer is good: URIs; empty when nothing is said.
    pub(super) domain: Vec<String>,
    /// The answer before was right but for its nonce.
    pub(super) stale: bool,
    /// The user name is to be hashed (RFC 7616 3.4.4).
    pub(super) userhash: bool,
}

/// What of a request is hashed: the `qop` of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protection {
    /// Nothing was offered: as RFC 2069 had it, without cnonce and count.
    Plain,
    /// Method and URI.
    Auth,
    /// Method, URI and body.
    AuthInt,
}

impl Challenge {
    /// The digest challenges in one header line that can be answered. Those of other schemes, of unknown algorithms or
    /// protections, and those without realm or nonce are left out.
    pub(super) fn read_all(line: &str) -> Vec<Challenge> {
        let mut groups: Vec<Group<'_>> = Vec::new();
        let mut rest = line;
        while let Some((word, value, after)) = next_word(rest) {
            rest = after;
            let is_full = groups.len() >= MAX_CHALLENGES;
            match (value, groups.last_mut()) {
                (Some(value), Some(group)) => group.params.push((word, value)),
                // A list that ought to stand in quotes: `qop=auth,auth-int`.
                (None, Some(Group { params, .. }))
                    if params.last().is_some_and(|(name, _)| name.eq_ignore_ascii_case("qop"))
                        && word.to_ascii_lowercase().starts_with("auth") =>
                {
                    params.push(("qop", word));
                }
                (None, _) if is_full => break,
                (None, _) => groups.push(Group { scheme: word, params: Vec::new() }),
                // A parameter before any scheme.
                (Some(_), None) => {}
            }
        }
        groups.iter().filter_map(Group::challenge).collect()
    }
}

/// A scheme and what follows it.
struct Group<'a> {
    scheme: &'a str,
    params: Vec<(&'a str, &'a str)>,
}

impl Group<'_> {
    fn challenge(&self) -> Option<Challenge> {
        if !self.scheme.eq_ignore_ascii_case("Digest") {
            return None;
        }
        let algorithm_name = self.get("algorithm").map(str::to_owned);
        Some(Challenge {
            realm: self.get("realm")?.to_owned(),
            nonce: self.get("nonce")?.to_owned(),
            algorithm: Algorithm::named(algorithm_name.as_deref())?,
            algorithm_name,
            protection: self.protection()?,
            opaque: self.get("opaque").map(str::to_owned),
            domain: self.get("domain").into_iter().flat_map(str::split_whitespace).map(str::to_owned).collect(),
            stale: self.is_true("stale"),
            userhash: self.is_true("userhash"),
        })
    }

    /// The protection that is chosen: `auth`, which no one on the way can spoil by changing a body, before `auth-int`.
    fn protection(&self) -> Option<Protection> {
        let offered: Vec<&str> = self
            .params
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("qop"))
            .flat_map(|(_, list)| list.split([',', ' ']))
            .filter(|word| !word.is_empty())
            .collect();
        let has = |wanted: &str| offered.iter().any(|word| word.eq_ignore_ascii_case(wanted));
        match () {
            () if offered.is_empty() => Some(Protection::Plain),
            () if has("auth") => Some(Protection::Auth),
            () if has("auth-int") => Some(Protection::AuthInt),
            () => None,
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }
}

/// The value of a parameter of a header that is nothing but parameters, such as Authentication-Info.
pub(super) fn parameter<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = line;
    while let Some((word, value, after)) = next_word(rest) {
        if word.eq_ignore_ascii_case(name) {
            return value;
        }
        rest = after;
    }
    None
}

/// The next word, its value when a `=` follows, and the rest. Commas and spaces separate; an open quote runs to the end.
fn next_word(text: &str) -> Option<(&str, Option<&str>, &str)> {
    let is_space = |c: char| c.is_ascii_whitespace();
    let text = text.trim_start_matches(|c| is_space(c) || matches!(c, ',' | '=' | '"'));
    if text.is_empty() {
        return None;
    }
    let end = text.find(|c| is_space(c) || matches!(c, ',' | '=' | '"')).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    let Some(value) = rest.trim_start_matches(is_space).strip_prefix('=') else {
        return Some((word, None, rest));
    };
    let value = value.trim_start_matches(is_space);
    let Some(quoted) = value.strip_prefix('"') else {
        let end = value.find(|c| is_space(c) || c == ',').unwrap_or(value.len());
        let (value, rest) = value.split_at(end);
        return Some((word, Some(value), rest));
    };
    let mut escaped = false;
    let end = quoted.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    let end = end.unwrap_or(quoted.len());
    Some((word, Some(&quoted[..end]), quoted.get(end + 1..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::super::algorithm::Hash;
    use super::*;

    fn read(line: &str) -> Challenge {
        let mut found = Challenge::read_all(line);
        assert_eq!(found.len(), 1, "{line}");
        found.remove(0)
    }

    #[test]
    fn everything_that_a_challenge_can_say() {
        let challenge = read(
            "Digest realm=\"a, \\\"b\\\"\", domain=\"sip:x.example sips:y.example\", nonce=\"n=/+,1\", opaque=\"\", stale=TRUE, \
             algorithm=SHA-512-256-sess, qop=\"auth-int,auth\", userhash=true, charset=UTF-8, nonsense=1",
        );
        assert_eq!(challenge.realm, "a, \\\"b\\\"");
        assert_eq!(challenge.nonce, "n=/+,1");
        assert_eq!(challenge.opaque.as_deref(), Some(""));
        assert_eq!(challenge.domain, ["sip:x.example", "sips:y.example"]);
        assert_eq!(challenge.algorithm, Algorithm { hash: Hash::Sha512_256, session: true });
        assert_eq!(challenge.protection, Protection::Auth);
        assert!(challenge.stale && challenge.userhash);
    }

    #[test]
    fn quotes_spaces_and_commas_may_be_missing_or_too_many() {
        let plain = read("Digest realm=\"h\",nonce=\"1\"");
        assert_eq!((plain.protection, plain.algorithm.hash, plain.stale), (Protection::Plain, Hash::Md5, false));
        assert_eq!(plain.algorithm_name, None);
        for line in [
            "digest realm = h , nonce = 1 , qop = auth , algorithm = \"md5\"",
            "DIGEST , realm=\"h\" nonce=\"1\" qop=\"auth\" algorithm=MD5",
            "Digest realm=h,nonce=1,qop=auth,auth-int,algorithm=MD5,",
            "Digest realm=\"h\", nonce=\"1\", algorithm=MD5, qop=\" auth , auth-int \"",
            "Digest nonce=\"1\", qop=\"auth\", algorithm=MD5, realm=\"h",
        ] {
            let challenge = read(line);
            assert_eq!((challenge.realm.as_str(), challenge.nonce.as_str()), ("h", "1"), "{line}");
            assert_eq!(challenge.protection, Protection::Auth, "{line}");
            assert!(challenge.algorithm_name.is_some(), "{line}");
        }
    }

    #[test]
    fn several_in_one_line_and_those_of_other_schemes() {
        let found = Challenge::read_all(
            "Negotiate YWJj==, Basic realm=\"b\", Digest realm=\"one\", nonce=\"1\", algorithm=MD5, Digest realm=\"one\", \
             nonce=\"2\", algorithm=SHA-256, NTLM, Digest realm=\"odd\", nonce=\"3\", algorithm=SHA3-9, Digest realm=\"q\", \
             nonce=\"4\", qop=\"auth-conf\", Digest nonce=\"5\"",
        );
        let found: Vec<_> =
            found.iter().map(|challenge| (challenge.realm.as_str(), challenge.nonce.as_str())).collect();
        assert_eq!(found, [("one", "1"), ("one", "2")]);
    }

    #[test]
    fn nonsense_is_no_challenge_and_an_endless_list_ends() {
        for line in
            ["", "Digest", "=", "\"", "realm=\"x\"", "Digest realm=\"x\", nonce", "Digest \\\"", "Digest realm=\"x"]
        {
            assert_eq!(Challenge::read_all(line), [], "{line}");
        }
        let many = "Digest realm=\"x\", nonce=\"1\", ".repeat(100);
        assert_eq!(Challenge::read_all(&many).len(), MAX_CHALLENGES);
    }

    #[test]
    fn a_parameter_of_a_header_without_a_scheme() {
        let line = "qop=auth, rspauth=\"x, nextnonce=no\", NextNonce=\"abc=\", nc=1";
        assert_eq!(parameter(line, "nextnonce"), Some("abc="));
        assert_eq!(parameter(line, "cnonce"), None);
    }
}
