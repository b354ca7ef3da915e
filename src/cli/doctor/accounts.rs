//! The certificates of the accounts.

use std::path::Path;
use std::time::{Duration, SystemTime};

use super::Finding;
use crate::channel::TlsFault;
use crate::config::{Account, AccountConfig, AccountTransport, SrvOver, moment_text};
use crate::worker::certificates::expiry;
use crate::worker::net::tls;

const CHECK: &str = "certificates";
/// A certificate that runs out sooner than this is to be replaced.
const SOON: Duration = Duration::from_secs(30 * 86_400);

/// Whether the files that an account names can be used; nothing for an account that needs none. They lie in `place`.
pub(super) fn certificates(account: Account, config: &AccountConfig, place: &Path, now: SystemTime) -> Option<Finding> {
    let named = [&config.tls_ca, &config.tls_certificate].map(|name| (!name.is_empty()).then(|| place.join(name)));
    let files: Vec<_> = named.into_iter().flatten().collect();
    if !(config.active && speaks_tls(config)) && files.is_empty() && config.tls_key.is_empty() {
        return None;
    }
    let checked = tls::check(config, place);
    let ends: Vec<_> = files.iter().filter_map(|file| Some((file.display().to_string(), expiry(file).ok()?))).collect();
    Some(verdict(account, checked, &ends, now))
}

/// Whether an account can come to speak TLS as it is set.
fn speaks_tls(config: &AccountConfig) -> bool {
    match config.transport {
        AccountTransport::Tls => true,
        AccountTransport::DnsSrv => matches!(config.srv_over, SrvOver::Auto | SrvOver::Tls),
        AccountTransport::Udp | AccountTransport::Tcp => false,
    }
}

/// `trusted` is whether anybody would be, or what is wrong with a file; `ends` are files and when they run out.
fn verdict(
    account: Account,
    trusted: Result<bool, TlsFault>,
    ends: &[(String, SystemTime)],
    now: SystemTime,
) -> Finding {
    let import = format!("vestibule ctl certificate import {} authority|client|key FILE", account.number());
    match trusted {
        Err(fault) => {
            return Finding::problem(CHECK, format!("{account}: {fault}"), format!("import it anew: {import}"));
        }
        Ok(false) => {
            let what = format!("{account}: no authority is trusted, so no server is");
            return Finding::problem(CHECK, what, format!("install ca-certificates, or import one: {import}"));
        }
        Ok(true) => {}
    }
    let Some((file, end)) = ends.iter().min_by_key(|(_, end)| *end) else {
        return Finding::ok(CHECK, format!("{account}: those of the system are there"));
    };
    let until = moment_text(*end);
    if *end <= now {
        Finding::problem(CHECK, format!("{account}: {file} ran out on {until}"), format!("import another: {import}"))
    } else if *end <= now + SOON {
        Finding::warning(CHECK, format!("{account}: {file} runs out on {until}"), format!("import another: {import}"))
    } else {
        Finding::ok(CHECK, format!("{account}: {file} is good until {until}"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;
    use crate::config::Config;

    const DAY: Duration = Duration::from_secs(86_400);

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + 20_000 * DAY
    }

    #[test]
    fn what_runs_out_first_counts() {
        let of = |days: &[u32]| {
            let ends: Vec<_> =
                days.iter().map(|days| (format!("{days}.pem"), now() + *days * DAY - 10 * DAY)).collect();
            verdict(Account::Two, Ok(true), &ends, now())
        };
        assert_eq!(of(&[]).verdict, Verdict::Ok);
        assert_eq!(of(&[400, 50]).verdict, Verdict::Ok);
        assert_eq!(of(&[400, 40]).verdict, Verdict::Warning);
        let over = of(&[9, 400]);
        assert_eq!(over.verdict, Verdict::Problem);
        assert!(over.what.contains("Account 2: 9.pem ran out on 2024-10-03"), "{}", over.what);
        assert!(over.remedy.contains("certificate import 2"), "{}", over.remedy);
    }

    #[test]
    fn a_server_that_nobody_vouches_for_is_a_problem() {
        let finding = verdict(Account::One, Ok(false), &[], now());
        assert_eq!(finding.verdict, Verdict::Problem);
        assert!(finding.remedy.contains("install ca-certificates"), "{}", finding.remedy);
        assert_eq!(verdict(Account::One, Err(TlsFault::Expired), &[], now()).verdict, Verdict::Problem);
    }

    #[test]
    fn only_accounts_that_need_certificates_are_looked_at() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let of = |settings: &[(&str, &str)]| {
            let config =
                settings.iter().fold(Config::default(), |config, (key, value)| config.set(key, value).expect(key));
            certificates(Account::One, config.account(Account::One), folder.path(), now())
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[("account1.active", "on")]), None, "by UDP there is none");
        assert_eq!(of(&[("account1.basic.transport", "tls")]), None, "it is switched off");
        let tls = [("account1.active", "on"), ("account1.basic.transport", "tls")];
        let unverified = of(&[&tls[..], &[("account1.tls.verify", "off")]].concat());
        assert_eq!(unverified.map(|finding| finding.verdict), Some(Verdict::Ok));
        let missing = of(&[("account1.tls.ca", "none.pem")]).expect("a file is named");
        assert_eq!(missing.verdict, Verdict::Problem);
        assert!(missing.what.contains("none.pem"), "{}", missing.what);
        let srv = |over| [tls[0], ("account1.basic.transport", "dns-srv"), ("account1.basic.srv_over", over)];
        assert!(of(&srv("tls")).is_some() && of(&srv("udp")).is_none());
    }
}
