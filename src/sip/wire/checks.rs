//! What a request must be beyond its grammar, so that nobody acts on half of it.

use super::headers::NameAddrRef;
use super::lines::Lines;
use super::names::Field;
use super::{Malformed, Method, NameAddr, Uri, scan};
use crate::sip::message::Core;

/// Whether what names the transaction and the dialog of a request names them (RFC 3261 8.1.1).
pub(super) fn identity(core: &Core, call_id: &str) -> Result<(), Malformed> {
    // Of two protocols the other one may mean something else by its branch. This is a 400 and no 505, for that is about the
    // version in the request line (8.1.1.7, 21.5.6). The hops below are others' to read.
    if !core.via.as_ref().is_some_and(|via| via.protocol.eq_ignore_ascii_case("SIP/2.0")) {
        return Err(Malformed("a Via of another protocol"));
    }
    // The grammar has fewer characters (25.1, `word`), some senders have more; but it is always one piece.
    if call_id.bytes().any(|byte| byte.is_ascii_control() || byte == b' ') {
        return Err(Malformed("a Call-ID of several pieces"));
    }
    let has_empty_tag = |address: &NameAddr| address.params.contains("tag") && address.tag().is_none();
    if has_empty_tag(&core.from) || has_empty_tag(&core.to) {
        return Err(Malformed("an empty tag"));
    }
    Ok(())
}

/// Whether what the request says can be acted on.
pub(super) fn request(method: &Method, uri: &Uri, lines: &Lines<'_>) -> Result<(), Malformed> {
    if uri.headers.is_some() {
        // RFC 3261 19.1.1: they are for making requests of a URI; here they would be slipped in.
        return Err(Malformed("a Request-URI with headers"));
    }
    let names_addresses = |field| matches!(field, Field::Contact | Field::Route | Field::RecordRoute);
    let names_used = !ends_something(method);
    for (field, value) in lines.of(|field| field == Field::MaxForwards || names_used && names_addresses(field)) {
        if field == Field::MaxForwards {
            scan::digits::<u8>(value).ok_or(Malformed("Max-Forwards"))?;
        } else {
            addresses(method, field, value)?;
        }
    }
    Ok(())
}

/// Whether the request ends or confirms something: it has no use for addresses, and refused for their sake it would leave
/// a call hanging.
fn ends_something(method: &Method) -> bool {
    matches!(method, Method::Ack | Method::Bye | Method::Cancel)
}

/// Where the next request would go must be readable, or it would go elsewhere.
fn addresses(method: &Method, field: Field, value: &str) -> Result<(), Malformed> {
    let unbinds_all = value == "*" && field == Field::Contact && *method == Method::Register;
    if unbinds_all {
        return Ok(());
    }
    // RFC 3261 7.3.1 has no empty elements, some senders have.
    for value in scan::split_outside(value, b',').filter(|value| !value.is_empty()) {
        NameAddrRef::read(value)?;
    }
    Ok(())
}
