// Writes the vectors beside it: what npm itself says about names, versions, tags and manifests.
// A maintainer runs it by hand after a new npm, and reads the difference:
//
//     node registry-core/tests/vectors/generate.mjs
//
// The judges are the packages bundled with the npm of this machine. The same npm always writes the same files.

import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const globalModules = execFileSync('npm', ['root', '-g'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
const fromNpm = createRequire(join(globalModules.trim(), 'npm', 'package.json'))
const validateName = fromNpm('validate-npm-package-name')
const semver = fromNpm('semver')
const PackageJson = fromNpm('@npmcli/package-json')

// A small generator of numbers, so that every run makes the same strings.
let state = 20240917
const below = (limit) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0
  return Math.floor((state / 2 ** 32) * limit)
}
const pick = (list) => list[below(list.length)]
const randomText = (pieces, longest) => Array.from({ length: 1 + below(longest) }, () => pick(pieces)).join('')
const randomTexts = (count, pieces, longest) => {
  const texts = new Set()
  while (texts.size < count) texts.add(randomText(pieces, longest))
  return [...texts]
}

const write = (file, entries) => {
  const lines = entries.map((entry) => JSON.stringify(entry))
  const text = `[\n${lines.join(',\n')}\n]\n`
  if (Buffer.byteLength(text) > 150_000) throw new Error(`${file} is above 150 KB`)
  writeFileSync(join(here, file), text)
}

// names.json: the name, what npm says, and its reasons, which tell the documented differences apart.
const namePieces = ['a', 'B', 'z', '0', '9', '-', '_', '.', '/', '@', '~', '!', "'", '(', ')', '*', ' ', '%', '+', ':',
  '\\', '\u0000', 'é', '😀', '..', 'node_modules', 'favicon.ico', 'http', '@s/', '@s/n']
const names = [
  '', 'a', 'A', '0', '-', '--', '-a', '-A', '_', '_a', '.', '..', '...', '.a', 'a.', 'a-', 'a_', '~', '!', '*', '(', ')',
  "'", 'a~', 'a!b', 'a*b', "a'b", 'a(b)', 'JSONStream', 'left-pad', 'left.pad', 'node_modules', 'Node_Modules',
  'favicon.ico', 'FAVICON.ICO', 'node_modules_', 'http', 'fs', 'Stream', 'process', 'a b', ' a', 'a ', '\ta', 'a\n', 'a\u0000b', 'a/b',
  'a//b', '/a', 'a/', '@', '@/', '@a', '@a/', '@/a', '@a/b', '@A/B', '@a/B', '@a/b/c', '@a//b', '@@a/b', '@a@b/c',
  '@a/@b', '@a/_b', '@_a/b', '@_/_', '@a/.b', '@a/..', '@a/.', '@./b', '@../b', '@-/b', '@a/-', '@a/-b', '@-a/-b',
  '@a/node_modules', '@node_modules/a', '@a/favicon.ico', '@a/http', '@a~/b', '@a/b~', '@a b/c', '@a/b c', '@é/b',
  '@a/é', 'é', '😀', 'ａ', 'a\u00adb', 'a\u200bb', '%61', 'a%2fb', '@a%2fb', 'a?b', 'a#b', 'a&b', 'a=b', 'a,b', 'a;b',
  'a:b', 'a|b', 'a^b', 'a`b', 'a"b', 'a<b>', 'a[b]', 'a{b}', 'a$b', 'a+b', 'a\\b', '..\\a', '../a', './a', 'con', 'nul',
  'a'.repeat(213), 'a'.repeat(214), 'a'.repeat(215), `@a/${'b'.repeat(211)}`, `@a/${'b'.repeat(212)}`,
  'constructor', '__proto__', 'index.json', '1.0.0', '1', 'latest', 'undefined', 'null', '@undefined/a',
  ...randomTexts(420, namePieces, 6),
]
write('names.json', [...new Set(names)].map((name) => {
  const { validForOldPackages, validForNewPackages, errors = [] } = validateName(name)
  return { name, validForOldPackages, validForNewPackages, errors }
}))

// versions.json: strict means that npm takes the text and would write it in the same way. `semver.valid` also takes
// a leading `v` and spaces around, and drops build metadata; a strict text has neither, and keeps its metadata.
const versionPieces = ['0', '1', '2', '10', '01', '.', '.', '.', '-', '+', 'a', 'rc', 'X', 'v', '=', ' ', '*', '_',
  '1.2.3', '1.2.3', '1.0.0-', '0.0.1+', 'é', '9007199254740991', '9007199254740992']
const largest = '9007199254740991'
const tooLarge = '9007199254740992'
const prereleases = ['', '', '-0', '-1', '-2', '-10', '-9007199254740991', '-9007199254740990', '-a', '-A', '-b', '-a.1', '-a.2',
  '-a.10', '-a.b', '-a-b', '--', '-1a', '-rc.1', '-rc.1.0', '-alpha', '-beta', '-x.7.z.92']
const builds = ['', '', '', '+1', '+01', '+a', '+a.b']
const anyVersion = () => {
  const numbers = Array.from({ length: 3 }, () => pick(['0', '0', '1', '1', '2', '10', largest])).join('.')
  return numbers + pick(prereleases) + pick(builds)
}
const withPieceIn = (text, pieces) => {
  const at = below(text.length + 1)
  return text.slice(0, at) + pick(pieces) + text.slice(at)
}
const versions = [
  '', '1', '1.2', '1.2.3', '0.0.0', '1.2.3.4', '01.2.3', '1.02.3', '1.2.03', 'v1.2.3', 'V1.2.3', '=1.2.3', '= 1.2.3',
  'vv1.2.3', ' 1.2.3', '1.2.3 ', '\n1.2.3', '1.2.3\n', '1. 2.3', '-1.2.3', '+1.2.3', '1.-2.3', '1.2.3-', '1.2.3+', '1.2.3-+', '1.2.3-a+', '1.2.3-a..b', '1.2.3-.a',
  '1.2.3-a.', '1.2.3-0', '1.2.3-00', '1.2.3-01', '1.2.3-0a', '1.2.3-0-0', '1.2.3--', '1.2.3---', '1.2.3-a_b',
  '1.2.3-alpha', '1.2.3-ALPHA', '1.2.3-alpha.1', '1.2.3-alpha.01', '1.2.3-alpha.0x1', '1.2.3alpha', '1.2.3+build', '1.2.3+01', '1.2.3+a.b', '1.2.3+a..b', '1.2.3+a+b', '1.2.3+a_b',
  '1.2.3-a+b', '1.2.3+a-b', '1.2.3-a-b', 'x', 'x.x.x', '1.x', '1.2.x', '*', 'latest', '1.2.3 || 2', '^1.2.3', '~1.2.3',
  '>=1.2.3', '１.2.3', '1.2.3-é', '1.2.3-😀', '1.2.3\u0000', '1,2,3', '1.2.3-a b', '1e3.0.0', '0x1.0.0',
  `${largest}.0.0`, `${tooLarge}.0.0`, `0.${largest}.0`, `0.${tooLarge}.0`, `0.0.${largest}`, `0.0.${tooLarge}`,
  `1.2.3-${largest}`, `1.2.3-${tooLarge}`, '1.2.3-99999999999999999999999', '99999999999999999999.0.0',
  '18446744073709551616.0.0', `1.2.3+${tooLarge}`,
  `1.2.3-${'a'.repeat(249)}`, `1.2.3-${'a'.repeat(250)}`, `1.2.3-${'a'.repeat(251)}`, `1.2.3+${'a'.repeat(250)}`,
  `1.2.3+${'a'.repeat(251)}`, `1.2.3-${'1'.repeat(250)}`, `1.2.3-${'a.'.repeat(124)}a`, `1.2.3-${'a.'.repeat(125)}a`,
  ...randomTexts(250, versionPieces, 7),
  ...Array.from({ length: 300 }, (_, index) => index % 2 ? anyVersion() : withPieceIn(anyVersion(), versionPieces)),
]
const strict = (text) => {
  const parsed = semver.parse(text)
  return parsed !== null && text === [parsed.version, ...(parsed.build.length ? [parsed.build.join('.')] : [])].join('+')
}
write('versions.json', [...new Set(versions)].map((text) => ({ text, strict: strict(text) })))

// version_order.json: two strict versions, and which comes first to npm.
const near = (version) => version.replace(/[-+].*$/, '') + pick(prereleases) + pick(builds)
const pairs = Array.from({ length: 600 }, (_, index) => {
  const first = anyVersion()
  const second = index % 3 ? near(first) : anyVersion()
  return [first, second, semver.compare(first, second)]
})
write('version_order.json', pairs)

// dist_tags.json: a tag must not read as a range, and must not need escapes in a URL.
const tagPieces = ['v', 'V', 'x', 'X', '*', '~', '1', '0', '01', '2', '.', '.', '-', '-', 'a', 'rc', '_', '!', "'", '(', ')',
  '+', ' ', '>', '=', '^', '|', '/', '1.2.3', '1.2.3-', 'x.x.', largest, tooLarge]
const rangePieces = ['v', 'x', 'X', '*', '~', '1', '0', '2', '.', '.x', '.1', '-', 'a', '1.2.3', '1.x.', '-a.1', largest]
const tags = [
  'latest', 'next', 'beta', 'Latest', '', ' ', 'a b', ' a', 'a/b', 'v', 'V', 'vv', 'v1', 'V1', 'vv1', 'vv1.2.3', '~vv1.2.3', 'v1.2', 'v1.2.3',
  'v-1', 'x', 'X', 'xx', 'x.x', 'x.x.x', 'x.x.x.x', 'x1', '1x', '1.x', '1.X', '1.*', '*', '**', '*.*', '~', '~~', '~1',
  '~~1', '~v1', '~x', '~*', '~1.2.3-a', '^', '^1', '>1', '<1', '>=1', '=1', '1', '0', '00', '01', '1.2', '1.2.3',
  '1.2.3.4', '1.', '.1', '1..2', '1.2.', '1.02.3', '1.2.3-', '1.2.3-a', '1.2.3-01', '1.2.3-0', '1.2.3-a.b', '1.2.3-a..b',
  '1.2.3-a_b', '1.2.3--', '1.2-a', '1-a', '1-2', '1.x-a', '1.x.x-a', '1.2.x-a', 'x.x.x-a', 'x-a', 'x.1', 'x.1.2',
  '1.x.2', '*.1.2-a', '1 2', '1 - 2', '1||2', '||', '-', '-1', '_', '_1', '.', '..', '~.', 'é', '😀', '%20', 'a+b',
  '1.2.3+b', `${largest}`, `${tooLarge}`, `1.${tooLarge}`, `1.2.${tooLarge}`, `x.${tooLarge}`, `x.x.${tooLarge}`,
  `~${tooLarge}`, `${tooLarge}.x`, `1.x.${tooLarge}`, `1.2.3-${tooLarge}`, `${largest}.${largest}.${largest}`, `~${largest}`, `1.${largest}`,
  '18446744073709551615', '18446744073709551616', '99999999999999999999999999',
  'a'.repeat(214), 'a'.repeat(215), '1'.repeat(214), `1.2.3-${'a'.repeat(208)}`,
  ...randomTexts(250, tagPieces, 6),
  ...randomTexts(350, rangePieces, 5),
  ...Array.from({ length: 100 }, () => withPieceIn(pick(['1.2.3', '1.x', 'v1.2.3-a', '~1.2', 'x.2.3-a.1']), rangePieces)),
]
write('dist_tags.json', [...new Set(tags)].map((text) => ({
  text,
  range: semver.validRange(text) !== null,
  urlFriendly: encodeURIComponent(text) === text,
})))

// ranges.json: some versions, and of each text which of them are in it (by their places); null where it is no range.
const rangeVersions = [
  '0.0.0', '0.0.1', '0.0.2', '0.1.0', '0.1.1', '0.2.0', '0.2.3', '1.0.0', '1.0.1', '1.1.0', '1.2.0', '1.2.3', '1.2.4', '1.3.0',
  '2.0.0', '2.3.4', '3.0.0', '10.0.0', '0.0.0-0', '0.0.1-a', '0.1.0-a', '1.0.0-0', '1.0.0-a', '1.2.3-a', '1.2.3-a.1', '1.2.3-b',
  '1.3.0-0', '2.0.0-0', '2.0.0-rc.1', '2.3.4-a', '1.2.3+build', `${largest}.0.0`,
]
const partPieces = ['0', '0', '1', '1', '2', '3', '10', 'x', 'X', '*', largest, tooLarge]
const partial = () => {
  const count = 1 + below(3)
  const numbers = Array.from({ length: count }, () => pick(partPieces)).join('.')
  return pick(['', '', '', '', 'v', '=', 'vv']) + numbers + (count === 3 ? pick(['', '', '', '-0', '-a', '-a.1', '-01', '-', '+b', '-a+b']) : '')
}
const operators = ['', '', '', '^', '^', '~', '~>', '>', '<', '>=', '<=', '=', '==', '> ', '>=  ', '^ ', '~ ', '< =']
const comparator = () => pick(operators) + partial()
const anyRange = () => {
  switch (below(6)) {
    case 0: return `${partial()} - ${partial()}`
    case 1: return `${comparator()} ${comparator()}`
    case 2: return `${comparator()}${pick(['||', ' || ', '|| '])}${comparator()}`
    default: return comparator()
  }
}
const ranges = [
  '', ' ', '*', 'x', 'X', 'latest', '||', '1||', '>', '>=', '^', '~', '-', '1 -', '- 1', '1-2', '1 - 2', '1 - 2 - 3', '1.2.3 1.2.3',
  '^1', '^1.2', '^1.2.3', '^0', '^0.1', '^0.0', '^0.0.1', '^0.0.0', '^1.2.3-a', '^0.1.0-a', '^x', '^1.x', '~1', '~1.2', '~1.2.3',
  '~>1.2', '~1.2.3-a', '~0', '~x', '>1', '>1.2', '>1.2.3', '<1', '<1.2', '<=1', '<=1.2', '<=1.2.3', '>=1', '>=1.2', '>=1.2.3',
  '>x', '<x', '>=x', '<=x', '=x', '>*', '1', '1.2', '1.2.3', 'v1.2.3', '=1.2.3', '=v1.2.3', 'vv1.2.3', '==1.2.3', '1.2.3-a',
  '1.x.2', 'x.1', 'x.x.1', '~1.x.2', '^x.1', '1.2.x-a', '1.2.3+build', '^1.2.3+build', '1.2 - 1.3', '1.2.3 - 2.3', '1.2.3-a - 1.2.3',
  '1.2.3 - 2.0.0-rc.1', 'x - 1', '1 - x', '>=1 <2', '>=1.2.3 <1.3.0 || ^2', '<2 >1', '>=0.0.0', '>=0', '<0.0.0-0', '1 || latest',
  '1 | 2', '1,2', '01', '1.02', '1.2.3.4', '1.2-a', '>1.2-a', ' ^1 ', '\t^1\n', '^1  <1.2', `^${largest}`, `${largest}.x`, `<${tooLarge}`,
  ...Array.from({ length: 500 }, anyRange),
]
const rangeVectors = [...new Set(ranges)].map((text) => {
  const isRange = semver.validRange(text) !== null
  const places = rangeVersions.flatMap((version, place) => semver.satisfies(version, text) ? [place] : [])
  return JSON.stringify([text, isRange ? places : null])
})
writeFileSync(join(here, 'ranges.json'), `{"versions":${JSON.stringify(rangeVersions)},\n"ranges":[\n${rangeVectors.join(',\n')}\n]}\n`)

// manifests.json: a package.json, the files beside it, and the version object that `npm publish` makes of them.
const identity = { name: 'fixture', version: '1.0.0' }
const gitReferences = [
  'a/b', 'a/b.git', 'a/b#main', 'a/b#semver:^1.0.0', 'a/b#feature/x', 'github:a/b', 'github:a/b.git#v1', 'gitlab:a/b', 'gitlab:g/s/p#v1',
  'bitbucket:a/b', 'git@github.com:a/b.git', 'git@github.com:a/b.git#v1', 'git@gitlab.com:g/s/p.git', 'git+ssh://git@github.com/a/b.git',
  'git+ssh://git@github.com:a/b.git#v1', 'ssh://git@github.com/a/b', 'git://github.com/a/b', 'git://github.com/a/b.git#v1', 'https://github.com/a/b',
  'https://github.com/a/b.git', 'https://github.com/a/b/', 'https://www.github.com/a/b', 'https://GitHub.com/a/B', 'http://github.com/a/b',
  'git+https://github.com/a/b', 'git+https://user:x@github.com/a/b.git', 'https://user@github.com/a/b', 'https://github.com/a/b/tree/main', 'https://github.com/a/b/archive/main.tar.gz',
  'https://gitlab.com/g/s/p.git', 'https://gitlab.com/g/p/-/archive/main.tar.gz', 'https://bitbucket.org/a/b', 'https://bitbucket.org/a/b/get/v1.tar.gz', 'https://git.example/a/b.git',
  'git+ssh://git@git.example/a/b.git', '^1.0.0', '1 || 2', 'latest', 'npm:other@^1', 'file:../a', './a/b', '../a', '~/a', '/a/b', '@scope/name', 'a/b/c', 'https://files.example/a.tgz',
]
const fixtures = {
  'nothing special': { json: { ...identity, dependencies: { a: '^1' }, scripts: { test: 'node test' } } },
  'a byte order mark': { text: `\ufeff${JSON.stringify(identity)}` },
  'a name with spaces around': { json: { ...identity, name: ' fixture ' } },
  'a version with a v': { json: { ...identity, version: 'v1.2.3' } },
  'a version with an equals sign': { json: { ...identity, version: ' = v1.2.3' } },
  'a version with metadata': { json: { ...identity, version: '1.2.3-a+build.5' } },
  'bin is a string': { json: { ...identity, bin: './cli.js' } },
  'bin is a string in a scope': { json: { ...identity, name: '@scope/fixture', bin: 'bin\\cli.js' } },
  'bin is an empty string': { json: { ...identity, bin: '' } },
  'bin is a list': { json: { ...identity, bin: ['./bin/one.js', 'two'] } },
  'bin is untidy': { json: { ...identity, bin: { 'x/one': './a/../one.js', '@scope/two': '../../two.js', three: '/three.js', four: 4, five: '', six: './', 'C:\\seven': 'seven\\s.js' } } },
  'bin is empty': { json: { ...identity, bin: {} } },
  'bin is a number': { json: { ...identity, bin: 7 } },
  'bin is a folder': { json: { ...identity, directories: { bin: './tools/' } }, files: ['tools/one.js', 'tools/deep/two.js'] },
  'bin is a folder beside an empty bin': { json: { ...identity, bin: {}, directories: { bin: 'tools' } }, files: ['tools/one.js'] },
  'bin is the whole package': { json: { ...identity, directories: { bin: '.' } }, files: ['tools/one.js'] },
  'scripts through node_modules/.bin': { json: { ...identity, scripts: { a: 'node_modules/.bin/tsc -p .', b: './node_modules/.bin/tsc', c: 'run node_modules/.bin/tsc', d: '.\\node_modules\\.bin\\tsc' } } },
  'scripts that are no text': { json: { ...identity, scripts: { a: 1, b: null, c: ['x'], test: 'node test' } } },
  'scripts are a text': { json: { ...identity, scripts: 'node test' } },
  'a gyp file': { json: identity, files: ['binding.gyp'] },
  'a gyp file and scripts': { json: { ...identity, scripts: { test: 'node test', install: '' } }, files: ['addon.gyp'] },
  'a gyp file and an install script': { json: { ...identity, scripts: { install: 'node build.js' } }, files: ['binding.gyp'] },
  'a gyp file and a preinstall script': { json: { ...identity, scripts: { preinstall: 'node build.js' } }, files: ['binding.gyp'] },
  'a gyp file turned off': { json: { ...identity, gypfile: false }, files: ['binding.gyp'] },
  'a server': { json: { ...identity, scripts: { test: 'node test' } }, files: ['server.js'] },
  'a server with a start script': { json: { ...identity, scripts: { start: 'node other.js' } }, files: ['server.js'] },
  'a gyp file and a server left out of the tarball': { json: { ...identity, files: ['lib'] }, files: ['binding.gyp', 'server.js', 'lib/a.js'], packed: ['lib/a.js'] },
  'dependencies are a list': { json: { ...identity, dependencies: ['a', 'b@^1.0.0', 'c >=2', 'd=3', 'e @4', 'f:@5', ' g<6 ', 7, null] } },
  'dependencies are a text': { json: { ...identity, dependencies: ' a@1, b@2\nc ', optionalDependencies: 'd@4 e' } },
  'dependencies are a number': { json: { ...identity, dependencies: 7 } },
  'dependencies are null': { json: { ...identity, dependencies: null, optionalDependencies: null, peerDependencies: null } },
  'dependencies are an empty text': { json: { ...identity, dependencies: '' } },
  'optional dependencies are a list': { json: { ...identity, optionalDependencies: ['a@1', 'b'] } },
  'peer dependencies are a list': { json: { ...identity, peerDependencies: ['a@1', 'b'] } },
  'dependencies that are no text': { json: { ...identity, dependencies: { a: 1, b: null, c: '^1', d: ['1'], e: {} }, optionalDependencies: { f: 1, g: '1' }, peerDependencies: { h: false } } },
  'a dependency that is optional too': { json: { ...identity, dependencies: { a: '^1', b: '^2' }, optionalDependencies: { b: '^2' } } },
  'bundled dependencies': { json: { ...identity, dependencies: { a: '^1' }, bundleDependencies: ['a', 'b', 3] } },
  'bundled dependencies, misspelt': { json: { ...identity, bundledDependencies: ['b'] } },
  'bundled dependencies as an object': { json: { ...identity, bundleDependencies: { b: '1' } } },
  'bundle everything': { json: { ...identity, dependencies: { a: '1' }, bundleDependencies: true } },
  'git references': { json: { ...identity, dependencies: Object.fromEntries(gitReferences.map((value, index) => [`d${index}`, value])) } },
  'git references that are optional': { json: { ...identity, optionalDependencies: { a: 'a/b' }, peerDependencies: { b: 'a/b' } } },
}

const publishedManifest = async (folder) => {
  const { content } = await (await PackageJson.fix(folder)).prepare()
  const manifest = (await new PackageJson().fromContent({ ...content }).normalize({ steps: ['fixName'] })).content
  return { ...manifest, version: semver.clean(manifest.version) }
}
const manifests = []
for (const [about, { json, text = JSON.stringify(json), files = [], packed = files }] of Object.entries(fixtures)) {
  const folder = mkdtempSync(join(tmpdir(), 'manifest-'))
  try {
    writeFileSync(join(folder, 'package.json'), text)
    for (const file of files) {
      mkdirSync(dirname(join(folder, file)), { recursive: true })
      writeFileSync(join(folder, file), '')
    }
    manifests.push({ about, packageJson: text, files: packed, document: await publishedManifest(folder) })
  } finally {
    rmSync(folder, { recursive: true })
  }
}
write('manifests.json', manifests)
