// The peer: Debezium on Kafka Connect standalone, tuned, in a process and a folder of its own that go when the bench ends.
// It reads `public.narrow` (or another table) through a slot and a publication of its own.

import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { RawConnection } from '../src/postgres/raw-connection.ts'
import type { SourceConnection } from '../src/postgres/source-connection.ts'
import type { KafkaBroker } from '../test/services/kafka/kafka-broker.ts'
import { mavenJars } from '../test/services/maven.ts'
import { until } from '../test/support/until.ts'
import { TcpGate } from '../test/support/tcp-gate.ts'
import { endsWithUs } from './ends-with-us.ts'
import { cpuOf, peakMbOf } from './process-usage.ts'

const pom = fileURLToPath(new URL('debezium/pom.xml', import.meta.url))
const slot = 'peer'
const startWithinMs = 120_000

export interface DebeziumOptions {
  readonly source: SourceConnection
  readonly broker: KafkaBroker
  readonly table: string
  /** Follow the slot that `prepareDebezium` made, or read the table once. */
  readonly mode: 'stream' | 'snapshot'
}

export interface PeerCost {
  readonly seconds: number
  readonly cpu: number
  readonly peakMb: number
}

/** Slot and publication, before the rows that shall wait in them are written. */
export async function prepareDebezium(control: RawConnection, table: string): Promise<void> {
  await control.query(`CREATE PUBLICATION ${slot} FOR TABLE ${table}`)
  await control.query(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`)
}

export class Debezium implements AsyncDisposable {
  readonly topic: string
  readonly #dir: string
  /** Java knows no unix sockets. */
  readonly #gate: TcpGate
  readonly #child: ChildProcess
  readonly #ended: () => void
  #output = ''
  #cpuBefore = 0
  #startedAt = 0

  private constructor(dir: string, gate: TcpGate, { source, broker, table, mode }: DebeziumOptions) {
    this.#dir = dir
    this.#gate = gate
    // Topics of two runs are not the same.
    const prefix = `peer_${Date.now()}`
    this.topic = `${prefix}.${table}`
    const worker = [
      `bootstrap.servers=${broker.bootstrap}`,
      'key.converter=org.apache.kafka.connect.json.JsonConverter',
      'value.converter=org.apache.kafka.connect.json.JsonConverter',
      'key.converter.schemas.enable=false',
      'value.converter.schemas.enable=false',
      `offset.storage.file.filename=${join(dir, 'offsets')}`,
      'listeners=http://127.0.0.1:0',
      'producer.acks=1',
      'producer.linger.ms=5',
      'producer.batch.size=262144',
    ]
    const connector = [
      'name=peer',
      'connector.class=io.debezium.connector.postgresql.PostgresConnector',
      'tasks.max=1',
      `database.hostname=127.0.0.1`,
      `database.port=${gate.port}`,
      `database.user=${source.user}`,
      'database.password=none',
      `database.dbname=${source.database}`,
      `topic.prefix=${prefix}`,
      `table.include.list=${table}`,
      'plugin.name=pgoutput',
      `slot.name=${slot}`,
      `publication.name=${slot}`,
      'publication.autocreate.mode=disabled',
      `snapshot.mode=${mode === 'stream' ? 'no_data' : 'initial_only'}`,
      'max.batch.size=32768',
      'max.queue.size=131072',
      'poll.interval.ms=10',
    ]
    const files = { worker: join(dir, 'worker.properties'), connector: join(dir, 'connector.properties') }
    writeFileSync(files.worker, `${worker.join('\n')}\n`)
    writeFileSync(files.connector, `${connector.join('\n')}\n`)
    const flags = ['-Xmx2g', '-Dorg.slf4j.simpleLogger.defaultLogLevel=info']
    const main = 'org.apache.kafka.connect.cli.ConnectStandalone'
    this.#child = spawn('java', [...flags, '-cp', mavenJars('debezium', pom), main, files.worker, files.connector], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#ended = endsWithUs(() => this.#child.kill('SIGKILL'))
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => (this.#output += text))
  }

  /** Returns when it begins to work: the time and CPU until then, the JVM's start, are not held against it. */
  static async start(options: DebeziumOptions): Promise<Debezium> {
    const dir = mkdtempSync(join(tmpdir(), 'changefeed-peer-'))
    const peer = new Debezium(dir, await TcpGate.open(() => options.source), options)
    const begins = options.mode === 'stream' ? /Starting streaming/ : /Snapshot step 1 /
    try {
      await until('Debezium begins', startWithinMs, () => (begins.test(peer.output) ? true : undefined))
      peer.#startedAt = performance.now()
      peer.#cpuBefore = cpuOf(peer.#pid)
      return peer
    } catch (error) {
      await peer[Symbol.asyncDispose]()
      throw error
    }
  }

  /** What it has logged. Throws when it has ended. */
  get output(): string {
    const { exitCode, signalCode } = this.#child
    if (exitCode !== null || signalCode !== null || /Task threw an uncaught/.test(this.#output))
      throw new Error(`Debezium failed: ${this.#output.slice(-5000)}`)
    return this.#output
  }

  /** Since it began. */
  cost(): PeerCost {
    return {
      seconds: (performance.now() - this.#startedAt) / 1000,
      cpu: cpuOf(this.#pid) - this.#cpuBefore,
      peakMb: peakMbOf(this.#pid),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#gate[Symbol.asyncDispose]()
    const { exitCode, signalCode } = this.#child
    if (exitCode === null && signalCode === null) {
      const exited = new Promise((resolve) => this.#child.once('exit', resolve))
      this.#child.kill('SIGKILL')
      await exited
    }
    this.#ended()
    rmSync(this.#dir, { recursive: true, force: true })
  }

  get #pid(): number {
    return this.#child.pid ?? 0
  }
}
