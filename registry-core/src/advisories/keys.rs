//! The keys that the record of advisories is signed with: those of the registry.

use chrono::{DateTime, Utc};

use crate::Error;

/// Where the keys are. A build without the feature `signing` has none, so that it can use no advisories.
#[derive(Debug, Clone)]
pub(crate) struct AdvisoryKeys {
    #[cfg(feature = "signing")]
    pub(crate) stored: crate::signing::StoredKeys,
}

/// A key to sign with.
pub(super) struct AdvisoryKey {
    #[cfg(feature = "signing")]
    key: std::sync::Arc<crate::signing::SigningKey>,
}

/// The keys to verify with.
#[derive(Debug, Default)]
pub(super) struct AdvisoryKeyList {
    #[cfg(feature = "signing")]
    keys: Vec<(String, Option<DateTime<Utc>>, crate::signing::PublicKey)>,
}

#[cfg(feature = "signing")]
mod with_signing {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::{AdvisoryKey, AdvisoryKeyList, AdvisoryKeys, DateTime, Error, Utc};
    use crate::signing::PublicKey;

    impl AdvisoryKeys {
        /// Returns the key to sign with, and makes it if there is none.
        pub(in super::super) async fn to_sign(&self) -> Result<AdvisoryKey, Error> {
            Ok(AdvisoryKey { key: self.stored.get_or_make().await? })
        }

        pub(in super::super) async fn to_verify(&self) -> Result<AdvisoryKeyList, Error> {
            let listed = self.stored.list().await?;
            let keys = listed.into_iter().filter_map(|key| {
                let public = PublicKey::from_base64(&key.key).ok()?;
                // The id follows from the key.
                Some((public.id().to_string(), key.expires, public))
            });
            Ok(AdvisoryKeyList { keys: keys.collect() })
        }
    }

    impl AdvisoryKey {
        /// Returns the id of the key, and the signature.
        pub(in super::super) fn sign(&self, message: &[u8]) -> Result<(String, String), Error> {
            let signature = self.key.sign(message).map_err(Error::internal)?;
            Ok((self.key.public_key().id().to_string(), STANDARD.encode(signature)))
        }
    }

    impl AdvisoryKeyList {
        /// Whether the key of this id signed the message, at a time at which it was in use.
        pub(in super::super) fn verify(
            &self,
            id: &str,
            sig: &str,
            message: &[u8],
            at: DateTime<Utc>,
        ) -> bool {
            let Ok(signature) = STANDARD.decode(sig) else { return false };
            self.keys.iter().any(|(known, expires, key)| {
                known == id
                    && expires.is_none_or(|expires| at <= expires)
                    && key.verifies(message, &signature)
            })
        }
    }
}

#[cfg(not(feature = "signing"))]
mod without_signing {
    use super::{AdvisoryKey, AdvisoryKeyList, AdvisoryKeys, DateTime, Error, Utc};

    const NEEDED: &str = "advisories need a build with the feature `signing`";

    #[expect(clippy::unused_async, reason = "as with the feature")]
    impl AdvisoryKeys {
        pub(in super::super) async fn to_sign(&self) -> Result<AdvisoryKey, Error> {
            Err(Error::internal(NEEDED))
        }

        pub(in super::super) async fn to_verify(&self) -> Result<AdvisoryKeyList, Error> {
            Err(Error::internal(NEEDED))
        }
    }

    #[expect(clippy::unused_self, reason = "as with the feature")]
    impl AdvisoryKey {
        pub(in super::super) fn sign(&self, _: &[u8]) -> Result<(String, String), Error> {
            Err(Error::internal(NEEDED))
        }
    }

    #[expect(clippy::unused_self, reason = "as with the feature")]
    impl AdvisoryKeyList {
        pub(in super::super) fn verify(&self, _: &str, _: &str, _: &[u8], _: DateTime<Utc>) -> bool {
            false
        }
    }
}
