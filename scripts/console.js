// Plain JavaScript for old Nodes: builds the console into dist/console if it is missing, or older than its sources, which their hash
// tells. The build goes to a folder of its own first, so that a server never serves half of one.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { fileURLToPath } from 'node:url'
import { findNode } from '../bin/find-node.js'
import { installIn } from './install-in.js'

const root = fileURLToPath(new URL('../', import.meta.url))
const sources = ['console', 'src/server/api/answers.ts']
const built = `${root}dist/console`

/** Builds the console, or ends the program. Its packages are installed in any case, because the type check needs them, too. */
export function buildConsole() {
  const wanted = hashOfSources()
  installIn('../console/')
  if (!isBuiltFrom(wanted) && !build(wanted)) process.exit(1)
}

/** Builds the console if that is to be had: where it is not, as without a network, the server starts all the same. */
export function buildConsoleIfPossible() {
  const wanted = hashOfSources()
  if (isBuiltFrom(wanted)) return
  if (installIn('../console/', true) && build(wanted)) return
  const isThere = fs.existsSync(`${built}/index.html`)
  console.error(
    `The console is not built: ${isThere ? 'that of an earlier build is served' : 'there are no pages at the HTTP address'}. Everything else works. npm run build tries again.`,
  )
}

/** Returns whether it is built. */
function build(wanted) {
  // Not in dist: what a build leaves there that was ended would be packed.
  const cache = `${root}node_modules/.cache`
  for (const each of [cache, `${root}dist`]) fs.mkdirSync(each, { recursive: true })
  const folder = fs.mkdtempSync(`${cache}/console-`)
  const args = [`${root}console/node_modules/vite/bin/vite.js`, 'build', '--logLevel', 'warn']
  const env = Object.assign({}, process.env, { CONSOLE_OUT: folder })
  const { status, error } = spawnSync(findNode(), args, {
    cwd: `${root}console`,
    stdio: ['ignore', 'inherit', 'inherit'],
    env,
  })
  if (error !== undefined || status !== 0) {
    remove(folder)
    console.error(`the console could not be built${error === undefined ? '' : `: ${error.message}`}`)
    return false
  }
  // A folder for temporary files is closed to other users.
  fs.chmodSync(folder, 0o755)
  fs.writeFileSync(`${folder}/.built`, wanted)
  remove(built)
  try {
    fs.renameSync(folder, built)
  } catch (error) {
    remove(folder)
    // Another process may have done the same a moment before.
    if (!isBuiltFrom(wanted)) throw error
  }
  return true
}

/** Whether the sources with this hash are built. */
function isBuiltFrom(wanted) {
  const mark = `${built}/.built`
  return fs.existsSync(mark) && fs.readFileSync(mark, 'utf8') === wanted
}

/** Node 12 has no rmSync, and later ones remove nothing below a folder with rmdirSync. */
function remove(path) {
  if (fs.rmSync !== undefined) fs.rmSync(path, { recursive: true, force: true })
  else fs.rmdirSync(path, { recursive: true })
}

function hashOfSources() {
  const hash = createHash('sha256')
  for (const file of sources.flatMap(filesIn))
    hash
      .update(file)
      .update('\0')
      .update(fs.readFileSync(root + file))
      .update('\0')
  return hash.digest('hex')
}

/** The files below, in the order of their names. */
function filesIn(path) {
  if (!fs.statSync(root + path).isDirectory()) return [path]
  const names = fs.readdirSync(root + path).filter((name) => name !== 'node_modules')
  return names.sort().flatMap((name) => filesIn(`${path}/${name}`))
}
