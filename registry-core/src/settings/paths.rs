use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Settings, StorageUrl};

impl Settings {
    /// Resolves the relative paths that `text` names against the folder of `file`, from which it was read. Where no storage is
    /// written, its default stays below the working directory.
    pub(super) fn resolve_paths(&mut self, file: &Path, text: &str) {
        let folder = file.parent().unwrap_or(Path::new(""));
        let resolve = |path: &mut PathBuf| *path = folder.join(&*path).components().collect();
        if let StorageUrl::Folder(path) = &mut self.storage.url
            && writes_storage(text)
        {
            resolve(path);
        }
        self.htpasswd.file.iter_mut().for_each(resolve);
        for upstream in self.upstreams.values_mut() {
            upstream.token_file.iter_mut().chain(&mut upstream.certificate_files).for_each(resolve);
        }
        if let Some(github) = &mut self.github {
            github.client_secret_file.iter_mut().chain(&mut github.certificate_files).for_each(resolve);
        }
        if let Some(openid) = &mut self.openid {
            openid.client_secret_file.iter_mut().chain(&mut openid.certificate_files).for_each(resolve);
        }
        self.webhooks.values_mut().flat_map(|webhook| &mut webhook.secret_file).for_each(resolve);
        self.hooks.iter_mut().flat_map(|hooks| &mut hooks.key_file).for_each(resolve);
        self.policy.files_mut().chain(&mut self.similar_names.popular_file).for_each(resolve);
        self.signing.key_file.iter_mut().chain(&mut self.signing.secret_file).for_each(resolve);
        self.provenance.trusted_root.iter_mut().chain(&mut self.web.logo).for_each(resolve);
        let issuers = self.trusted_publishing.issuers.iter_mut();
        issuers.flat_map(|issuer| &mut issuer.certificate_files).for_each(resolve);
    }
}

fn writes_storage(text: &str) -> bool {
    let Ok(document) = DeTable::parse(text) else { return false };
    let storage = document.get_ref().get("storage").map(Spanned::get_ref);
    matches!(storage, Some(DeValue::Table(storage)) if storage.contains_key("url"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &str = "storage.url = \"file:data\"\nhtpasswd.file = \"users\"\n\
        [upstreams.npm]\nurl = \"https://registry.example\"\ntoken_file = \"token\"\ncertificate_files = [\"a.pem\"]\n\
        [github]\nclient_secret_file = \"github\"\ncertificate_files = [\"b.pem\", \"/ca/b.pem\"]\n\
        [openid]\nissuer = \"https://login.example\"\nclient_id = \"x\"\nclient_secret_file = \"sso\"\n\
        certificate_files = [\"c.pem\"]\n\
        [[trusted_publishing.issuers]]\nname = \"ci\"\nurl = \"https://ci.example\"\nkind = \"claims\"\n\
        certificate_files = [\"d.pem\"]\n\
        [webhooks.deploys]\nurl = \"https://hooks.example\"\nsecret_file = \"deploys\"\n\
        [hooks]\nkey_file = \"hooks\"\n\
        [[policy]]\nmatch = \"**\"\nblock_file = \"blocked\"\nallow_file = \"allowed\"\n\
        [signing]\nkey_file = \"key.pem\"\nsecret_file = \"secret\"\n\
        [provenance]\ntrusted_root = \"root.json\"\n\
        [web]\nlogo = \"logo.svg\"";

    fn paths(settings: &Settings) -> Vec<String> {
        let (upstream, github) = (&settings.upstreams["npm"], settings.github.as_ref().unwrap());
        let (openid, issuer) = (settings.openid.as_ref().unwrap(), &settings.trusted_publishing.issuers[0]);
        let single = [
            &settings.htpasswd.file,
            &upstream.token_file,
            &github.client_secret_file,
            &openid.client_secret_file,
            &settings.webhooks["deploys"].secret_file,
            &settings.hooks.as_ref().unwrap().key_file,
            &settings.signing.key_file,
            &settings.signing.secret_file,
            &settings.provenance.trusted_root,
            &settings.web.logo,
        ];
        let lists = [
            &upstream.certificate_files,
            &github.certificate_files,
            &openid.certificate_files,
            &issuer.certificate_files,
        ];
        let all = single.into_iter().flatten().chain(lists.into_iter().flatten());
        let mut policy = settings.policy.clone();
        let all = all.chain(policy.files_mut().map(|path| &*path));
        let all = all.map(|path| path.display().to_string());
        [settings.storage.url.to_string()].into_iter().chain(all).collect()
    }

    #[test]
    fn relative_paths_start_at_the_folder_of_the_file() {
        let mut settings = Settings::from_toml(ALL).unwrap();
        settings.resolve_paths(Path::new("registry.toml"), ALL);
        assert_eq!(paths(&settings), paths(&Settings::from_toml(ALL).unwrap()));
        settings.resolve_paths(Path::new("/etc/registry/registry.toml"), ALL);
        let below = [
            "users",
            "token",
            "github",
            "sso",
            "deploys",
            "hooks",
            "key.pem",
            "secret",
            "root.json",
            "logo.svg",
            "a.pem",
            "b.pem",
            "/ca/b.pem",
            "c.pem",
            "d.pem",
            "blocked",
            "allowed",
        ];
        let below = below.map(|path| Path::new("/etc/registry").join(path).display().to_string());
        assert_eq!(paths(&settings)[1..], below);
        assert_eq!(paths(&settings)[0], "file:/etc/registry/data");
    }

    #[test]
    fn the_default_storage_stays_below_the_working_directory() {
        let mut settings = Settings::default();
        settings.resolve_paths(Path::new("/etc/registry.toml"), "[storage]\nmust_exist = true");
        assert_eq!(settings.storage.url, StorageUrl::default());
        for text in ["[storage]\nurl = \"file:./registry-data\"", "storage.url = \"file:./registry-data\""] {
            let mut settings = Settings::from_toml(text).unwrap();
            settings.resolve_paths(Path::new("/etc/registry.toml"), text);
            assert_eq!(settings.storage.url.to_string(), "file:/etc/registry-data");
        }
    }
}
