use url::Url;

use super::Settings;

/// An upstream is this server itself.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "[upstreams.{name}]: url = \"{url}\" is this server itself, which {setting} says, so requests would \
     loop: write the URL of another registry, or remove this upstream"
)]
pub struct LoopError {
    name: String,
    url: String,
    setting: &'static str,
}

impl Settings {
    /// Rejects upstreams that are this registry at its public URL.
    pub fn refuse_public_loops(&self) -> Result<(), LoopError> {
        self.refuse_loops_by("public_url", |url| self.is_public(url))
    }

    /// Rejects upstreams that are this registry according to `is_this`. `setting` is the name of the setting that shows
    /// it.
    pub fn refuse_loops_by(
        &self,
        setting: &'static str,
        is_this: impl Fn(&Url) -> bool,
    ) -> Result<(), LoopError> {
        match self.upstreams.iter().find(|(_, upstream)| is_this(upstream.url.as_url())) {
            Some((name, upstream)) => {
                Err(LoopError { name: name.clone(), url: upstream.url.to_string(), setting })
            }
            None => Ok(()),
        }
    }

    /// Other paths of the same host may lead to another registry behind the same proxy.
    fn is_public(&self, url: &Url) -> bool {
        let Some(public) = self.public_url.as_ref().map(super::PublicUrl::as_url) else { return false };
        let path = |url: &Url| url.path().trim_end_matches('/').to_owned();
        let legacy = self.legacy_prefixes.iter().map(super::LegacyPrefix::as_str);
        let mut prefixes = legacy.chain(["", self.path_prefix.as_str()]);
        url.origin() == public.origin()
            && prefixes
                .any(|prefix| [prefix.to_owned(), format!("{}{prefix}", path(public))].contains(&path(url)))
    }
}
