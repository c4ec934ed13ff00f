// Kafka's jars, found once with Maven.

import { fileURLToPath } from 'node:url'
import { javaIsMissing, mavenJars } from '../maven.ts'

export const kafkaPom = fileURLToPath(new URL('pom.xml', import.meta.url))

/** Why there can be no broker here; undefined: there can. */
export function kafkaIsMissing(): string | undefined {
  return javaIsMissing()
}

/** The class path. */
export function kafkaJars(): string {
  return mavenJars('kafka', kafkaPom)
}
