//! What a registrar lists in its answer to a REGISTER, and which of it is ours (RFC 3261 10.2.4, 10.3).

use std::time::Duration;

use crate::sip::message::{NameAddr, Response, Uri};
use crate::sip::wire::scan;

/// The binding that is ours, and how many are not.
#[derive(Debug)]
pub(super) struct Bindings {
    /// Ours, as the registrar spells it.
    pub(super) own: Option<Own>,
    /// Those that do not say that they are another device's, while none of them is known to be ours: one of them may be ours
    /// all the same, written anew on the way.
    pub(super) unknown: Vec<Own>,
    /// Those of other devices.
    pub(super) others: usize,
}

/// Our binding.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Own {
    /// The contact as it was listed.
    pub(super) contact: Uri,
    /// How long it lasts, if that is said of it.
    pub(super) expires: Option<Duration>,
    /// The public GRUU (RFC 5627 4.2).
    pub(super) gruu: Option<Uri>,
}

/// By what our binding is told from others.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ours<'a> {
    /// The contact that we sent.
    pub(super) contact: &'a Uri,
    /// The contact as the registrar has listed it before.
    pub(super) known_as: Option<&'a Uri>,
    /// Our device.
    pub(super) instance: Option<&'a str>,
}

/// How sure it is that a binding is ours; a later one is surer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Likeness {
    /// The same user part somewhere else: rewritten on the way, or another phone of the flat.
    Name,
    /// The same user part at the same address, whatever the parameters.
    Place,
    /// The same URI.
    Uri,
    /// The same device.
    Instance,
}

impl Bindings {
    /// Reads an answer; what is less like ours than `at_least` belongs to others.
    pub(super) fn read(response: &Response, ours: Ours<'_>, at_least: Likeness) -> Self {
        let (over, listed): (Vec<NameAddr>, Vec<NameAddr>) = response
            .headers("Contact")
            .filter_map(|value| NameAddr::parse(value).ok())
            .partition(|contact| seconds(contact.params.get("expires")) == Some(0));
        let likeness = |contact: &NameAddr| ours.likeness(contact).filter(|likeness| *likeness >= at_least);
        let own = listed.iter().filter_map(|contact| Some((likeness(contact)?, contact)));
        // Of those that are alike the first, since the newest is listed first where there is an order.
        let own = own.reduce(|best, next| if next.0 > best.0 { next } else { best }).map(|(_, contact)| contact);
        let unknown = match own {
            Some(_) => Vec::new(),
            // It was not written anew, and is not bound.
            None if over.iter().any(|contact| is_same_place(ours.contact, &contact.uri)) => Vec::new(),
            None => listed.iter().filter(|contact| !ours.is_other_device(contact)).map(Own::of).collect(),
        };
        Bindings { others: listed.len() - usize::from(own.is_some()), own: own.map(Own::of), unknown }
    }
}

impl Own {
    fn of(contact: &NameAddr) -> Self {
        let gruu = contact.params.unquoted("pub-gruu").and_then(|uri| Uri::parse(&uri).ok());
        let expires = seconds(contact.params.get("expires")).map(|seconds| Duration::from_secs(seconds.into()));
        Own { contact: contact.uri.clone(), expires, gruu }
    }
}

impl Ours<'_> {
    fn likeness(&self, contact: &NameAddr) -> Option<Likeness> {
        let same_uri = |ours: &Uri| ours.equivalent(&contact.uri);
        let same_place = |ours: &Uri| is_same_place(ours, &contact.uri);
        if self.is_this_device(contact) {
            Some(Likeness::Instance)
        } else if self.contacts().any(same_uri) {
            Some(Likeness::Uri)
        } else if self.contacts().any(same_place) {
            Some(Likeness::Place)
        } else if self.is_other_device(contact) {
            None
        } else {
            (self.contact.user_text() == contact.uri.user_text()).then_some(Likeness::Name)
        }
    }

    /// The same device, and not by a second connection of it.
    fn is_this_device(&self, contact: &NameAddr) -> bool {
        let theirs = contact.params.unquoted("+sip.instance");
        let is_first_flow = contact.params.get("reg-id").is_none_or(|id| id == "1");
        let both = theirs.as_deref().zip(self.instance);
        is_first_flow && both.is_some_and(|(theirs, ours)| bare(theirs).eq_ignore_ascii_case(bare(ours)))
    }

    /// Another device says that it is another one.
    fn is_other_device(&self, contact: &NameAddr) -> bool {
        let both_have_names = self.instance.is_some() && contact.params.contains("+sip.instance");
        both_have_names && !self.is_this_device(contact)
    }

    fn contacts(&self) -> impl Iterator<Item = &Uri> {
        self.known_as.into_iter().chain([self.contact])
    }
}

