// PostgreSQL's driver for Java, found with Maven. Where Java or Maven is missing its tests are skipped and say so; in CI
// that is a failure.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { javaIsMissing } from '../maven.ts'

const pom = fileURLToPath(new URL('pom.xml', import.meta.url))

const missing = javaIsMissing()

/** For `test(name, { skip }, …)`. */
export const skipWithoutJdbc: string | false =
  missing !== undefined && process.env['CI'] === undefined ? `there is no JDBC to be had: ${missing}` : false

let found: string | undefined

export function jdbcClassPath(): string {
  found ??= resolve('-o') ?? resolve()
  if (found === undefined) throw new Error('Maven could not resolve the JDBC driver')
  return found
}

/** Undefined: Maven failed. */
function resolve(...flags: readonly string[]): string | undefined {
  const dir = mkdtempSync(join(tmpdir(), 'changefeed-jdbc-'))
  try {
    const file = join(dir, 'class-path')
    const goal = ['dependency:build-classpath', `-Dmdep.outputFile=${file}`, '-DincludeScope=runtime']
    const { status } = spawnSync('mvn', ['-q', '-B', ...flags, '-f', pom, ...goal], { stdio: 'ignore' })
    return status === 0 ? readFileSync(file, 'utf8') : undefined
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}
