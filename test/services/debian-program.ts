// Programs of Debian's packages that tests need, where the machine does not have them.

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { keptFolder } from './kept-folder.ts'

const here = fileURLToPath(import.meta.url)
const patient = ['-o', 'DPkg::Lock::Timeout=300', '-qq']
const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
const withinMs = 5 * 60_000

/** Installs a package with what it needs. That takes root; without, or without Debian, nothing happens. */
export function installPackage(name: string): void {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return
  refreshLists()
  spawnSync('apt-get', [...patient, '-y', 'install', '--no-install-recommends', name], { stdio: 'inherit', env })
}

/** Returns a program of a package that needs no other one. The package is unpacked into a folder of the checkout, and not installed. */
export function unpackedProgram(packageName: string, path: string): string {
  const fill = (folder: string): void => {
    let said = ''
    const download = (): string | undefined => {
      const args = [...patient, 'download', packageName]
      const { stdout, stderr } = spawnSync('apt-get', args, { cwd: folder, encoding: 'utf8', env, timeout: withinMs })
      said = `${stdout}${stderr}`
      return readdirSync(folder).find((name) => name.endsWith('.deb'))
    }
    let file = download()
    if (file === undefined) {
      // The lists of packages may be missing, or name a version that is gone.
      refreshLists()
      file = download()
    }
    if (file === undefined) throw new Error(`apt-get download ${packageName} left no package: ${said}`)
    const { status, stderr } = spawnSync('dpkg', ['-x', join(folder, file), folder], { encoding: 'utf8' })
    if (status !== 0) throw new Error(`dpkg -x ${file}: ${stderr}`)
    rmSync(join(folder, file))
  }
  return join(keptFolder({ name: packageName, madeOf: [here], fill }), path)
}

function refreshLists(): void {
  if (process.getuid?.() === 0)
    spawnSync('apt-get', [...patient, 'update'], { stdio: 'inherit', env, timeout: withinMs })
}
