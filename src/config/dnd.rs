//! Whose calls do not disturb is about, `phone.dnd.accounts`.

use super::Account;
use super::setting::{Field, Value};

/// Which callers do not disturb keeps away: those through an account, and direct ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DndAccounts {
    accounts: [bool; 2],
    direct: bool,
}

impl DndAccounts {
    /// The words, in the order in which they are offered: the accounts, then direct calls.
    pub const WORDS: &'static [&'static str] = &["1", "2", "ip"];

    /// Whether a call through `account` is meant, or a direct one.
    pub fn has(self, account: Option<Account>) -> bool {
        account.map_or(self.direct, |account| self.accounts[account.index()])
    }

    /// The words of those that are meant.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        let chosen = [self.accounts[0], self.accounts[1], self.direct];
        Self::WORDS.iter().zip(chosen).filter_map(|(word, chosen)| chosen.then_some(*word))
    }
}

impl Field for DndAccounts {
    fn of(value: &Value) -> Option<Self> {
        let Value::List(words) = value else { return None };
        let has = |word: &str| words.iter().any(|chosen| chosen == word);
        Some(Self { accounts: [has("1"), has("2")], direct: has("ip") })
    }

    fn value(&self) -> Value {
        Value::List(self.words().map(str::to_owned).collect())
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Account, Config};

    #[test]
    fn any_of_the_three_can_be_meant_and_at_least_one_is() {
        let config = Config::default();
        assert!([None, Some(Account::One), Some(Account::Two)].into_iter().all(|who| config.dnd_accounts.has(who)));
        let two = config.set("phone.dnd.accounts", "ip,2").expect("two of them");
        assert_eq!(two.get("phone.dnd.accounts").as_deref(), Ok("2, ip"), "in their own order");
        assert!(two.dnd_accounts.has(None) && two.dnd_accounts.has(Some(Account::Two)));
        assert!(!two.dnd_accounts.has(Some(Account::One)));
        let error = |text: &str| config.set("phone.dnd.accounts", text).expect_err(text).to_string();
        assert_eq!(error("3"), "phone.dnd.accounts: '3' is not one of 1, 2, ip");
        assert_eq!(error(""), "phone.dnd.accounts: at least one of 1, 2, ip");
        assert_eq!(error("1, 1"), "phone.dnd.accounts: '1' stands in it twice");
    }
}
