use proptest::prelude::*;

/// What may happen next. Numbers choose among what there is, whatever it is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Action {
    /// A provider that is not this registry's own gets a person, or loses one.
    Hire {
        provider: usize,
        name: usize,
    },
    Dismiss {
        provider: usize,
        name: usize,
    },
    Down {
        provider: usize,
        down: bool,
    },
    /// Of the next puts, or reads, of claims one fails, before or after it had its effect.
    Fault {
        put: bool,
        before: bool,
    },
    /// A stranger wants a local account, in a terminal or at the page.
    SignUp {
        replica: usize,
        name: usize,
        at_page: bool,
    },
    Enter {
        replica: usize,
        provider: usize,
        name: usize,
        way: Way,
    },
    /// Several at once, each at another replica and in another way.
    EnterTogether {
        name: usize,
    },
    OperatorToken {
        replica: usize,
        name: usize,
    },
    UseToken {
        replica: usize,
        token: usize,
    },
    Publish {
        replica: usize,
        token: usize,
    },
    ChangeMail {
        replica: usize,
        token: usize,
    },
}

/// How a user shows who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Terminal,
    Bearer,
    Basic,
    Page,
    Device,
}

fn way() -> impl Strategy<Value = Way> {
    prop_oneof![Just(Way::Terminal), Just(Way::Bearer), Just(Way::Basic), Just(Way::Page), Just(Way::Device),]
}

pub(super) fn action() -> impl Strategy<Value = Action> {
    let some = || 0..1000_usize;
    prop_oneof![
        4 => (some(), some()).prop_map(|(provider, name)| Action::Hire { provider, name }),
        1 => (some(), some()).prop_map(|(provider, name)| Action::Dismiss { provider, name }),
        1 => (some(), any::<bool>()).prop_map(|(provider, down)| Action::Down { provider, down }),
        2 => (any::<bool>(), any::<bool>()).prop_map(|(put, before)| Action::Fault { put, before }),
        4 => (some(), some(), any::<bool>())
            .prop_map(|(replica, name, at_page)| Action::SignUp { replica, name, at_page }),
        10 => (some(), some(), some(), way())
            .prop_map(|(replica, provider, name, way)| Action::Enter { replica, provider, name, way }),
        2 => some().prop_map(|name| Action::EnterTogether { name }),
        2 => (some(), some()).prop_map(|(replica, name)| Action::OperatorToken { replica, name }),
        4 => (some(), some()).prop_map(|(replica, token)| Action::UseToken { replica, token }),
        3 => (some(), some()).prop_map(|(replica, token)| Action::Publish { replica, token }),
        2 => (some(), some()).prop_map(|(replica, token)| Action::ChangeMail { replica, token }),
    ]
}
