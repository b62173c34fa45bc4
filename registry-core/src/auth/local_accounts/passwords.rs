use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{Error as HashError, PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::acceptable::LONGEST_PASSWORD;
use crate::randomness::{Randomness, random_bytes};
use crate::vocabulary::BoxError;

/// How many passwords are checked concurrently. Each check takes 19 MiB of memory and a whole core.
const AT_A_TIME: usize = 2;

/// The cost of checking, and of guessing, a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordCost(Params);

impl PasswordCost {
    /// The minimum cost of Argon2. **For tests only**: its hashes are quickly guessed.
    pub fn cheapest() -> Self {
        const CHEAPEST: Params =
            match Params::new(Params::MIN_M_COST, Params::MIN_T_COST, Params::MIN_P_COST, None) {
                Ok(params) => params,
                Err(_) => panic!("the least of each is allowed"),
            };
        Self(CHEAPEST)
    }
}

impl Default for PasswordCost {
    /// Argon2id with 19 MiB of memory, two passes and one lane, as OWASP recommends.
    fn default() -> Self {
        Self(Params::DEFAULT)
    }
}

/// Hashes and checks passwords, a few at a time.
#[derive(Debug)]
pub(super) struct Passwords {
    cost: PasswordCost,
    turns: Arc<Semaphore>,
}

/// A permit to hash one password.
pub(super) type Turn = OwnedSemaphorePermit;

impl Passwords {
    pub(super) fn new(cost: PasswordCost) -> Self {
        Self { cost, turns: Arc::new(Semaphore::new(AT_A_TIME)) }
    }

    /// Waits for a permit to hash a password.
    pub(super) async fn turn(&self) -> Result<Turn, BoxError> {
        Ok(Arc::clone(&self.turns).acquire_owned().await?)
    }

    /// Hashes a password with a new salt.
    pub(super) async fn hash(
        &self,
        turn: Turn,
        password: &SecretString,
        randomness: &dyn Randomness,
    ) -> Result<String, BoxError> {
        let salt: [u8; 16] = random_bytes(randomness);
        let (argon2, password) = (self.argon2(), password.clone());
        off_the_async_threads(turn, move || {
            let hash: PasswordHash =
                argon2.hash_password_with_salt(password.expose_secret().as_bytes(), &salt)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Returns whether `hash` is of `password`.
    pub(super) async fn check(
        &self,
        turn: Turn,
        password: &SecretString,
        hash: &str,
    ) -> Result<bool, BoxError> {
        let hash = PasswordHash::new(hash)?;
        if is_too_long(password) {
            return Ok(false);
        }
        let (argon2, password) = (self.argon2(), password.clone());
        off_the_async_threads(turn, move || {
            match argon2.verify_password(password.expose_secret().as_bytes(), &hash) {
                Ok(()) => Ok(true),
                Err(HashError::PasswordInvalid) => Ok(false),
                Err(error) => Err(error),
            }
        })
        .await
    }

    /// Takes as long as a check, for an account that does not exist.
    pub(super) async fn check_nothing(&self, turn: Turn, password: &SecretString) -> Result<(), BoxError> {
        if is_too_long(password) {
            return Ok(());
        }
        let (argon2, password) = (self.argon2(), password.clone());
        off_the_async_threads(turn, move || {
            let _: PasswordHash =
                argon2.hash_password_with_salt(password.expose_secret().as_bytes(), &[0; 16])?;
            Ok(())
        })
        .await
    }

    fn argon2(&self) -> Argon2<'static> {
        Argon2::new(Algorithm::Argon2id, Version::V0x13, self.cost.0.clone())
    }
}

/// Returns whether a text is a hash that a password can be checked against.
pub(super) fn is_hash(text: &str) -> bool {
    PasswordHash::new(text).is_ok_and(|hash| hash.salt.is_some() && hash.hash.is_some())
}

/// Returns whether a password is too long for any account, and costs too much to hash.
fn is_too_long(password: &SecretString) -> bool {
    password.expose_secret().len() > LONGEST_PASSWORD
}

/// The permit moves into the task, so that it is held until the work ends, even if the caller cancels.
async fn off_the_async_threads<Output: Send + 'static>(
    turn: Turn,
    work: impl FnOnce() -> Result<Output, HashError> + Send + 'static,
) -> Result<Output, BoxError> {
    let work = move || {
        let output = work();
        drop(turn);
        output
    };
    Ok(tokio::task::spawn_blocking(work).await??)
}
