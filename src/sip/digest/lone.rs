//! A single request of another protocol that answers a challenge by itself: a door that is asked by HTTP (RFC 7616 3).

use super::Credentials;
use super::answer::{self, Asked};
use super::challenge::Challenge;
use super::keyring::is_better;

/// What a lone request says to a challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoneAnswer {
    /// The value of its Authorization header.
    pub header: String,
    /// The challenge finds nothing wrong with an answer before this but its nonce (RFC 7616 3.3).
    pub stale: bool,
}

/// The answer to the strongest challenge of these WWW-Authenticate headers that can be answered, for a request without body:
/// its method and its target byte for byte as it is sent, and a nonce of our own.
pub fn answer_lone<'a>(
    credentials: &Credentials,
    challenges: impl IntoIterator<Item = &'a str>,
    method: &str,
    target: &str,
    cnonce: &str,
) -> Option<LoneAnswer> {
    let offered = challenges.into_iter().flat_map(Challenge::read_all);
    let challenge = offered.reduce(|best, other| if is_better(&other, &best) { other } else { best })?;
    let secret = answer::secret(credentials, &challenge, cnonce);
    let asked = Asked { method, uri: target, body: b"", count: 1, cnonce };
    let header = answer::header(credentials, &challenge, &secret, asked);
    Some(LoneAnswer { header, stale: challenge.stale })
}

#[cfg(test)]
mod tests {
    use super::super::Password;
    use super::*;

    /// By the examples of RFC 7616 3.9.1.
    #[test]
    fn the_strongest_challenge_is_answered_and_other_schemes_are_passed_over() {
        let credentials = Credentials { name: "Mufasa".to_owned(), password: Password::new("Circle of Life") };
        let challenge = |algorithm: &str| {
            format!(
                "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={algorithm}, \
                 nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
                 opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
            )
        };
        let answer = |lines: &[&str]| {
            let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
            answer_lone(&credentials, lines.iter().copied(), "GET", "/dir/index.html", cnonce)
        };
        let (md5, sha) = (challenge("MD5"), challenge("SHA-256"));
        let both = answer(&["Basic realm=\"x\"", &md5, &sha]).expect("it can be answered");
        assert!(both.header.contains("753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"), "{both:?}");
        let one = answer(&[&md5]).expect("it can be answered");
        assert!(one.header.contains("8ca523f5e9506fed4657c9700eebdbec") && !one.stale, "{one:?}");
        assert!(answer(&[&format!("{md5}, stale=true")]).expect("it can be answered").stale);
        assert_eq!(answer(&["Basic realm=\"x\"", "Digest realm=\"x\""]), None);
    }
}
