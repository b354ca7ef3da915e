//! What an entry of the dial pad comes to: contacts by their name, numbers by the dial plan, and for each the way by which it
//! is called.
//!
//! ```text
//! entry ─▶ dial::parse ─▶ address or URI ───────────────────────────────────▶ one plan
//!                      └▶ number ─▶ contact of that name? its first number
//!                                └▶ dial plan? what it is replaced by ─▶ one plan, or several at the same time
//! ```

use super::group::GroupName;
use super::outgoing::{Callee, with_port};
use super::remote::sip_uri;
use super::{Now, Phone};
use crate::channel::{Done, Refusal};
use crate::config::{Account, AccountChoice, PhonebookEntry};
use crate::dial::{self, DialTarget, DialTransport, SipUri};
use crate::sip::Uri;

/// One way in which something that was dialled is called.
#[derive(Debug)]
pub(super) enum Plan {
    Direct(Callee),
    Named(SipUri),
    Through { account: Account, named: bool, number: String, uri: Option<Uri> },
}

/// What an entry of the dial pad comes to.
enum Dialled {
    One(Plan),
    /// A rule of the dial plan names several, which are called at the same time. Some of them may be refused at once.
    Several(GroupName, Vec<Result<Plan, Refusal>>),
}

impl Phone {
    /// What typing `text` and pressing Call does.
    pub(super) fn dial(&mut self, now: Now, text: &str, choice: AccountChoice) -> Result<Done, Refusal> {
        let dialled = match dial::parse(text) {
            Ok(target) => self.dialled(target, choice)?,
            // A contact's name need not be something that can be dialled.
            Err(error) => match self.contact_named(text) {
                Some((number, account)) => self.dialled(dial::parse(&number)?, first_named(choice, account))?,
                None => return Err(error.into()),
            },
        };
        let call = match dialled {
            Dialled::One(plan) => {
                let placed = self.place(plan)?;
                let ports = self.line_for_call(now)?;
                self.begin_call(now, placed, ports)
            }
            Dialled::Several(name, plans) => self.begin_group(now, name, plans)?,
        };
        self.go_on_with_named(now);
        Ok(Done::Call(call))
    }

    fn dialled(&self, target: DialTarget, choice: AccountChoice) -> Result<Dialled, Refusal> {
        let DialTarget::Number(number) = target else { return self.plan(target, choice).map(Dialled::One) };
        // What can be typed on the pad is a number, whatever name somebody has got into the address book under.
        let can_be_name = number.contains(|c: char| c.is_ascii_alphabetic()) && self.contact_with(&number).is_none();
        let (number, of_contact) = match self.contact_named(&number).filter(|_| can_be_name) {
            Some((other, account)) if other != number => match dial::parse(&other)? {
                DialTarget::Number(number) => (number, account),
                target => return self.plan(target, first_named(choice, account)).map(Dialled::One),
            },
            _ => {
                let account = self.account_of_number(&number);
                (number, account)
            }
        };
        let Some(route) = self.config.dial_plan.find(&number) else {
            return self.plan_number(number, first_named(choice, of_contact)).map(Dialled::One);
        };
        let choice = first_named(choice, first_named(route.rule.account, of_contact));
        match &route.numbers[..] {
            [only] => self.plan_replacement(only, choice).map(Dialled::One),
            several => {
                let plans = several.iter().map(|number| self.plan_replacement(number, choice)).collect();
                let name = match (self.contact_with(&number), route.rule.name.as_str()) {
                    (Some(contact), _) => contact.name.clone(),
                    (None, "") => number.clone(),
                    (None, name) => name.to_owned(),
                };
                let account = account_of(route.rule.account);
                Ok(Dialled::Several(GroupName { name, number, account }, plans))
            }
        }
    }

