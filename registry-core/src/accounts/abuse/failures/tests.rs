use chrono::TimeDelta;

use super::known::KNOWN_NETWORKS;
use super::*;

struct Guesser {
    logins: FailedLogins,
    now: DateTime<Utc>,
}

impl Guesser {
    fn new() -> Self {
        Self {
            logins: FailedLogins::holding(1_000),
            now: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
        }
    }

    fn pair(name: &str, address: &str) -> GuessKey {
        GuessKey::new(Guessed::Password, name, Some(address.parse().unwrap()))
    }

    fn begin(&self, name: &str, address: &str) -> Result<Guess, Wait> {
        self.logins.begin(&Self::pair(name, address), self.now)
    }

    fn fail(&self, name: &str, address: &str) -> Result<(), Wait> {
        self.begin(name, address).map(drop)
    }

    fn succeed(&self, name: &str, address: &str) {
        self.begin(name, address).unwrap().succeeded();
        self.logins.is_here(&Self::pair(name, address), self.now);
    }
}

#[test]
fn each_wait_is_twice_as_long_as_the_one_before() {
    let mut guesser = Guesser::new();
    for _ in 0..5 {
        assert_eq!(guesser.fail("ana", "192.0.2.1"), Ok(()));
    }
    for wait in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
        assert_eq!(guesser.fail("ana", "192.0.2.1"), Err(Wait(wait)));
        assert_eq!(guesser.fail("Ana", "192.0.2.1"), Err(Wait(wait)), "the same name to some providers");
        guesser.now += TimeDelta::seconds(i64::try_from(wait).unwrap());
        assert_eq!(guesser.fail("ana", "192.0.2.1"), Ok(()));
    }
    guesser.now += TimeDelta::hours(2);
    assert_eq!(guesser.fail("ana", "192.0.2.1"), Ok(()));
    assert_eq!(guesser.fail("ana", "192.0.2.1"), Ok(()), "what is long ago is forgotten");
}

#[test]
fn guesses_from_other_networks_delay_the_holder_only_briefly() {
    let mut guesser = Guesser::new();
    guesser.succeed("ana", "192.0.2.1");
    for number in 0..200_u32 {
        let _ = guesser.fail("ana", &format!("10.0.{}.{}", number / 5 / 250, number / 5 % 250));
    }
    assert_eq!(guesser.fail("ana", "192.0.2.1"), Ok(()), "she is known there");
    let Err(Wait(wait)) = guesser.fail("ana", "192.0.2.9") else { panic!("a stranger does not wait") };
    assert!(wait <= 30, "{wait}");
    guesser.now += TimeDelta::seconds(30);
    guesser.succeed("ana", "192.0.2.9");
}

#[test]
fn one_time_passwords_can_be_guessed_a_dozen_times_an_hour() {
    let mut guesser = Guesser::new();
    let code = |number: u32| {
        GuessKey::new(
            Guessed::OneTimePassword,
            "ana",
            Some(IpAddr::from((0x0b00_0000 + number).to_be_bytes())),
        )
    };
    let mut checked = 0;
    for second in 0..7_200 {
        guesser.now += TimeDelta::seconds(1);
        checked += u32::from(guesser.logins.begin(&code(second), guesser.now).is_ok());
    }
    assert!((30..=64).contains(&checked), "{checked} in two hours");
    assert_eq!(guesser.fail("ana", "192.0.2.1"), Ok(()), "her password is another matter");
}

#[test]
fn an_address_that_tries_many_names_waits() {
    let guesser = Guesser::new();
    for number in 0..30 {
        assert_eq!(guesser.fail(&format!("user-{number}"), "2001:db8::1"), Ok(()));
    }
    assert_eq!(guesser.fail("another", "2001:db8::2"), Err(Wait(1)), "the same network");
    assert_eq!(guesser.fail("another", "2001:db8:0:1::1"), Ok(()));
}

