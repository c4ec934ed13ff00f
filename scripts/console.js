// Plain JavaScript for old Nodes: builds the console into dist/console if its files have changed since.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { findNode } from '../bin/find-node.js'
import { buildFolder, hashOfSources, isBuiltFrom, root } from './built.js'
import { installIn } from './install-in.js'

const name = 'console'
const sources = ['console', 'src/server/api/answers.ts']

/** Builds the console, or ends the program. Its packages are installed in any case, because the type check needs them, too. */
export function buildConsole() {
  const wanted = hashOfSources(sources)
  installIn('../console/')
  if (!isBuiltFrom(name, wanted) && !build(wanted)) process.exit(1)
}

/** Builds the console if that is to be had: where it is not, as without a network, the server starts all the same. */
export function buildConsoleIfPossible() {
  const wanted = hashOfSources(sources)
  if (isBuiltFrom(name, wanted)) return
  if (installIn('../console/', true) && build(wanted)) return
  const isThere = fs.existsSync(`${root}dist/${name}/index.html`)
  console.error(
    `The console is not built: ${isThere ? 'that of an earlier build is served' : 'there are no pages at the HTTP address'}. Everything else works. npm run build tries again.`,
  )
}

/** Returns whether it is built. */
function build(wanted) {
  console.error('Building the console.')
  return buildFolder(name, wanted, (folder) => {
    const args = [`${root}console/node_modules/vite/bin/vite.js`, 'build', '--logLevel', 'warn']
    const env = Object.assign({}, process.env, { CONSOLE_OUT: folder })
    const { status, error } = spawnSync(findNode(), args, {
      cwd: `${root}console`,
      stdio: ['ignore', 'inherit', 'inherit'],
      env,
    })
    if (error === undefined && status === 0) return true
    console.error(`the console could not be built${error === undefined ? '' : `: ${error.message}`}`)
    return false
  })
}
