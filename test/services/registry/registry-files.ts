// Apicurio's files, found once with Maven.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { javaIsMissing, mavenFolder } from '../maven.ts'

const pom = fileURLToPath(new URL('pom.xml', import.meta.url))

/** Why there can be no registry here; undefined: there can. */
export function registryIsMissing(): string | undefined {
  return javaIsMissing()
}

/** The jar that runs it. */
export function registryJar(): string {
  const folder = mavenFolder('registry', pom, (into) => ['dependency:unpack', `-Dinto=${into}`])
  const jar = readdirSync(folder).find((name) => name.endsWith('-runner.jar'))
  if (jar === undefined) throw new Error(`there is no runner in ${folder}`)
  return join(folder, jar)
}
