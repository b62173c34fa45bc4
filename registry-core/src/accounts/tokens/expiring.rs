use crate::accounts::Accounts;
use crate::auth::{Caller, PresentedCredential};
use crate::clock::timestamp;
use crate::events::EventKind;

impl Accounts {
    /// Returns what to tell a caller whose token ends soon, at most once a minute for each token. Emits an event once a day.
    /// Sessions and tokens of builds end by themselves, and are not told of.
    pub(crate) fn expiry_notice(&self, caller: &Caller) -> Option<String> {
        let limits = caller.limits.as_deref()?;
        let (Some(at), Some(PresentedCredential::Token(token))) = (limits.expires, caller.shown) else {
            return None;
        };
        if !limits.expires_soon(self.parts.clock.now()) {
            return None;
        }
        if self.is_expiry_due(token) {
            let told = EventKind::TokenExpiring { key: token.to_hex(), expires: at };
            self.authorization.emit(caller, None, told);
        }
        let notice = || {
            let at = timestamp(at);
            format!(
                "your token expires at {at}: make a new one with `npm token create`, and put it where this one is"
            )
        };
        self.is_notice_due(token).then(notice)
    }
}
