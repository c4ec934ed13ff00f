// Plain JavaScript for old Nodes: builds the console into dist/console if it is missing, or older than its sources, which their hash
// tells. The build goes to a folder of its own first, so that a server never serves half of one.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { fileURLToPath } from 'node:url'
import { findNode } from '../bin/find-node.js'
import { installIn } from './install-in.js'

const root = fileURLToPath(new URL('../', import.meta.url))
const sources = ['console', 'src/server/api/answers.ts']
const built = `${root}dist/console`

export function buildConsole() {
  const wanted = hashOfSources()
  const mark = `${built}/.built`
  if (existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return
  installIn('../console/')
  mkdirSync(`${root}dist`, { recursive: true })
  const folder = mkdtempSync(`${root}dist/console-`)
  const args = [`${root}console/node_modules/vite/bin/vite.js`, 'build', '--logLevel', 'warn']
  const env = Object.assign({}, process.env, { CONSOLE_OUT: folder })
  const { status, error } = spawnSync(findNode(), args, {
    cwd: `${root}console`,
    stdio: ['ignore', 'inherit', 'inherit'],
    env,
  })
  if (error !== undefined || status !== 0) {
    rmSync(folder, { recursive: true, force: true })
    console.error(`the console could not be built${error === undefined ? '' : `: ${error.message}`}`)
    process.exit(1)
  }
  // A folder for temporary files is closed to other users.
  chmodSync(folder, 0o755)
  writeFileSync(`${folder}/.built`, wanted)
  rmSync(built, { recursive: true, force: true })
  renameSync(folder, built)
}

function hashOfSources() {
  const hash = createHash('sha256')
  for (const file of sources.flatMap(filesIn))
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(root + file))
      .update('\0')
  return hash.digest('hex')
}

/** The files below, in the order of their names. */
function filesIn(path) {
  if (!statSync(root + path).isDirectory()) return [path]
  const names = readdirSync(root + path).filter((name) => name !== 'node_modules')
  return names.sort().flatMap((name) => filesIn(`${path}/${name}`))
}
