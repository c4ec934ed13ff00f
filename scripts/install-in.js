// Plain JavaScript for old Nodes: installs the packages of a folder, unless its lock file is the one that was installed last.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * `folder` is relative to this one, with a slash at its end. Where the packages cannot be had the program ends; with `isOptional` it tries once and
 * not for long, and returns false.
 */
export function installIn(folder, isOptional) {
  const path = (relative) => fileURLToPath(new URL(folder + relative, import.meta.url))
  const mark = path('node_modules/.installed')
  const wanted = createHash('sha256')
    .update(readFileSync(path('package-lock.json')))
    .digest('hex')
  if (existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return true
  console.error(`Installing the packages of ${path('.')}; the first time this takes a minute or two.`)
  // Not `npm ci`: it wants an entry for the binaries of every platform, and refuses a lock file made where some are not to
  // be had. The lock file is followed all the same, and not written.
  const args = ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error']
  if (isOptional) args.push('--fetch-retries=0', '--fetch-timeout=20000')
  const { status, error } = spawnSync('npm', args, {
    cwd: path('.'),
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: isOptional ? 180000 : 0,
  })
  if (error !== undefined || status !== 0) {
    console.error(`npm ${args.join(' ')} failed${error === undefined ? '' : `: ${error.message}`}`)
    if (isOptional) return false
    process.exit(1)
  }
  writeFileSync(mark, wanted)
  return true
}