    /// What stands in a rule is called as it is: no other rule and no contact's name is looked for.
    fn plan_replacement(&self, number: &str, choice: AccountChoice) -> Result<Plan, Refusal> {
        match dial::parse(number)? {
            DialTarget::Number(number) => {
                let choice = first_named(choice, self.account_of_number(&number));
                self.plan_number(number, choice)
            }
            target => self.plan(target, choice),
        }
    }

    fn plan(&self, target: DialTarget, choice: AccountChoice) -> Result<Plan, Refusal> {
        let default_port = self.config.direct_ip_port;
        match target {
            DialTarget::Ip { address, port } => {
                let port = port.unwrap_or(default_port);
                let uri = sip_uri(None, &address.to_string(), Some(port));
                Ok(Plan::Direct(Callee { user: None, address, port, transport: DialTransport::Either, uri }))
            }
            DialTarget::Uri(uri) if uri.is_sips() => {
                // No other account is taken when this one fails: it need not be there by TLS.
                let account = self.choose_tls_account(choice, &uri.host)?;
                through(account, true, &uri)
            }
            DialTarget::Uri(uri) => {
                // The domain of an account is called through that account, and so is whatever is no address, where there is
                // an account.
                let at_home = self.account_at(&uri.host);
                if choice == AccountChoice::Auto && uri.address().is_none() && !self.has_account() {
                    uri.check_direct()?;
                    return Ok(Plan::Named(uri));
                }
                if choice != AccountChoice::Auto || at_home.is_some() || uri.address().is_none() {
                    let (account, named) = match (choice, at_home) {
                        (AccountChoice::Auto, Some(account)) => (account, true),
                        (choice, _) => self.choose_account(choice)?,
                    };
                    return through(account, named, &uri);
                }
                uri.check_direct()?;
                let address = uri.address().ok_or_else(|| Refusal::NoRoute(uri.host.clone()))?;
                // The port that is dialled is the one that the URI shows, so the default is written into it.
                let port = uri.port.unwrap_or(default_port);
                let text = match uri.port {
                    None if port != 5060 => with_port(&uri.text, &uri.host, port),
                    _ => uri.text.clone(),
                };
                Ok(Plan::Direct(Callee { user: uri.user, address, port, transport: uri.transport, uri: text }))
            }
            DialTarget::Number(number) => self.plan_number(number, choice),
        }
    }

    fn plan_number(&self, number: String, choice: AccountChoice) -> Result<Plan, Refusal> {
        let (account, named) = self.choose_account(choice)?;
        Ok(Plan::Through { account, named, number, uri: None })
    }

    /// The first number of the contact with this name, and the account that it is called through.
    fn contact_named(&self, name: &str) -> Option<(String, AccountChoice)> {
        let contact = self.config.contacts.named(name.trim())?;
        Some((contact.numbers.first()?.clone(), contact.account))
    }

    fn contact_with(&self, number: &str) -> Option<&PhonebookEntry> {
        self.config.contacts.dialled(&DialTarget::Number(number.to_owned()))
    }

    /// The account that the contact with this number is called through.
    fn account_of_number(&self, number: &str) -> AccountChoice {
        self.contact_with(number).map(|contact| contact.account).unwrap_or_default()
    }
}

/// A URI that is called through an account as it is.
fn through(account: Account, named: bool, dialled: &SipUri) -> Result<Plan, Refusal> {
    let number = dialled.user.clone().unwrap_or_else(|| dialled.host.clone());
    let uri = Uri::parse(&dialled.text).map_err(|_| Refusal::NoRoute(dialled.host.clone()))?;
    Ok(Plan::Through { account, named, number, uri: Some(uri) })
}

/// The choice made for this call, else the one that stands in the plan or the address book.
fn first_named(choice: AccountChoice, other: AccountChoice) -> AccountChoice {
    if choice == AccountChoice::Auto { other } else { choice }
}

fn account_of(choice: AccountChoice) -> Option<Account> {
    match choice {
        AccountChoice::Auto => None,
        AccountChoice::Account1 => Some(Account::One),
        AccountChoice::Account2 => Some(Account::Two),
    }
}
