// Installs what is missing, and nothing when nothing is: the lock file's hash is remembered beside what it installed.
// With arguments it then becomes the program that they name: a shell between npm and a program does not pass signals on.
// Plain JavaScript, because it runs before the right Node is there.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url))
const mark = path('../node_modules/.installed')
const wanted = createHash('sha256')
  .update(readFileSync(path('../package-lock.json')))
  .digest('hex')

if (!existsSync(mark) || readFileSync(mark, 'utf8') !== wanted) {
  // Not `npm ci`: it wants an entry for the binaries of every platform, and refuses a lock file made where some are not to
  // be had. The lock file is followed all the same, and not written.
  const args = ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error']
  const { status, error } = spawnSync('npm', args, { cwd: path('..'), stdio: ['ignore', 'inherit', 'inherit'] })
  if (error !== undefined || status !== 0) {
    console.error(`npm ${args.join(' ')} failed${error === undefined ? '' : `: ${error.message}`}`)
    process.exit(1)
  }
  writeFileSync(mark, wanted)
}

const program = process.argv[2]
if (program !== undefined) {
  process.argv.splice(1, 2, path(`../${program}`))
  void import(new URL(`../${program}`, import.meta.url).href)
}
