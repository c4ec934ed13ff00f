// A real Apache Kafka of one process on free ports of 127.0.0.1, in a folder of its own. It ends and its folder goes
// whatever happens to the test; kill and restart keep folder and ports.

import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Admin } from '@platformatic/kafka'
import { until } from '../../server/test-server.ts'
import { kafkaJars } from './kafka-jars.ts'
import { makeSecurity, type KafkaSecurity } from './kafka-security.ts'

const startWithinMs = 60_000
const stopWithinMs = 20_000

export interface KafkaOptions {
  /** More listeners: SASL over TLS, and TLS that wants a client certificate. */
  readonly security?: boolean
  /** More lines of server.properties. */
  readonly properties?: readonly string[]
  readonly port?: number
  /** Of the JVM; the default starts fast and runs slowly. */
  readonly jvmFlags?: readonly string[]
}

const living = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of living) child.kill('SIGKILL')
})

export class KafkaBroker implements AsyncDisposable {
  readonly #dir: string
  readonly #jvmFlags: readonly string[]
  readonly port: number
  readonly saslPort: number
  readonly sslPort: number
  readonly security: KafkaSecurity | undefined
  #child: ChildProcess | undefined
  #output = ''

  private constructor(dir: string, ports: readonly number[], options: KafkaOptions) {
    const [port = 0, controller = 0, sasl = 0, ssl = 0] = ports
    this.#dir = dir
    this.#jvmFlags = options.jvmFlags ?? ['-XX:TieredStopAtLevel=1']
    this.port = port
    this.saslPort = sasl
    this.sslPort = ssl
    this.security = options.security === true ? makeSecurity(dir) : undefined
    const more = this.security === undefined ? '' : `,SASL_SSL://127.0.0.1:${sasl},SSL://127.0.0.1:${ssl}`
    const listeners = `PLAINTEXT://127.0.0.1:${port}${more}`
    const lines = [
      'process.roles=broker,controller',
      'node.id=1',
      `controller.quorum.voters=1@127.0.0.1:${controller}`,
      `listeners=${listeners},CONTROLLER://127.0.0.1:${controller}`,
      `advertised.listeners=${listeners}`,
      'controller.listener.names=CONTROLLER',
      'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL',
      `log.dirs=${join(dir, 'data')}`,
      'offsets.topic.replication.factor=1',
      'offsets.topic.num.partitions=1',
      'transaction.state.log.replication.factor=1',
      'transaction.state.log.min.isr=1',
      'transaction.state.log.num.partitions=1',
      'share.coordinator.state.topic.replication.factor=1',
      'share.coordinator.state.topic.min.isr=1',
      'share.coordinator.state.topic.num.partitions=1',
      'group.initial.rebalance.delay.ms=0',
      // A broker that comes back after a kill need not wait long for its old registration to expire.
      'broker.session.timeout.ms=1500',
      'broker.heartbeat.interval.ms=300',
      ...(this.security?.properties ?? []),
      ...(options.properties ?? []),
    ]
    writeFileSync(this.#properties, `${lines.join('\n')}\n`)
  }

  static async start(options: KafkaOptions = {}): Promise<KafkaBroker> {
    const dir = mkdtempSync(join(tmpdir(), 'changefeed-kafka-'))
    try {
      const ports = await freePorts(4)
      if (options.port !== undefined) ports[0] = options.port
      const broker = new KafkaBroker(dir, ports, options)
      broker.#format()
      await broker.restart()
      return broker
    } catch (error) {
      rmSync(dir, { recursive: true, force: true })
      throw error
    }
  }

  get bootstrap(): string {
    return `127.0.0.1:${this.port}`
  }

  get #properties(): string {
    return join(this.#dir, 'server.properties')
  }

  /** Starts it on its folder and ports. */
  async restart(): Promise<void> {
    const flags = ['-Xmx512m', '-XX:+UseSerialGC', ...this.#jvmFlags, '-Dorg.slf4j.simpleLogger.defaultLogLevel=info']
    const child = spawn('java', [...flags, '-cp', kafkaJars(), 'kafka.Kafka', this.#properties], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    living.add(child)
    child.once('exit', () => living.delete(child))
    this.#child = child
    this.#output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (this.#output = (this.#output + text).slice(-100_000)))
    await until('the broker is ready', startWithinMs, () => {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`the broker ended: ${this.#output.slice(-3000)}`)
      return this.#output.includes('Kafka Server started') ? true : undefined
    })
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM')
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** CPU time of the broker so far. */
  cpuSeconds(): number {
    const fields =
      readFileSync(`/proc/${this.#child?.pid ?? 'self'}/stat`, 'utf8')
        .split(') ')[1]
        ?.split(' ') ?? []
    const ticksPerSecond = 100
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
  }

  async createTopic(name: string, partitions = 1): Promise<void> {
    await this.#asAdmin((admin) => admin.createTopics({ topics: [name], partitions, replicas: 1 }))
  }

  async growTopic(name: string, partitions: number): Promise<void> {
    await this.#asAdmin((admin) => admin.createPartitions({ topics: [{ name, count: partitions }] }))
  }

  /** What Kafka's own console consumer prints of these topics, from their beginning. */
  consoleConsumer(topics: string, messages: number, ...flags: readonly string[]): string[] {
    const args = ['--bootstrap-server', this.bootstrap, '--from-beginning', '--include', topics, ...flags]
    const { stdout } = this.tool(
      'org.apache.kafka.tools.consumer.ConsoleConsumer',
      ...args,
      '--max-messages',
      String(messages),
      '--timeout-ms',
      '20000',
    )
    return stdout.split('\n').slice(0, -1)
  }

  /** One of Kafka's command-line tools, to its end. */
  tool(mainClass: string, ...args: readonly string[]): { readonly stdout: string; readonly stderr: string } {
    const flags = [
      '-Xmx256m',
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
    ]
    const { stdout, stderr } = spawnSync('java', [...flags, '-cp', kafkaJars(), mainClass, ...args], {
      encoding: 'utf8',
      maxBuffer: 256 * 1024 * 1024,
    })
    return { stdout, stderr }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end('SIGKILL')
    rmSync(this.#dir, { recursive: true, force: true })
  }

  #format(): void {
    const id = this.tool('kafka.tools.StorageTool', 'random-uuid').stdout.trim()
    const args = ['format', '-t', id, '-c', this.#properties, ...(this.security?.formatArgs ?? [])]
    const { stdout, stderr } = this.tool('kafka.tools.StorageTool', ...args)
    if (!/Formatting|Already formatted/.test(stdout))
      throw new Error(`the broker's folder was not formatted: ${stdout}${stderr}`)
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const { promise, resolve } = Promise.withResolvers<void>()
    child.once('exit', () => resolve())
    child.kill(signal)
    const timer = setTimeout(() => child.kill('SIGKILL'), stopWithinMs)
    await promise
    clearTimeout(timer)
  }

  async #asAdmin(work: (admin: Admin) => Promise<unknown>): Promise<void> {
    const admin = new Admin({ clientId: 'test', bootstrapBrokers: [this.bootstrap] })
    try {
      await work(admin)
    } finally {
      await admin.close()
    }
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const { promise, resolve } = Promise.withResolvers<void>()
      const server = createServer().listen(0, '127.0.0.1', resolve)
      await promise
      return server
    }),
  )
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  for (const server of servers) server.close()
  return ports
}
