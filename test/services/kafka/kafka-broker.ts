// A real Apache Kafka of one process on free ports of 127.0.0.1, in a folder of its own. It ends and its folder goes
// whatever happens to the test; kill and restart keep folder and ports.

import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { Admin, ConfigResourceTypes, IncrementalAlterConfigOperationTypes } from '@platformatic/kafka'
import { ServiceProcess } from '../service-process.ts'
import { keptClasses } from './kafka-classes.ts'
import { kafkaJars } from './kafka-jars.ts'
import { freePorts } from './free-ports.ts'
import { serverProperties } from './kafka-properties.ts'
import { makeSecurity, type KafkaSecurity } from './kafka-security.ts'
import { kafkaTool, type ToolOutput } from './kafka-tool.ts'
import { until } from '../../support/until.ts'

export interface KafkaOptions {
  /** More listeners: SASL over TLS, and TLS that wants a client certificate. */
  readonly security?: boolean
  /** Of the broker's certificate; negative: it has run out. */
  readonly certificateDays?: number
  /** More lines of server.properties. */
  readonly properties?: readonly string[]
  readonly port?: number
  /** It becomes one more broker of this one's cluster. */
  readonly join?: KafkaBroker
  /** Of the JVM; the default starts fast and runs slowly. */
  readonly jvmFlags?: readonly string[]
  /** How the JVM gets Kafka's classes; the default are the kept ones (kafka-classes.ts). */
  readonly classFlags?: readonly string[]
}

export class KafkaBroker implements AsyncDisposable {
  readonly #dir: string
  readonly port: number
  readonly nodeId: number
  readonly saslPort: number
  readonly sslPort: number
  readonly security: KafkaSecurity | undefined
  readonly #controllerPort: number
  readonly #classFlags: readonly string[] | undefined
  #clusterId: string | undefined
  #members = 1
  readonly #process: ServiceProcess

  private constructor(dir: string, ports: readonly number[], options: KafkaOptions) {
    const [port = 0, controller = 0, sasl = 0, ssl = 0] = ports
    this.#dir = dir
    this.port = port
    this.saslPort = sasl
    this.sslPort = ssl
    this.security = options.security === true ? makeSecurity(dir, options.certificateDays) : undefined
    const { join: first } = options
    this.#clusterId = first === undefined ? undefined : first.#clusterId
    this.nodeId = first === undefined ? 1 : ++first.#members
    this.#controllerPort = first === undefined ? controller : first.#controllerPort
    const isSecure = this.security !== undefined
    const lines = [
      ...serverProperties({
        dir,
        nodeId: this.nodeId,
        port,
        controllerPort: this.#controllerPort,
        isController: first === undefined,
        saslPort: isSecure ? sasl : 0,
        sslPort: isSecure ? ssl : 0,
      }),
      ...(this.security?.properties ?? []),
      ...(options.properties ?? []),
    ]
    writeFileSync(this.#properties, `${lines.join('\n')}\n`)
    const { jvmFlags = ['-XX:TieredStopAtLevel=1'], classFlags = keptClasses() } = options
    this.#classFlags = options.classFlags
    const memory = ['-Xmx512m', '-XX:+UseSerialGC']
    const flags = [...memory, ...jvmFlags, ...classFlags, '-Dorg.slf4j.simpleLogger.defaultLogLevel=info']
    this.#process = new ServiceProcess({
      name: 'the broker',
      command: 'java',
      args: [...flags, '-cp', kafkaJars(), 'kafka.Kafka', this.#properties],
      isReady: (output) => output.includes('Kafka Server started'),
    })
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
    await this.#process.restart()
  }

  /** Settles when the process of the broker ends without having been stopped by this object. */
  get endedByItself(): Promise<void> {
    return this.#process.endedByItself
  }

  async stop(): Promise<void> {
    await this.#process.stop()
  }

  async kill(): Promise<void> {
    await this.#process.kill()
  }

  /** CPU time of the broker so far. */
  cpuSeconds(): number {
    const fields =
      readFileSync(`/proc/${this.#process.pid ?? 'self'}/stat`, 'utf8')
        .split(') ')[1]
        ?.split(' ') ?? []
    const ticksPerSecond = 100
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
  }

  /** It stops where it is, with its connections open, and goes on when it is thawed. */
  freeze(): void {
    this.#process.freeze()
  }

  thaw(): void {
    this.#process.thaw()
  }

  async createTopic(name: string, partitions = 1, configs: Readonly<Record<string, string>> = {}): Promise<void> {
    const given = Object.entries(configs).map(([key, value]) => ({ name: key, value }))
    await this.#asAdmin((admin) => admin.createTopics({ topics: [name], partitions, replicas: 1, configs: given }))
  }

  /** `replicas` of each partition: node ids, the leader first. */
  async placeTopic(name: string, replicas: readonly (readonly number[])[]): Promise<void> {
    const assignments = replicas.map((brokers, partition) => ({ partition, brokers: [...brokers] }))
    await this.#asAdmin((admin) => admin.createTopics({ topics: [name], assignments }))
  }

  async deleteTopic(name: string): Promise<void> {
    await this.#asAdmin((admin) => admin.deleteTopics({ topics: [name] }))
  }

  /** Deletes the messages before `offset` from a partition. */
  async deleteRecords(name: string, partition: number, offset: bigint): Promise<void> {
    await this.#asAdmin((admin) => admin.deleteRecords({ topics: [{ name, partitions: [{ partition, offset }] }] }))
  }

  async setTopic(name: string, setting: string, value: string): Promise<void> {
    const configs = [{ name: setting, configOperation: IncrementalAlterConfigOperationTypes.SET, value }]
    const resources = [{ resourceType: ConfigResourceTypes.TOPIC, resourceName: name, configs }]
    await this.#asAdmin((admin) => admin.incrementalAlterConfigs({ resources, validateOnly: false }))
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
  tool(mainClass: string, ...args: readonly string[]): ToolOutput {
    return kafkaTool(mainClass, args, this.#classFlags)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.kill()
    rmSync(this.#dir, { recursive: true, force: true })
  }

  #format(): void {
    const id = (this.#clusterId ??= randomId())
    const args = ['format', '-t', id, '-c', this.#properties, ...(this.security?.formatArgs ?? [])]
    const { stdout, stderr } = this.tool('kafka.tools.StorageTool', ...args)
    if (!/Formatting|Already formatted/.test(stdout))
      throw new Error(`the broker's folder was not formatted: ${stdout}${stderr}`)
  }

  async #asAdmin(work: (admin: Admin) => Promise<unknown>): Promise<void> {
    const admin = new Admin({ clientId: 'test', bootstrapBrokers: [this.bootstrap] })
    try {
      await until('the cluster has a broker that is not fenced', 30_000, async () => {
        try {
          await work(admin)
          return true
        } catch (error) {
          if (!isFenced(error)) throw error
          return undefined
        }
      })
    } finally {
      await admin.close()
    }
  }
}

/** As Kafka writes the id of a cluster: 16 bytes in Base64 for URLs, which no command line takes for an option. */
function randomId(): string {
  return `A${randomBytes(16).toString('base64url').slice(1)}`
}

/** On a busy machine a broker may be late with its sign of life, and counts as gone until the next one. */
function isFenced(error: unknown): boolean {
  return error instanceof Error && inspect(error, { depth: 6 }).includes('INVALID_REPLICATION_FACTOR')
}
