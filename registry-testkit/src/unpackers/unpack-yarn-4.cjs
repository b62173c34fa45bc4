// A plugin for yarn 4 with a command that unpacks tarballs as an install does. It reads and writes as unpack.mjs.
module.exports = {
  name: 'unpack',
  factory: require => {
    const { createHash } = require('crypto')
    const { Command } = require('clipanion')
    const { tgzUtils } = require('@yarnpkg/core')
    const { ZipFS } = require('@yarnpkg/libzip')
    const digest = bytes => createHash('sha256').update(bytes).digest('hex').slice(0, 32)

    function tree (zip, folder, files = {}) {
      for (const name of zip.readdirSync(folder)) {
        const path = folder === '/' ? `/${name}` : `${folder}/${name}`
        const status = zip.lstatSync(path)
        if (status.isDirectory()) tree(zip, path, files)
        else files[path.slice(1)] = status.isFile() ? digest(zip.readFileSync(path)) : 'no file'
      }
      return files
    }

    async function unpack (tarball) {
      const zip = new ZipFS(null, { level: 0 })
      try {
        await tgzUtils.extractArchiveTo(tarball, zip, { stripComponents: 1, prefixPath: '/' })
        return { yarn4: tree(zip, '/') }
      } catch (error) {
        return { yarn4: { error: String(error.message ?? error) } }
      } finally {
        zip.discardAndClose()
      }
    }

    class Unpack extends Command {
      static paths = [['unpack']]
      async execute () {
        let input = Buffer.alloc(0)
        for await (const chunk of this.context.stdin) {
          input = Buffer.concat([input, chunk])
          while (input.length >= 4 && input.length >= 4 + input.readUInt32BE(0)) {
            const end = 4 + input.readUInt32BE(0)
            const answer = await unpack(Buffer.from(input.subarray(4, end)))
            input = input.subarray(end)
            this.context.stdout.write(`${JSON.stringify(answer)}\n`)
          }
        }
      }
    }
    return { commands: [Unpack] }
  }
}
