//! SIP status codes and the ends of sessions in the words of the screen, and what the call log says of them.

use crate::channel::{CallDirection, CallResult, EndReason};
use crate::sdp::SdpError;
use crate::sip::{EndCause, Rejection, Warning};

/// Why a call of ours came to nothing, from the final status.
pub(super) fn of_status(status: u16) -> EndReason {
    match status {
        486 | 600 => EndReason::Busy,
        603 => EndReason::Refused,
        404 | 410 | 484 | 485 | 604 => EndReason::NotFound,
        480 => EndReason::Unavailable,
        408 => EndReason::NoResponse,
        415 | 488 | 606 => EndReason::NoCommonCodec,
        401 | 403 | 407 => EndReason::Forbidden(status),
        other => EndReason::Failed(other),
    }
}

/// Why a call is over, from what its session says. `answered` tells a lost call from one that never came about.
pub(super) fn of_end(cause: &EndCause, direction: CallDirection, answered: bool) -> EndReason {
    match cause {
        EndCause::Local => EndReason::Local,
        EndCause::Remote => EndReason::Remote,
        EndCause::Cancelled { completed_elsewhere: true } => EndReason::AnsweredElsewhere,
        EndCause::Cancelled { completed_elsewhere: false } => EndReason::Missed,
        EndCause::OfferUnanswered => EndReason::NoCommonCodec,
        EndCause::Rejected(_, _) | EndCause::TimedOut | EndCause::TransportError if answered => EndReason::Lost,
        EndCause::Rejected(status, _) => of_status(*status),
        EndCause::TimedOut if direction == CallDirection::Out => EndReason::NoResponse,
        EndCause::TransportError if direction == CallDirection::Out => EndReason::Unreachable,
        EndCause::TimedOut | EndCause::TransportError | EndCause::NotRefreshed | EndCause::NoAck => EndReason::Lost,
    }
}

/// How an offer is refused that cannot be used: the only place that says so to INVITE, re-INVITE and UPDATE.
pub(super) fn rejection(error: &SdpError) -> Rejection {
    let (code, text) = error.warning();
    Rejection { status: error.status(), warning: Some(Warning { code, text }) }
}

/// Of the reasons why two calls to different places came to nothing, the one that says more: that somebody is there comes
/// before that nobody is, and what can be helped by calling again before what cannot.
pub(super) fn that_says_more(one: EndReason, other: EndReason) -> EndReason {
    if rank(other) < rank(one) { other } else { one }
}

fn rank(why: EndReason) -> u8 {
    match why {
        EndReason::Busy => 0,
        EndReason::Refused => 1,
        EndReason::NoAnswer => 2,
        EndReason::Unavailable => 3,
        EndReason::NoCommonCodec => 4,
        EndReason::Forbidden(_) => 5,
        EndReason::NotFound => 6,
        EndReason::Failed(_) => 7,
        EndReason::NoResponse => 8,
        EndReason::Unreachable => 9,
        EndReason::HostNotFound | EndReason::NoNameServer => 10,
        EndReason::Local
        | EndReason::Remote
        | EndReason::Missed
        | EndReason::Declined
        | EndReason::Dnd
        | EndReason::NotAccepted
        | EndReason::UnknownSource
        | EndReason::MayNotCall
        | EndReason::BlockedContact
        | EndReason::AnsweredElsewhere
        | EndReason::TimeLimit
        | EndReason::Lost => 11,
    }
}

/// What the call log says.
pub(super) fn in_log(reason: EndReason, direction: CallDirection, answered: bool) -> CallResult {
    match (reason, direction) {
        _ if answered => CallResult::Answered,
        (_, CallDirection::Out) => CallResult::Failed,
        (EndReason::Declined, _) => CallResult::Declined,
        (EndReason::Dnd, _) => CallResult::Dnd,
        (EndReason::NotAccepted | EndReason::UnknownSource | EndReason::MayNotCall | EndReason::BlockedContact, _) => {
            CallResult::Blocked
        }
        (EndReason::AnsweredElsewhere, _) => CallResult::AnsweredElsewhere,
        // It could not even ring: nothing that a resident missed, something for the installer.
        (EndReason::NoCommonCodec, _) => CallResult::Failed,
        _ => CallResult::Missed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_final_status_has_words() {
        for status in 300..700 {
            assert!(!of_status(status).to_string().is_empty());
        }
        assert_eq!(of_status(486), EndReason::Busy);
        assert_eq!(of_status(302), EndReason::Failed(302));
        assert_eq!(of_status(500).to_string(), "failed (500)");
    }

    #[test]
    fn busy_says_more_than_not_found() {
        let best = |all: &[EndReason]| all.iter().copied().reduce(that_says_more);
        assert_eq!(best(&[EndReason::NotFound, EndReason::Busy, EndReason::Unreachable]), Some(EndReason::Busy));
        assert_eq!(best(&[EndReason::NoResponse, EndReason::Failed(500)]), Some(EndReason::Failed(500)));
        assert_eq!(best(&[EndReason::Forbidden(403), EndReason::Forbidden(401)]), Some(EndReason::Forbidden(403)));
    }

    #[test]
    fn the_log_tells_missed_from_failed() {
        let cancelled = of_end(&EndCause::Cancelled { completed_elsewhere: false }, CallDirection::In, false);
        assert_eq!(in_log(cancelled, CallDirection::In, false), CallResult::Missed);
        let elsewhere = of_end(&EndCause::Cancelled { completed_elsewhere: true }, CallDirection::In, false);
        assert_eq!(in_log(elsewhere, CallDirection::In, false), CallResult::AnsweredElsewhere);
        let busy = of_end(&EndCause::Rejected(486, String::new()), CallDirection::Out, false);
        assert_eq!(in_log(busy, CallDirection::Out, false), CallResult::Failed);
        assert_eq!(of_end(&EndCause::TimedOut, CallDirection::Out, false), EndReason::NoResponse);
        assert_eq!(of_end(&EndCause::TransportError, CallDirection::Out, false), EndReason::Unreachable);
        assert_eq!(of_end(&EndCause::TimedOut, CallDirection::Out, true), EndReason::Lost);
        assert_eq!(in_log(EndReason::NoCommonCodec, CallDirection::In, false), CallResult::Failed);
        assert_eq!(in_log(EndReason::Remote, CallDirection::In, true), CallResult::Answered);
    }
}
