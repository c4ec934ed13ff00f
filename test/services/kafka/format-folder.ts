// Formats the folder of a broker. Kafka's own tool takes as long as a third of the start of a broker, so what it writes is kept: of a broker
// without users of its own, the file with the versions of features is always the same, and the other one says only who the broker is.

import { randomBytes } from 'node:crypto'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { keptFolder } from '../kept-folder.ts'
import { kafkaPom } from './kafka-jars.ts'
import { serverProperties } from './kafka-properties.ts'
import { kafkaTool } from './kafka-tool.ts'

const features = 'bootstrap.checkpoint'

/** As Kafka writes it: 16 bytes in Base64 for URLs, which a command line does not take for an option. */
export function randomId(): string {
  return `A${randomBytes(16).toString('base64url').slice(1)}`
}

/** With Kafka's own tool; `properties` is a file, `more` are further arguments. */
export function formatWithTool(clusterId: string, properties: string, more: readonly string[] = []): void {
  const { stdout, stderr } = kafkaTool('kafka.tools.StorageTool', [
    'format',
    '-t',
    clusterId,
    '-c',
    properties,
    ...more,
  ])
  if (!/Formatting|Already formatted/.test(stdout))
    throw new Error(`the broker's folder was not formatted: ${stdout}${stderr}`)
}

/** The data folder of the first broker of a cluster, which has no users. */
export function formatDataFolder(data: string, clusterId: string, nodeId: number): void {
  const kept = keptFolder({
    name: 'kafka-format',
    madeOf: [fileURLToPath(import.meta.url), kafkaPom],
    fill: keepFeatures,
  })
  mkdirSync(data)
  copyFileSync(join(kept, features), join(data, features))
  const facts = { version: 1, 'node.id': nodeId, 'directory.id': randomId(), 'cluster.id': clusterId }
  writeFileSync(
    join(data, 'meta.properties'),
    Object.entries(facts)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  )
}

function keepFeatures(folder: string): void {
  const dir = mkdtempSync(join(tmpdir(), 'changefeed-kafka-'))
  try {
    const facts = { dir, nodeId: 1, port: 1, controllerPort: 2, isController: true, saslPort: 0, sslPort: 0 }
    const properties = join(dir, 'server.properties')
    writeFileSync(properties, serverProperties(facts).join('\n'))
    formatWithTool(randomId(), properties)
    copyFileSync(join(dir, 'data', features), join(folder, features))
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}
