// Avro for Java, with Kafka's console consumer before it.

import { spawnSync } from 'node:child_process'
import { delimiter } from 'node:path'
import { fileURLToPath } from 'node:url'
import { kafkaJars } from '../../kafka/kafka-jars.ts'
import { keptFolder } from '../../kept-folder.ts'
import { mavenJars } from '../../maven.ts'
import { consumeWithinS, inLines, keyAndValue, linesOf, type AvroReader } from './avro-reader.ts'

const source = fileURLToPath(new URL('AvroReader.java', import.meta.url))
const pom = fileURLToPath(new URL('pom.xml', import.meta.url))
const flags = [
  '-Xmx256m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
]

function classPath(): string {
  const jars = [kafkaJars(), mavenJars('avro', pom)].join(delimiter)
  const classes = keptFolder({
    name: 'avro-reader',
    madeOf: [source, pom],
    fill: (folder) => {
      const { status, stderr, error } = spawnSync('javac', ['-d', folder, '-cp', jars, source], { encoding: 'utf8' })
      if (status !== 0) throw new Error(`javac failed: ${error?.message ?? stderr}`)
    },
  })
  return [classes, jars].join(delimiter)
}

function run(args: readonly string[], input?: string): Promise<string[]> {
  return linesOf({
    command: 'java',
    args: [...flags, '-cp', classPath(), 'AvroReader', ...args],
    ...(input === undefined ? {} : { input }),
  })
}

export const javaReader: AvroReader = {
  name: 'Avro for Java',
  async consume({ broker, registry, topics, count }) {
    const from = ['--bootstrap-server', broker, '--from-beginning', '--include', topics.join('|')]
    const until = ['--max-messages', String(count), '--timeout-ms', String(consumeWithinS * 1000)]
    const lines = await run(['consume', registry, ...from, ...until, '--formatter-property', 'print.key=true'])
    return lines.map(keyAndValue)
  },
  decode: (registry, messages) => run(['decode', registry], inLines(messages)),
}
