// Unpacks tarballs with the code of npm, pnpm and yarn 1, and tells what they would install.
//
// Given: the folders of npm, pnpm and yarn 1, and one to unpack into. Reads tarballs from stdin, each after its length in four
// bytes, and writes a line of JSON for each: what each client installs, as digests by path, or why it refuses.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import Module, { createRequire } from 'node:module'
import { join, posix } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createGunzip } from 'node:zlib'

const [npmFolder, pnpmFolder, yarnFolder, scratch] = process.argv.slice(2)
const digest = bytes => createHash('sha256').update(bytes).digest('hex').slice(0, 32)
const changed = (source, what, by) => {
  if (!source.includes(what)) throw new Error(`the bundle has no ${JSON.stringify(what)} any more`)
  return source.replace(what, () => by)
}

function tree (folder, below = '', files = {}) {
  for (const entry of readdirSync(join(folder, below), { withFileTypes: true })) {
    const path = below ? `${below}/${entry.name}` : entry.name
    if (entry.isDirectory()) tree(folder, path, files)
    else files[path] = entry.isFile() ? digest(readFileSync(join(folder, path))) : 'no file'
  }
  return files
}

const pacote = createRequire(join(npmFolder, 'package.json'))('pacote')
async function npm (tarball, folder) {
  const file = `${folder}.tgz`
  writeFileSync(file, tarball)
  await pacote.extract(`file:${file}`, folder, { cache: join(scratch, 'cache'), where: scratch })
  return tree(folder)
}

const pnpmBundle = join(pnpmFolder, 'dist/worker.js')
const pnpmCopy = join(scratch, 'pnpm.mjs')
let pnpmSource = changed(readFileSync(pnpmBundle, 'utf8'), '_cr(import.meta.url)', `_cr(${JSON.stringify(pathToFileURL(pnpmBundle))})`)
pnpmSource = changed(pnpmSource, '\nstartWorker();', '\nexport { addFilesFromTarball };')
writeFileSync(pnpmCopy, pnpmSource)
const { addFilesFromTarball } = await import(pathToFileURL(pnpmCopy))
async function pnpm (tarball) {
  const { filesIndex } = addFilesFromTarball(content => ({ digest: digest(content) }), tarball, true)
  const files = {}
  for (const [path, file] of filesIndex) files[posix.join('/', path).slice(1)] = file.digest
  return files
}

const yarnBundle = join(yarnFolder, 'lib/cli.js')
const yarnModule = new Module(yarnBundle)
yarnModule.filename = yarnBundle
yarnModule.paths = []
const begins = /return __webpack_require__\(__webpack_require__\.s = \d+\);/.exec(readFileSync(yarnBundle, 'utf8'))?.[0]
const yarnSource = changed(readFileSync(yarnBundle, 'utf8'), begins ?? 'no start', 'return __webpack_require__;').replace(/^#!.*/, '')
yarnModule._compile(yarnSource, yarnBundle)
const yarnModules = yarnModule.exports
const tarFs = yarnModules(yarnModules.m.findIndex(factory => String(factory).includes('exports.extract = function (cwd, opts)')))
function yarn1 (tarball, folder) {
  return new Promise((resolve, reject) => {
    const now = new Date()
    const map = header => Object.assign(header, { mtime: now })
    const unpacked = tarFs.extract(folder, { strip: 1, dmode: 0o755, fmode: 0o644, chown: false, map })
    const gunzip = createGunzip()
    gunzip.on('error', reject)
    unpacked.on('error', reject)
    unpacked.on('finish', () => resolve(tree(folder)))
    gunzip.pipe(unpacked)
    gunzip.end(tarball)
  })
}

process.on('uncaughtException', error => process.stderr.write(`uncaught: ${error.stack}\n`))
let next = 0
async function unpack (tarball) {
  const number = next++
  const answer = {}
  for (const [client, run] of Object.entries({ npm, pnpm, yarn1 })) {
    const folder = join(scratch, `${client}-${number}`)
    mkdirSync(folder)
    try {
      answer[client] = await run(tarball, folder)
    } catch (error) {
      answer[client] = { error: String(error.message ?? error) }
    }
    rmSync(folder, { recursive: true, force: true })
    rmSync(`${folder}.tgz`, { force: true })
  }
  return answer
}

// Several at once, since most of the time goes by in waiting for files. The answers are in the order of the tarballs.
let input = Buffer.alloc(0)
let told = Promise.resolve()
for await (const chunk of process.stdin) {
  input = Buffer.concat([input, chunk])
  while (input.length >= 4 && input.length >= 4 + input.readUInt32BE(0)) {
    const end = 4 + input.readUInt32BE(0)
    const answer = unpack(Buffer.from(input.subarray(4, end)))
    input = input.subarray(end)
    told = told.then(async () => process.stdout.write(`${JSON.stringify(await answer)}\n`))
  }
}
