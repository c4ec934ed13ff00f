// Kafka's command-line tools, by their main class.

import { spawnSync } from 'node:child_process'
import { keptClasses } from './kafka-classes.ts'
import { kafkaJars } from './kafka-jars.ts'

export interface ToolOutput {
  readonly stdout: string
  readonly stderr: string
}

const flags = [
  '-Xmx256m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
]

/** Runs it to its end. */
export function kafkaTool(mainClass: string, args: readonly string[], classFlags = keptClasses()): ToolOutput {
  const { stdout, stderr } = spawnSync('java', [...flags, ...classFlags, '-cp', kafkaJars(), mainClass, ...args], {
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  })
  return { stdout, stderr }
}