#[test]
fn a_site_with_many_networks_waits() {
    let guesser = Guesser::new();
    for number in 0..300 {
        let address = format!("2001:db8:1:{number:x}::1");
        assert_eq!(guesser.fail(&format!("user-{number}"), &address), Ok(()));
    }
    assert_eq!(guesser.fail("another", "2001:db8:1:ffff::1"), Err(Wait(1)));
    assert_eq!(guesser.fail("another", "2001:db8:2::1"), Ok(()), "another site");
}

#[test]
fn pending_guesses_count() {
    let guesser = Guesser::new();
    let held: Vec<_> = (0..5).map(|_| guesser.begin("ana", "192.0.2.1").unwrap()).collect();
    assert!(guesser.begin("ana", "192.0.2.1").is_err(), "five are under way");
    for guess in &held {
        guess.take_back();
    }
    assert!(guesser.begin("ana", "192.0.2.1").is_ok());
}

#[test]
fn a_rejected_guess_is_not_counted() {
    let guesser = Guesser::new();
    for number in 0..30 {
        assert_eq!(guesser.fail(&format!("user-{number}"), "192.0.2.1"), Ok(()));
    }
    for _ in 0..100 {
        assert!(guesser.fail("ana", "192.0.2.1").is_err());
    }
    assert_eq!(guesser.fail("ana", "192.0.2.2"), Ok(()), "the name has no failure");
}

#[test]
fn a_flood_of_names_and_networks_evicts_neither_waits_nor_known_networks() {
    let guesser = Guesser::new();
    guesser.succeed("ana", "192.0.2.1");
    for number in 0..100_u32 {
        let _ = guesser.fail("ana", &format!("10.0.0.{number}"));
    }
    let digits = |name: String, address: IpAddr| GuessKey::new(Guessed::DeviceDigits, &name, Some(address));
    for number in 0..3_000_u32 {
        let address = IpAddr::from((0x0b00_0000 + number).to_be_bytes());
        let _ = guesser.logins.begin(&digits(format!("user-{number}"), address), guesser.now);
    }
    guesser.logins.passwords.names.run_pending_tasks();
    assert!(guesser.fail("ana", "10.0.1.1").is_err(), "guesses at her password still wait");
    assert_eq!(guesser.fail("ana", "192.0.2.1"), Ok(()));
    // One account that is known everywhere takes one place.
    for number in 0..3_000_u32 {
        let address = IpAddr::from((0x0c00_0000 + number).to_be_bytes()).to_string();
        if let Ok(guess) = guesser.begin("eve", &address) {
            guess.succeeded();
            guesser.logins.is_here(&Guesser::pair("eve", &address), guesser.now);
        }
    }
    guesser.logins.passwords.known.run_pending_tasks();
    assert!(guesser.logins.is_known(&Guesser::pair("ana", "192.0.2.1"), guesser.now));
}

#[test]
fn a_session_makes_its_network_known_and_guesses_from_it_are_bounded() {
    let mut guesser = Guesser::new();
    for number in 0..200_u32 {
        let _ = guesser.fail("ana", &format!("10.0.{}.{}", number / 250, number % 250));
    }
    assert!(guesser.fail("ana", "192.0.2.1").is_err(), "strangers guess at her password");
    guesser.logins.is_here(&Guesser::pair("ana", "192.0.2.1"), guesser.now);
    assert_eq!(guesser.fail("ana", "192.0.2.1"), Ok(()));
    guesser.now += TimeDelta::hours(25);
    for number in 0..200_u32 {
        let _ = guesser.fail("ana", &format!("10.0.{}.{}", number / 250, number % 250));
    }
    assert!(guesser.fail("ana", "192.0.2.1").is_err(), "that was yesterday");
}

