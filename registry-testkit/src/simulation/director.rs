use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use futures::FutureExt as _;
use registry_core::auth::{Caller, Principal};
use registry_core::changes::ChangeFeedSettings;
use registry_core::storage::{BlobPath, BlobStore};
use registry_core::{Registry, RegistryBuilder};
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::Simulation;
use super::client::perform;
use super::history::{Feed, Happening, History};
use super::operation::{Operation, PACKAGES, PEOPLE, Task, VERSIONS};
use super::outcome::Outcome;
use super::replica::Replica;
use super::store::ReplicaStore;
use super::trace::Trace;
use super::weather::Weather;
use super::world::{Call, Life, Reply, World};
use crate::clock::FixedClock;
use crate::faulty::{Dice, Fault, Faulty};
use crate::randomness::SeededRandomness;

/// After so many steps, something waits that will never come.
const MOST_STEPS: usize = 20_000;

/// No replica pauses for longer before it goes on by itself.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// Decides what happens next, one thing at a time, while everything else stands still.
pub(super) struct Director<Store> {
    dice: Dice,
    weather: Weather,
    world: Arc<World>,
    shared: Arc<Faulty<Store>>,
    clock: Arc<FixedClock>,
    replicas: Vec<Option<Replica>>,
    lives: usize,
    to_come: Vec<Operation>,
    running: Vec<(usize, Life, JoinHandle<()>)>,
    /// Answers on their way back.
    held: Vec<(Life, String, Reply)>,
    history: History,
    is_audit: bool,
    is_feeding: bool,
    trace: Trace,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Begin,
    Effect,
    Answer,
    Wait,
    Cancel,
    Crash,
    Restart,
}

impl<Store: BlobStore> Director<Store> {
    pub(super) fn new(seed: u64, store: Store, world: Arc<World>, trace: Trace, of: Simulation) -> Self {
        let mut dice = Dice::new(seed);
        let mut weather = Weather::random(&mut dice);
        if of.crashing {
            weather.crash = 0.05;
        }
        let to_come = (0..weather.operations).map(|_| Operation::random(&mut dice)).collect();
        let mut director = Self {
            shared: Arc::new(Faulty::new(store, crate::faulty::FaultPlan::NONE)),
            world,
            clock: Arc::new(FixedClock::new().ticking()),
            replicas: Vec::new(),
            lives: 0,
            to_come,
            running: Vec::new(),
            held: Vec::new(),
            history: History { is_store_reliable: weather.is_store_reliable(), ..History::default() },
            is_audit: false,
            is_feeding: of.feeding,
            trace,
            dice,
            weather,
        };
        director.trace.note(format_args!("{weather:?}"));
        for replica in 0..weather.replicas {
            let started = director.start_replica(replica);
            director.replicas.push(Some(started));
        }
        director
    }

    /// The whole simulation: the operations with all that goes wrong, and then a look at what is left.
    pub(super) async fn run(mut self) -> (History, Trace) {
        self.direct().await;
        self.weather = self.weather.calm();
        self.is_audit = true;
        for replica in 0..self.replicas.len() {
            if self.replicas[replica].is_none() {
                self.restart(replica);
            }
        }
        self.to_come = audit();
        self.direct().await;
        // What pauses between two attempts is not over either.
        sleep(LONGEST_PAUSE).await;
        while self.has_work() {
            self.direct().await;
            sleep(LONGEST_PAUSE).await;
        }
        self.history.told = self.world.told();
        if self.is_feeding {
            self.history.feed = Some(self.read_feed().await);
        }
        (self.history, self.trace)
    }

    /// Each replica takes over from the others at once, so that they meet.
    fn with_feed(&self, registry: RegistryBuilder) -> RegistryBuilder {
        if !self.is_feeding {
            return registry;
        }
        let mut settings = ChangeFeedSettings::default();
        // `Replica::start` looks once. Further looks would never end.
        settings.recover_every = Duration::from_hours(24);
        settings.take_over_after = Duration::ZERO;
        registry.change_feed(settings)
    }

    /// The change feed, after a replica without faults took over what is left.
    async fn read_feed(&mut self) -> Feed {
        self.clock.advance(Duration::from_mins(1));
        let (store, clock) = (Arc::clone(&self.shared) as Arc<dyn BlobStore>, Arc::clone(&self.clock));
        let registry = self.with_feed(Registry::builder(store)).open_to_everyone().clock(clock).build();
        let recovered = registry.recover_changes().await;
        recovered.unwrap_or_else(|error| panic!("cannot take over: {error}"));
        let caller = Caller::from(Principal::user(PEOPLE[0]));
        let (mut changes, mut since) = (Vec::new(), 0);
        loop {
            let page = registry.changes(&caller, since, 1000).await;
            let page = page.unwrap_or_else(|error| panic!("cannot read the feed: {error}"));
            changes.extend(page.changes.into_iter().map(|change| (change.seq, change.event)));
            if page.pending == 0 {
                break;
            }
            since = page.last_seq;
        }
        let mut versions = BTreeMap::new();
        for package in PACKAGES {
            versions.insert(package, self.stored_versions(package).await);
        }
        Feed { changes, versions }
    }

