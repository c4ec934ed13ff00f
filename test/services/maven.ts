// What Maven finds: it is asked once, and the answer is kept.

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { keptFolder } from './kept-folder.ts'

/** Why nothing of Java can run here; undefined: it can. */
export function javaIsMissing(): string | undefined {
  // A java may be there that only says that Java is not installed.
  const { error, status } = spawnSync('java', ['-version'], { stdio: 'ignore' })
  if (error !== undefined || status !== 0) return 'java is not installed'
  // Maven takes half a second of a core to say its version.
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  return folders.some((folder) => existsSync(join(folder, 'mvn'))) ? undefined : 'mvn is not installed'
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

/** The folder that a goal of Maven fills; `goal` gives its arguments. */
export function mavenFolder(name: string, pom: string, goal: (into: string) => readonly string[]): string {
  return keptFolder({
    name,
    madeOf: [pom],
    fill: (folder) => {
      const run = (...flags: string[]) =>
        spawnSync('mvn', ['-q', '-B', ...flags, '-f', pom, ...goal(folder)], { encoding: 'utf8' })
      const { status, stdout } = run('-o').status === 0 ? { status: 0, stdout: '' } : run()
      if (status !== 0) throw new Error(`Maven could not resolve ${name}: ${stdout}`)
    },
  })
}
