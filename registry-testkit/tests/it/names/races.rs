use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::join_all;
use registry_core::auth::AuthProvider;
use registry_testkit::TestRegistry;
use registry_testkit::faulty::{Fault, FaultPlan, Gate, Operation};

use super::{People, client_of, log_in, owner};

const CLAIM: &str = "_names/ben.json";

/// Two replicas, each with both providers, in another order.
async fn replicas(people: &People, faults: FaultPlan) -> [TestRegistry; 2] {
    let provider: Arc<dyn AuthProvider> = people.as_provider();
    let one = TestRegistry::builder().provider(Arc::clone(&provider)).start().await;
    let one = TestRegistry::builder().provider(Arc::clone(&provider)).faults(faults).start_on(&one).await;
    let two = TestRegistry::builder().last_provider(provider).faults(faults).start_on(&one).await;
    [one, two]
}

#[tokio::test(start_paused = true)]
async fn of_a_sign_up_and_a_first_sign_in_at_once_one_gets_the_name() {
    for sign_up_is_first in [true, false] {
        let people = People::new("elsewhere", &[]);
        let [one, two] = replicas(&people, FaultPlan::NONE).await;
        // Both have seen that the name has no owner, and that the other provider has no ben, before either claims it.
        let gates = [Gate::new(), Gate::new()];
        for (registry, gate) in [&one, &two].into_iter().zip(&gates) {
            registry.store().fail_next_at(Operation::Put, |path| path == CLAIM, Fault::Hold(gate.clone()));
        }
        let bearer = two.anonymous().with_token(&people.bearer("ben"));
        let sign_in = async {
            gates[0].reached().await;
            people.add("ben");
            bearer.get("/-/whoami").await
        };
        let open = async {
            gates[1].reached().await;
            for at in if sign_up_is_first { [0, 1] } else { [1, 0] } {
                gates[at].open();
                for _ in 0..50 {
                    tokio::task::yield_now().await;
                }
            }
        };
        let (signed_up, identified, ()) =
            futures::join!(log_in(&one, "ben", "a long password of ben"), sign_in, open);
        let local = signed_up.status == 201;
        let elsewhere = identified.status == 200;
        assert_eq!((local, elsewhere), (sign_up_is_first, !sign_up_is_first));
        let expected = if local { "local" } else { "elsewhere" };
        assert_eq!(owner(&one, "ben").await.as_deref(), Some(expected));
        assert_eq!(one.stored().await.contains_key("_accounts/ben.json"), local);
        if local {
            let ben = client_of(&one, &signed_up);
            assert_eq!(ben.get("/-/whoami").await.json()["username"], "ben");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn many_at_once_leave_one_owner_whatever_the_store_does() {
    let mut owners = BTreeSet::new();
    for seed in 0..60_u64 {
        let people = People::new("elsewhere", &[]);
        let [one, two] = replicas(&people, FaultPlan::bad_day(seed)).await;
        let sign_ups = (0..3).map(|at| {
            let registry = [&one, &two][at % 2];
            async move { log_in(registry, "ben", &format!("a long password {at}")).await.status == 201 }
        });
        let people = &people;
        let others = (0..3).map(|at| {
            let (registry, watched) = ([&two, &one][at % 2], &one);
            async move {
                // At a moment when a sign-up is somewhere between its first look at the claim and the account.
                let looks = |(_, path): &(Operation, String)| path == CLAIM;
                for _ in 0..20_000 {
                    if watched.store().calls().iter().filter(|call| looks(call)).count()
                        > usize::try_from(seed % 4).unwrap()
                    {
                        break;
                    }
                    tokio::task::yield_now().await;
                }
                people.add("ben");
                let bearer = registry.anonymous().with_token(&people.bearer("ben"));
                bearer.get("/-/whoami").await.status == 200
            }
        });
        let (local, elsewhere) = futures::join!(join_all(sign_ups), join_all(others));
        let (local, elsewhere) = (local.contains(&true), elsewhere.contains(&true));
        assert!(!(local && elsewhere), "seed {seed}: both got in");
        let owner = owner(&one, "ben").await;
        if local {
            assert_eq!(owner.as_deref(), Some("local"), "seed {seed}");
        }
        if elsewhere {
            assert_eq!(owner.as_deref(), Some("elsewhere"), "seed {seed}");
        }
        owners.extend(owner);
    }
    assert_eq!(owners.len(), 2, "now one of them is faster, and now the other: {owners:?}");
}

#[tokio::test(start_paused = true)]
async fn a_claim_whose_answer_was_lost_is_recognized() {
    let people = People::new("elsewhere", &["cleo"]);
    let [one, _] = replicas(&people, FaultPlan::NONE).await;
    for fault in [Fault::AfterEffect, Fault::BeforeEffect] {
        for (name, password) in [("ben", "a long password of ben"), ("cleo", &people.password("cleo"))] {
            let path = format!("_names/{name}.json");
            one.store().fail_next_at(Operation::Put, move |at| at == path, fault.clone());
            let _ = log_in(&one, name, password).await.assert_status(201);
            assert_eq!(one.store().faults_to_come(), 0);
            one.remove(&format!("_names/{name}.json")).await;
        }
        one.remove("_accounts/ben.json").await;
    }
}

#[tokio::test(start_paused = true)]
async fn without_knowledge_no_user_is_let_in() {
    let people = People::new("elsewhere", &["cleo"]);
    let [one, two] = replicas(&people, FaultPlan::NONE).await;
    // Whether the other provider has a ben cannot be known.
    people.set_down(true);
    for registry in [&one, &two] {
        let _ = log_in(registry, "ben", "a long password of ben").await.assert_status(503);
    }
    people.set_down(false);
    assert_eq!(owner(&one, "ben").await, None);
    // Nor who owns the name.
    for fault in [Fault::BeforeEffect, Fault::Refused] {
        one.store().fail_next_at(Operation::Get, |at| at == "_names/cleo.json", fault);
        let bearer = one.anonymous().with_token(&people.bearer("cleo"));
        let refused = bearer.get("/-/whoami").await;
        assert!(matches!(refused.status.as_u16(), 500 | 503), "{}", refused.status);
    }
    one.put("_names/cleo.json", "{").await;
    let bearer = one.anonymous().with_token(&people.bearer("cleo"));
    let _ = bearer.get("/-/whoami").await.assert_status(500);
}