    async fn stored_versions(&mut self, package: &str) -> BTreeSet<String> {
        let path = BlobPath::parse(&format!("{package}/index.json"));
        let path = path.unwrap_or_else(|error| panic!("no path: {error}"));
        let blob = self.shared.get(&path).await.unwrap_or_else(|error| panic!("cannot read {path}: {error}"));
        let Some(blob) = blob else { return BTreeSet::new() };
        let packument: Value = serde_json::from_slice(&blob.bytes)
            .unwrap_or_else(|error| panic!("cannot parse {path}: {error}"));
        packument["versions"].as_object().into_iter().flat_map(|versions| versions.keys().cloned()).collect()
    }

    async fn direct(&mut self) {
        for _ in 0..MOST_STEPS {
            let step = self.choose();
            let Some(step) = step else { return };
            self.take(step).await;
            // The clock stands still while there is anything to do, so this returns when no client can go on.
            sleep(Duration::from_millis(1)).await;
            self.note_ended();
        }
        for (number, _, task) in self.running.drain(..) {
            task.abort();
            let happening = &mut self.history.happenings[number];
            happening.ended = self.world.tick();
            self.history.unended.push(happening.to_string());
        }
        self.to_come.clear();
    }

    /// What is to happen next; `None` when all is over.
    fn choose(&mut self) -> Option<Step> {
        let Weather { cancel, crash, at_once, .. } = self.weather;
        let is_down = self.replicas.iter().any(Option::is_none);
        if self.to_come.is_empty() && self.running.is_empty() && (!self.is_audit || !self.has_work()) {
            return None;
        }
        if self.dice.chance(crash) && self.replicas.iter().any(Option::is_some) {
            return Some(Step::Crash);
        }
        if self.dice.chance(cancel) && !self.running.is_empty() {
            return Some(Step::Cancel);
        }
        if is_down && (self.dice.chance(0.1) || self.replicas.iter().all(Option::is_none)) {
            return Some(Step::Restart);
        }
        let mut steps = vec![Step::Wait];
        let mut add = |step, times| steps.extend(std::iter::repeat_n(step, times));
        if !self.to_come.is_empty() && self.running.len() < at_once {
            add(Step::Begin, 4);
        }
        if self.world.with_calls(|calls| !calls.is_empty()) {
            add(Step::Effect, 12);
        }
        if !self.held.is_empty() {
            add(Step::Answer, 8);
        }
        Some(self.dice.pick(&steps))
    }