/// The value of a header or parameter that is a number of seconds, perhaps with a comment behind it.
pub(super) fn seconds(text: Option<&str>) -> Option<u32> {
    text?.trim().split([';', '(', ' ']).next().and_then(scan::digits)
}

fn is_same_place(one: &Uri, other: &Uri) -> bool {
    let port = |uri: &Uri| uri.port().unwrap_or(if uri.is_sips() { 5061 } else { 5060 });
    one.user_text() == other.user_text() && one.host().eq_ignore_ascii_case(other.host()) && port(one) == port(other)
}

/// A device's name without its angle brackets.
fn bare(instance: &str) -> &str {
    instance.trim().trim_start_matches('<').trim_end_matches('>')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::message::Message;
    use crate::sip::wire::parse_datagram;

    const DEVICE: &str = "urn:uuid:00000000-0000-1000-8000-00A0C9000001";

    fn answer(contacts: &str) -> Response {
        let text = format!(
            "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:a@h>;tag=2\r\nCall-ID: c\r\n\
             CSeq: 1 REGISTER\r\n{contacts}Content-Length: 0\r\n\r\n"
        );
        let Message::Response(response) = parse_datagram(text.as_bytes()).unwrap() else { panic!() };
        response
    }

    fn read(contacts: &str, instance: Option<&str>, at_least: Likeness) -> (Option<u64>, usize) {
        let contact = Uri::parse("sip:501@192.0.2.7:5062;transport=tcp").unwrap();
        let ours = Ours { contact: &contact, known_as: None, instance };
        let Bindings { own, others, .. } = Bindings::read(&answer(contacts), ours, at_least);
        (own.map(|own| own.expires.map_or(0, |expires| expires.as_secs())), others)
    }

    #[test]
    fn our_binding_is_found_among_others() {
        let others = "Contact: <sip:501@192.0.2.8>;expires=7, \"Other\" <sip:501@192.0.2.9:5062>;expires=8\r\n";
        for ours in [
            "<sip:501@192.0.2.7:5062;transport=tcp>;expires=60",
            "<sip:501@192.0.2.7:5062;transport=TCP;ob>;q=0.5;expires=60;received=\"sip:1.2.3.4:9\"",
            "<sip:%35%301@192.0.2.7:5062>;expires=60",
            "<sip:x@1.2.3.4>;+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-00a0c9000001>\";expires=60;reg-id=1",
        ] {
            let text = format!("{others}m: {ours}\r\nContact: <sip:502@192.0.2.7:5062>\r\n");
            assert_eq!(read(&text, Some(DEVICE), Likeness::Place), (Some(60), 3), "{ours}");
        }
        assert_eq!(read(others, Some(DEVICE), Likeness::Place), (None, 2));
        assert_eq!(read("", None, Likeness::Place), (None, 0));
    }

    #[test]
    fn the_surest_of_several_is_ours() {
        let text = "Contact: <sip:501@9.9.9.9>;expires=1, <sip:501@192.0.2.7:5062>;expires=2\r\n\
            Contact: <sip:501@192.0.2.7:5062;transport=tcp>;expires=3\r\n";
        assert_eq!(read(text, None, Likeness::Name), (Some(3), 2));
        let device = format!("{text}Contact: <sip:501@8.8.8.8>;+sip.instance=\"<{DEVICE}>\";expires=4\r\n");
        assert_eq!(read(&device, Some(DEVICE), Likeness::Name), (Some(4), 3));
        let other_flow = device.replace(";expires=4", ";reg-id=2;expires=4");
        assert_eq!(read(&other_flow, Some(DEVICE), Likeness::Name), (Some(3), 3));
    }

    #[test]
    fn a_name_elsewhere_is_ours_only_where_that_is_asked_for() {
        let text = "Contact: <sip:501@9.9.9.9:1>;expires=5\r\n";
        assert_eq!(read(text, Some(DEVICE), Likeness::Name), (Some(5), 0));
        assert_eq!(read(text, Some(DEVICE), Likeness::Place), (None, 1));
        let other = "Contact: <sip:501@9.9.9.9:1>;+sip.instance=\"<urn:uuid:1>\"\r\n";
        assert_eq!(read(other, Some(DEVICE), Likeness::Name), (None, 1));
    }

    #[test]
    fn one_that_is_nobodys_may_be_ours_written_anew() {
        let contact = Uri::parse("sip:501@192.0.2.7:5062").unwrap();
        let ours = Ours { contact: &contact, known_as: None, instance: Some(DEVICE) };
        let unknown = |text: &str| {
            let found = Bindings::read(&answer(text), ours, Likeness::Name).unknown;
            found.into_iter().map(|own| own.contact.to_string()).collect::<Vec<_>>()
        };
        let other_device = "Contact: <sip:4711@9.9.9.9>;+sip.instance=\"<urn:uuid:1>\";expires=9\r\n";
        let other_flow = format!("Contact: <sip:4711@9.9.9.9>;+sip.instance=\"<{DEVICE}>\";reg-id=2;expires=9\r\n");
        for nobodys in ["", "Contact: *\r\n", "Contact: <sip:4711@9.9.9.9>;expires=0\r\n", other_device, &other_flow] {
            assert_eq!(unknown(nobodys), [""; 0], "{nobodys}");
        }
        let ours_is_over = "Contact: <sip:4711@9.9.9.9>\r\nContact: <sip:501@192.0.2.7:5062>;expires=0\r\n";
        assert_eq!(unknown(ours_is_over), [""; 0]);
        let two = format!("{other_device}Contact: <sip:4711-x7@9.9.9.9:5060;ob>;expires=5, <sip:502@8.8.8.8>\r\n");
        assert_eq!(unknown(&two), ["sip:4711-x7@9.9.9.9:5060;ob", "sip:502@8.8.8.8"]);
        assert_eq!(unknown(&format!("{two}Contact: <sip:501@9.9.9.9>\r\n")), [""; 0], "ours is known by its name");
    }

    #[test]
    fn what_has_run_out_is_not_bound() {
        let text = "Contact: <sip:501@192.0.2.7:5062;transport=tcp>;expires=0\r\n";
        assert_eq!(read(text, None, Likeness::Name), (None, 0));
    }

    #[test]
    fn a_public_gruu_is_read() {
        let contact = Uri::parse("sip:501@192.0.2.7").unwrap();
        let ours = Ours { contact: &contact, known_as: None, instance: None };
        let text = "Contact: <sip:501@192.0.2.7>;pub-gruu=\"sip:501@h;gr=urn:uuid:1\";temp-gruu=\"sip:x@h;gr\"\r\n";
        let own = Bindings::read(&answer(text), ours, Likeness::Uri).own.unwrap();
        assert_eq!(own.gruu.unwrap().to_string(), "sip:501@h;gr=urn:uuid:1");
    }

    #[test]
    fn seconds_with_what_stands_behind_them() {
        assert_eq!(seconds(Some("18000 (in a meeting);duration=3600")), Some(18_000));
        assert_eq!(seconds(Some("120;x")), Some(120));
        assert_eq!(seconds(Some("soon")), None);
        assert_eq!(seconds(Some("99999999999")), None);
        assert_eq!(seconds(None), None);
    }
}
