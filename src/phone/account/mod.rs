//! The accounts: what is asked of their servers, and how they stand.

use super::Phone;
use crate::channel::{AccountFault, AccountTestView, Done, Event, TestStep};
use crate::config::Account;

impl Phone {
    /// Tries an account.
    pub(super) fn test_account(&mut self, account: Account) -> Done {
        let outcome = Some(Err(AccountFault::NotSet("basic.server")));
        self.tell(Event::AccountTest(AccountTestView { account: account.number(), step: TestStep::Finding, outcome }));
        Done::Ok
    }
}
