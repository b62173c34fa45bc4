// Prints sets of the features of `registry-core`, one a line, such that what uses one feature and does not name it is found:
// of any two features, some set has the one without the other, unless the one turns the other on. With `alone`, each feature
// is a set of its own. Reads what `cargo metadata` prints.
import { readFileSync } from "node:fs";

const { packages } = JSON.parse(readFileSync(0, "utf8"));
const declared = packages.find(({ name }) => name === "registry-core").features;
const features = Object.keys(declared).filter((name) => name !== "default");

/** A feature with all that it turns on. */
function turnedOn(feature, known = new Set()) {
    if (!(feature in declared) || known.has(feature)) return known;
    known.add(feature);
    declared[feature].forEach((other) => turnedOn(other, known));
    return known;
}

/** The pairs that a set tells apart: the first is on, and the second is off. */
function apart(set) {
    const on = new Set(set.flatMap((feature) => [...turnedOn(feature)]));
    return [...on].flatMap((one) => features.filter((other) => !on.has(other)).map((other) => `${one} ${other}`));
}

/** The set that tells most of `pairs` apart, found by turning one feature on or off as long as that helps. */
function best(pairs) {
    const gain = (set) => apart(set).filter((pair) => pairs.has(pair)).length;
    const change = (set, feature) => (set.includes(feature) ? set.filter((other) => other !== feature) : [...set, feature]);
    let set = [];
    for (;;) {
        const changed = features.map((feature) => change(set, feature)).sort((one, other) => gain(other) - gain(one))[0];
        if (gain(changed) <= gain(set)) return set;
        set = changed;
    }
}

const sets = [[]];
if (process.argv[2] === "alone") {
    sets.push(...features.map((feature) => [feature]));
} else {
    const pairs = new Set(features.flatMap((feature) => apart([feature])));
    while (pairs.size > 0) {
        const set = best(pairs);
        apart(set).forEach((pair) => pairs.delete(pair));
        sets.push(set);
    }
}
for (const set of sets) console.log(set.join(","));
