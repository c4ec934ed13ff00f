// What Maven finds, in a folder that is kept. Two processes may ask at once: each has Maven fill a folder of its own and the
// first to finish gives it its name.

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const cache = fileURLToPath(new URL('../../node_modules/.cache/', import.meta.url))

/** Why nothing of Java can run here; undefined: it can. */
export function javaIsMissing(): string | undefined {
  for (const program of ['java', 'mvn']) {
    const { error, status } = spawnSync(program, ['-version'], { stdio: 'ignore' })
    if (error !== undefined || status !== 0) return `${program} is not installed`
  }
  return undefined
}

/** The class path of what a pom depends on. */
export function mavenJars(name: string, pom: string): string {
  const copy = (into: string): string[] => [
    'dependency:copy-dependencies',
    `-DoutputDirectory=${into}`,
    '-DincludeScope=runtime',
  ]
  return join(mavenFolder(name, pom, copy), '*')
}

/** The folder that a goal of Maven fills; `goal` gives its arguments. It is filled once for each content of the pom. */
export function mavenFolder(name: string, pom: string, goal: (into: string) => readonly string[]): string {
  const version = createHash('sha256').update(readFileSync(pom)).digest('hex').slice(0, 16)
  const folder = join(cache, `${name}-${version}`)
  if (existsSync(folder)) return folder
  mkdirSync(cache, { recursive: true })
  const own = mkdtempSync(join(cache, `${name}-resolving-`))
  try {
    const run = (...flags: string[]) =>
      spawnSync('mvn', ['-q', '-B', ...flags, '-f', pom, ...goal(own)], { encoding: 'utf8' })
    const { status, stdout } = run('-o').status === 0 ? { status: 0, stdout: '' } : run()
    if (status !== 0) throw new Error(`Maven could not resolve ${name}: ${stdout}`)
    try {
      renameSync(own, folder)
    } catch (error) {
      if (!existsSync(folder)) throw error
    }
  } finally {
    rmSync(own, { recursive: true, force: true })
  }
  return folder
}
