// A security scanner for bun (https://bun.com/docs/pm/security-scanner-api): asks the registry which versions its policies refuse,
// and what its advisories say of the others. An install stops if the registry cannot tell.
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** How many versions one request asks about. */
const AT_ONCE = 5000;
/** How long to wait for an answer, in milliseconds. */
const PATIENCE = 60_000;

/** The lines `name = value` of an .npmrc, with variables replaced. */
function settingsOf(file) {
    const settings = {};
    if (!existsSync(file)) return settings;
    for (const line of readFileSync(file, "utf8").split("\n")) {
        const [, name, value] = /^\s*([^#;=\s][^=]*?)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
        if (name) settings[name] = value.replace(/^"(.*)"$/, "$1").replace(/\$\{(\w+)\}/g, (_, name) => process.env[name] ?? "");
    }
    return settings;
}

/** Where the registry is, and the token for it: as bun knows them by its variables, or by an .npmrc. */
function registry() {
    const settings = { ...settingsOf(join(homedir(), ".npmrc")), ...settingsOf(join(process.cwd(), ".npmrc")) };
    const env = process.env;
    const address = env.SCANNER_REGISTRY ?? env.BUN_CONFIG_REGISTRY ?? env.NPM_CONFIG_REGISTRY ?? env.npm_config_registry ?? settings.registry;
    if (!address) throw new Error("the scanner does not know the registry: set SCANNER_REGISTRY, or `registry` in .npmrc");
    const url = new URL(address.endsWith("/") ? address : `${address}/`);
    const ofFile = settings[`//${url.host}${url.pathname}:_authToken`] ?? settings[`//${url.host}${url.pathname.slice(0, -1)}:_authToken`];
    const token = env.SCANNER_TOKEN ?? env.BUN_CONFIG_TOKEN ?? env.NPM_CONFIG_TOKEN ?? ofFile;
    return { url, token };
}

const NUMBER = "\\d+\\.\\d+\\.\\d+(?:-[0-9A-Za-z.-]+)?(?:\\+[0-9A-Za-z.-]+)?";
const IS_NUMBER = new RegExp(`^${NUMBER}$`);
const NUMBER_AT_END = new RegExp(`[-_@#/v:](${NUMBER})$`);

/**
 * The number of a version. bun gives an address in place of the number of what comes from elsewhere, which is not sent as it is: it
 * may hold a secret. Where the address does not end with a number, the registry takes the version for any.
 */
function numberOf({ version, tarball, requestedRange }) {
    if (IS_NUMBER.test(version)) return version;
    for (const address of [version, tarball, requestedRange]) {
        const found = NUMBER_AT_END.exec((address ?? "").split("?")[0].replace(/\.(tgz|tar\.gz)$/, ""));
        if (found) return found[1];
    }
    return "unknown";
}

/** Whether a version comes from somewhere other than the registry. The address itself is not sent: it may hold a secret. */
function isElsewhere({ tarball, requestedRange }, url) {
    if (/^(https?:|git[+:@]|github:|gitlab:|bitbucket:|file:|link:)|^[\w.-]+\/[\w.-]+(#|$)/.test(requestedRange ?? "")) return true;
    return Boolean(tarball) && !tarball.startsWith(url.href) && !tarball.startsWith(`${url.origin}/`);
}

async function check(packages, { url, token }) {
    const response = await fetch(new URL("-/policy/check", url), {
        method: "POST",
        headers: { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) },
        body: JSON.stringify({ packages }),
        signal: AbortSignal.timeout(PATIENCE),
    });
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) throw new Error(`the registry did not check the packages (${response.status}): ${answer.error ?? response.statusText}`);
    const answered = Array.isArray(answer.packages) ? answer.packages : [];
    const found = new Map();
    for (const one of answered) {
        const key = `${one?.name}@${one?.version}`;
        // One asked about as a version of the registry and as one from elsewhere: a refusal counts for both.
        if (found.get(key)?.allowed !== false) found.set(key, one);
    }
    // A version without an answer was not checked.
    return packages.map(({ name, version }) => {
        const one = found.get(`${name}@${version}`);
        if (typeof one?.allowed !== "boolean") throw new Error(`the registry did not check ${name}@${version}: its answer lacks it`);
        return one;
    });
}

/** What bun prints of a version. Of one that is refused, the install stops. */
function advisoriesOf({ name, version, allowed, reason, advisories = [], unknown }) {
    const url = advisories[0]?.url ?? null;
    if (allowed === false) return [{ level: "fatal", package: name, url, description: reason }];
    // Not a warning to turn off: this version was not looked at.
    if (unknown !== undefined && unknown !== false) {
        const description = `the registry may not tell you anything about ${name}@${version}`;
        return [{ level: "warn", package: name, url: null, description }];
    }
    if (process.env.SCANNER_WARNINGS === "off") return [];
    return advisories.map(({ id, severity, title, url }) => {
        const description = `${name}@${version} is named by the advisory ${id} (${severity}): ${title}`;
        return { level: "warn", package: name, url, description };
    });
}

export const scanner = {
    version: "1",
    async scan({ packages }) {
        const where = registry();
        const asked = packages
            .filter(({ name, version }) => name && version)
            .map((found) => ({ name: found.name, version: numberOf(found), elsewhere: !IS_NUMBER.test(found.version) || isElsewhere(found, where.url) }));
        const found = [];
        for (let at = 0; at < asked.length; at += AT_ONCE) {
            const checked = await check(asked.slice(at, at + AT_ONCE), where);
            found.push(...checked.flatMap(advisoriesOf));
        }
        return found;
    },
};
