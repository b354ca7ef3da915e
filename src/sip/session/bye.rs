//! BYE: ending a dialog from either side (RFC 3261 15).

use super::context::Context;
use crate::sip::dialog::Dialog;
use crate::sip::message::{Method, Response};
use crate::sip::path::Path;
use crate::sip::transaction::ClientKey;

/// Sends a BYE; the dialog is over, whatever the answer (15.1.1).
pub fn send(cx: &mut Context<'_>, dialog: &mut Dialog) -> ClientKey {
    let request = dialog.request(Method::Bye);
    cx.send_in(dialog, request)
}

/// A 2xx to an INVITE of ours that nobody waits for: another branch accepted, or we had given up. It is
/// acknowledged and its dialog ended (13.2.2.4). Gives the dialog and its BYE.
pub fn refuse_acceptance(
    cx: &mut Context<'_>,
    invite: &ClientKey,
    response: &Response,
    path: Path,
) -> Option<(Dialog, ClientKey)> {
    let client = cx.transactions().invite_client_mut(invite)?;
    let request = client.request();
    let contact = request.contact()?.uri.clone();
    let way = Path { flow: path.flow, ..client.path() };
    let mut dialog = Dialog::from_response(request, response, contact, way);
    // This branch may have got a PRACK or an INFO before: a BYE with its number would be out of order (12.2.2).
    dialog.continue_from(client.latest_number());
    let cseq = request.cseq().0;
    let is_first = request.to().tag().is_none();
    cx.acknowledge(invite, &dialog, cseq, None);
    if !is_first {
        // A re-INVITE of a dialog whose BYE is out already.
        return None;
    }
    let key = send(cx, &mut dialog);
    Some((dialog, key))
}