#[test]
fn known_networks_have_separate_counters_that_together_allow_few_guesses() {
    let mut guesser = Guesser::new();
    let address = |number: usize| format!("192.0.2.{number}");
    let (home, begun) = (address(KNOWN_NETWORKS - 1), guesser.now);
    for number in 0..KNOWN_NETWORKS {
        guesser.succeed("ana", &address(number));
    }
    let mut checked = Vec::new();
    while guesser.now - begun < TimeDelta::hours(5) {
        let let_through =
            (0..KNOWN_NETWORKS - 1).filter(|number| guesser.fail("ana", &address(*number)).is_ok());
        checked.push(let_through.count());
        guesser.now += TimeDelta::seconds(1);
    }
    let (first, later) = checked.split_at(3600);
    let (first, later): (usize, usize) = (first.iter().sum(), later.iter().sum());
    assert!((100..=240).contains(&first), "{first} in the first hour");
    assert!((300..=480).contains(&later), "{later} in four more hours");
    assert_eq!(guesser.fail("ana", &home), Ok(()), "no guess from elsewhere counts there");
    assert!(guesser.fail("ana", &address(0)).is_err());
    // What was counted is not forgotten when the holder signs in there again.
    guesser.logins.is_here(&Guesser::pair("ana", &address(0)), guesser.now);
    assert!(guesser.fail("ana", &address(0)).is_err());
}

#[test]
fn a_network_is_known_until_others_replace_it() {
    let guesser = Guesser::new();
    let pair = |number: usize| Guesser::pair("ana", &format!("192.0.2.{number}"));
    for number in (0..KNOWN_NETWORKS).chain([0, KNOWN_NETWORKS]) {
        guesser.logins.is_here(&pair(number), guesser.now);
    }
    let known = |number: usize| guesser.logins.is_known(&pair(number), guesser.now);
    assert!(known(0) && !known(1) && known(2) && known(KNOWN_NETWORKS));
}

#[test]
fn an_uncounted_guess_prolongs_no_wait() {
    let mut guesser = Guesser::new();
    for _ in 0..6 {
        let _ = guesser.fail("ana", "192.0.2.1");
        guesser.now += TimeDelta::seconds(1);
    }
    guesser.now += TimeDelta::seconds(1);
    let (one, two) = (guesser.begin("ana", "192.0.2.1").unwrap(), guesser.begin("ana", "192.0.2.1"));
    assert!(two.is_err(), "while it is under way it counts");
    one.take_back();
    for _ in 0..3 {
        guesser.begin("ana", "192.0.2.1").unwrap().take_back();
    }
    assert_eq!(guesser.fail("ana", "192.0.2.1"), Ok(()));
    assert_eq!(guesser.fail("ana", "192.0.2.1"), Err(Wait(4)));
}

#[test]
fn rejected_passwords_do_not_delay_an_acceptable_one() {
    let guesser = Guesser::new();
    let refused = |name: &str| {
        let pair = GuessKey::new(Guessed::RefusedPassword, name, Some("192.0.2.1".parse().unwrap()));
        guesser.logins.begin(&pair, guesser.now).map(drop)
    };
    let free = (0..20).filter(|_| refused("ana").is_ok()).count();
    assert_eq!(free, 5, "they may be those of an account");
    let sprayed = (0..100).filter(|number| refused(&format!("user-{number}")).is_ok()).count();
    assert_eq!(sprayed, 25, "of all names, 30");
    assert_eq!(guesser.fail("ana", "192.0.2.1"), Ok(()));
}

#[test]
fn a_new_counter_stays_in_a_busy_cache() {
    let guesser = Guesser::new();
    for _ in 0..3 {
        for number in 0..1_000_u32 {
            let address = IpAddr::from((0x0b00_0000 + number).to_be_bytes()).to_string();
            let _ = guesser.fail(&format!("user-{number}"), &address);
        }
    }
    let answers: Vec<_> = (0..20).map(|_| guesser.fail("ana", "192.0.2.1").is_ok()).collect();
    assert_eq!(answers.iter().filter(|allowed| **allowed).count(), 5);
}