    /// Whether a replica that lives still does something that no client waits for.
    fn has_work(&self) -> bool {
        !self.held.is_empty() || self.world.with_calls(|calls| !calls.is_empty())
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Begin => self.begin(),
            Step::Effect => self.let_happen().await,
            Step::Answer => {
                let (life, call, reply) = self.held.swap_remove(self.dice.below(self.held.len()));
                self.trace.note(format_args!("answer: {call} to {life}"));
                reply();
            }
            Step::Wait => {
                let pause = Duration::from_millis(self.dice.below(100) as u64);
                self.trace.note(format_args!("{pause:?} pass"));
                sleep(pause).await;
            }
            Step::Cancel => {
                let (number, life, task) = self.running.swap_remove(self.dice.below(self.running.len()));
                self.trace.note(format_args!("the client of {number} at {life} goes away"));
                task.abort();
                self.end(number, Outcome::Unknown("the client went away".to_owned()));
            }
            Step::Crash => self.crash(),
            Step::Restart => {
                let down: Vec<_> =
                    (0..self.replicas.len()).filter(|replica| self.replicas[*replica].is_none()).collect();
                let replica = self.dice.pick(&down);
                self.restart(replica);
            }
        }
    }

    fn begin(&mut self) {
        let alive: Vec<_> = self.replicas.iter().flatten().collect();
        let (true, Some(operation)) = (!alive.is_empty(), self.to_come.pop()) else { return };
        let replica = alive[self.dice.below(alive.len())];
        let (life, registry) = (replica.life, replica.registry.clone());
        let (world, number) = (Arc::clone(&self.world), self.history.happenings.len());
        let started = self.world.tick();
        self.trace.note(format_args!("{number} begins at {started}: {operation} on {life}"));
        let task = tokio::spawn(async move {
            let outcome = perform(&registry, operation).await;
            world.end(number, outcome);
        });
        self.running.push((number, life, task));
        let outcome = Outcome::Unknown("it is not over".to_owned());
        let is_audit = self.is_audit;
        let happening = Happening { operation, life, started, ended: u64::MAX, outcome, is_audit };
        self.history.happenings.push(happening);
    }

    /// Lets one call have its effect, or not, as the weather is.
    async fn let_happen(&mut self) {
        let Weather { faults, late, prompt, .. } = self.weather;
        let chosen = self.dice.next();
        let call = self.world.with_calls(|calls| {
            let chosen = usize::try_from(chosen % (calls.len() as u64)).unwrap_or(0);
            calls.swap_remove(chosen)
        });
        if !call.is_orphan && self.dice.chance(late) {
            self.trace.note(format_args!("no answer, and still on its way: {call}"));
            let fail = call.fail;
            self.world.arrive(Call { fail: Box::new(|| ()), is_orphan: true, ..call });
            fail();
            return;
        }
        let fault = if call.is_orphan || !self.dice.chance(2.0 * faults) {
            None
        } else if self.dice.chance(0.5) {
            Some(Fault::BeforeEffect)
        } else {
            Some(Fault::AfterEffect)
        };
        self.trace.note(format_args!("effect: {call}, {fault:?}"));
        if let Some(fault) = fault {
            self.shared.fail_next(call.operation, fault);
        }
        let described = call.to_string();
        let reply = call.effect.await;
        if self.dice.chance(prompt) {
            reply();
        } else {
            self.held.push((call.life, described, reply));
        }
    }

    /// Ends a life, with whatever it was about to do.
    fn crash(&mut self) {
        let alive: Vec<_> =
            (0..self.replicas.len()).filter(|replica| self.replicas[*replica].is_some()).collect();
        let Some(replica) = self.replicas[self.dice.pick(&alive)].take() else { return };
        let life = replica.life;
        self.trace.note(format_args!("{life} crashes"));
        replica.crash();
        self.history.crashed.push(life);
        self.held.retain(|(of, ..)| *of != life);
        let on_its_way = self.world.with_calls(|calls| {
            let (of_it, others) = std::mem::take(calls).into_iter().partition(|call| call.life == life);
            *calls = others;
            let of_it: Vec<Call> = of_it;
            of_it
        });
        for call in on_its_way {
            match self.dice.below(3) {
                0 => self.trace.note(format_args!("never sent: {call}")),
                1 => {
                    self.trace.note(format_args!("still on its way: {call}"));
                    self.world.arrive(Call { is_orphan: true, ..call });
                }
                _ => {
                    self.trace.note(format_args!("broken off in the middle: {call}"));
                    drop(call.effect.now_or_never());
                }
            }
        }
        let (of_it, others) =
            std::mem::take(&mut self.running).into_iter().partition(|(_, of, _)| *of == life);
        self.running = others;
        let of_it: Vec<(usize, Life, JoinHandle<()>)> = of_it;
        for (number, _, task) in of_it {
            task.abort();
            self.end(number, Outcome::Unknown("the replica crashed".to_owned()));
        }
    }

    fn restart(&mut self, replica: usize) {
        let started = self.start_replica(replica);
        self.trace.note(format_args!("{} starts", started.life));
        self.replicas[replica] = Some(started);
    }

    fn start_replica(&mut self, replica: usize) -> Replica {
        let life = Life { replica, number: self.lives };
        self.lives += 1;
        let is_alive = Arc::new(AtomicBool::new(true));
        let (shared, world) = (Arc::clone(&self.shared), Arc::clone(&self.world));
        let store = ReplicaStore::new(shared, world, life, Arc::clone(&is_alive));
        let randomness = Arc::new(SeededRandomness::new(self.dice.next()));
        let (world, clock) = (Arc::clone(&self.world), Arc::clone(&self.clock));
        let registry = self.with_feed(Registry::builder(Arc::new(store)));
        Replica::start(life, is_alive, registry.clock(clock).randomness(randomness), world)
    }

    fn note_ended(&mut self) {
        for (number, at, outcome) in self.world.take_ended() {
            let Some(place) = self.running.iter().position(|(running, ..)| *running == number) else {
                continue;
            };
            self.running.swap_remove(place);
            self.trace.note(format_args!("{number} ends at {at}: {outcome}"));
            let happening = &mut self.history.happenings[number];
            happening.ended = at;
            happening.outcome = outcome;
        }
    }

    fn end(&mut self, number: usize, outcome: Outcome) {
        let happening = &mut self.history.happenings[number];
        happening.ended = self.world.tick();
        happening.outcome = outcome;
    }
}

/// Reads that together see everything there is.
fn audit() -> Vec<Operation> {
    let mut reads = Vec::new();
    for package in PACKAGES {
        let read = |task| Operation { package, person: PEOPLE[0], task };
        reads.extend([read(Task::ReadFull), read(Task::ReadFull), read(Task::ReadAbbreviated)]);
        reads.extend(VERSIONS.iter().map(|version| read(Task::ReadTarball { version })));
    }
    reads
}
