use proptest::prelude::*;

/// What may happen next. Numbers choose among what there is, whatever it is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Action {
    /// Upstream publishes a version.
    Publish {
        version: usize,
        bytes: usize,
    },
    /// Upstream gives other bytes under a version it has, and says so in its packument.
    Republish {
        version: usize,
        bytes: usize,
    },
    /// Upstream gives other bytes than its packument says.
    Spoil {
        version: usize,
        bytes: usize,
    },
    Withdraw {
        version: usize,
    },
    Deprecate {
        version: usize,
    },
    Down(bool),
    Cut(Option<usize>),
    EmptyPieces(bool),
    /// An operator deletes a blob of the cache.
    Evict(usize),
    Wait {
        seconds: u64,
    },
    /// Work in the background goes on a little.
    Yield(usize),
    /// Work in the background comes to its end.
    Settle,
    ReadPackument {
        client: usize,
        full: bool,
    },
    /// Several clients ask for everything at once.
    ReadTogether {
        full: bool,
    },
    BeginTarball {
        client: usize,
        version: usize,
    },
    Pull {
        transfer: usize,
        pieces: usize,
    },
    Abort {
        transfer: usize,
    },
}

pub(super) fn action() -> impl Strategy<Value = Action> {
    let some = 0..1000_usize;
    let seconds = prop_oneof![Just(1), Just(20), Just(310), Just(700), Just(90_000)];
    let cut = prop_oneof![Just(None), (0..80_usize).prop_map(Some)];
    prop_oneof![
        2 => (some.clone(), some.clone()).prop_map(|(version, bytes)| Action::Publish { version, bytes }),
        2 => (some.clone(), some.clone()).prop_map(|(version, bytes)| Action::Republish { version, bytes }),
        1 => (some.clone(), some.clone()).prop_map(|(version, bytes)| Action::Spoil { version, bytes }),
        1 => some.clone().prop_map(|version| Action::Withdraw { version }),
        1 => some.clone().prop_map(|version| Action::Deprecate { version }),
        1 => any::<bool>().prop_map(Action::Down),
        1 => cut.prop_map(Action::Cut),
        1 => any::<bool>().prop_map(Action::EmptyPieces),
        2 => some.clone().prop_map(Action::Evict),
        3 => seconds.prop_map(|seconds| Action::Wait { seconds }),
        2 => (0..20_usize).prop_map(Action::Yield),
        8 => Just(Action::Settle),
        4 => (some.clone(), any::<bool>()).prop_map(|(client, full)| Action::ReadPackument { client, full }),
        1 => any::<bool>().prop_map(|full| Action::ReadTogether { full }),
        6 => (some.clone(), some.clone()).prop_map(|(client, version)| Action::BeginTarball { client, version }),
        4 => (some.clone(), 1..60_usize).prop_map(|(transfer, pieces)| Action::Pull { transfer, pieces }),
        1 => some.prop_map(|transfer| Action::Abort { transfer }),
    ]
}
