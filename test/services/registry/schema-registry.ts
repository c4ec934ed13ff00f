// A real schema registry (Apicurio, which speaks the API of Confluent's) of one process on a free port of 127.0.0.1. It
// ends whatever happens to the test.

import { ServiceProcess } from '../service-process.ts'
import { freePorts } from '../kafka/free-ports.ts'
import { registryJar } from './registry-files.ts'

const startWithinMs = 90_000
const answerWithinMs = 20_000

/** Of the API of Confluent's registry below the address of this one. */
const apiPath = '/apis/ccompat/v7'

export type Compatibility =
  | 'NONE'
  | 'BACKWARD'
  | 'BACKWARD_TRANSITIVE'
  | 'FORWARD'
  | 'FORWARD_TRANSITIVE'
  | 'FULL'
  | 'FULL_TRANSITIVE'

export interface RegistryOptions {
  readonly port?: number
}

export interface RegisteredSchema {
  readonly subject: string
  readonly version: number
  readonly id: number
  readonly schema: string
}

/**
 * It keeps schemas in memory only: stopped and started again it is empty, and gives ids from 1 on. `freeze` is an outage
 * after which it still knows everything; RegistryGate (registry-gate.ts) is one in which connections are refused.
 */
export class SchemaRegistryServer implements AsyncDisposable {
  readonly port: number
  readonly #process: ServiceProcess

  private constructor([port = 0, otherPort = 0]: readonly number[]) {
    this.port = port
    const flags = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']
    // Without it the transaction manager listens on a port that it finds by itself.
    const managerPort = `-DCoreEnvironmentBean.socketProcessIdPort=${otherPort}`
    this.#process = new ServiceProcess({
      name: 'the registry',
      command: 'java',
      args: [...flags, managerPort, '-jar', registryJar()],
      env: {
        QUARKUS_HTTP_HOST: '127.0.0.1',
        QUARKUS_HTTP_PORT: String(port),
        LOG_LEVEL: 'WARN',
        REGISTRY_LOG_LEVEL: 'WARN',
        // The same schema in other words has the same id, as in Confluent's.
        ENABLE_CCOMPAT_CANONICAL_HASH_MODE: 'true',
        REGISTRY_REST_ARTIFACT_DELETION_ENABLED: 'true',
      },
      isReady: () =>
        this.#ask('GET', '/subjects').then(
          () => true,
          () => false,
        ),
      startWithinMs,
    })
  }

  static async start({ port }: RegistryOptions = {}): Promise<SchemaRegistryServer> {
    const ports = await freePorts(2)
    if (port !== undefined) ports[0] = port
    const registry = new SchemaRegistryServer(ports)
    await registry.restart()
    return registry
  }

  /** For `confluent_schema_registry`. */
  get url(): string {
    return `http://127.0.0.1:${this.port}${apiPath}`
  }

  /** Starts it on its port, with nothing in it. */
  async restart(): Promise<void> {
    await this.#process.restart()
  }

  /** Settles when its process ends without having been stopped by this object. */
  get endedByItself(): Promise<void> {
    return this.#process.endedByItself
  }

  async stop(): Promise<void> {
    await this.#process.stop()
  }

  async kill(): Promise<void> {
    await this.#process.kill()
  }

  /** It stops where it is, with its connections open, and goes on when it is thawed. */
  freeze(): void {
    this.#process.freeze()
  }

  thaw(): void {
    this.#process.thaw()
  }

  async subjects(): Promise<string[]> {
    return ((await this.#ask('GET', '/subjects')) as string[]).sort()
  }

  /** Which changes of its schema the subject, which may not exist yet, takes. */
  async setCompatibility(subject: string, compatibility: Compatibility): Promise<void> {
    await this.#ask('PUT', `/config/${encodeURIComponent(subject)}`, { compatibility })
  }

  /** All versions of a subject, the first one first. */
  async versions(subject: string): Promise<RegisteredSchema[]> {
    const path = `/subjects/${encodeURIComponent(subject)}/versions`
    const versions = (await this.#ask('GET', path)) as number[]
    return Promise.all(
      versions.map(async (version) => (await this.#ask('GET', `${path}/${version}`)) as RegisteredSchema),
    )
  }

  /** The text of a schema. */
  async schema(id: number): Promise<string> {
    return ((await this.#ask('GET', `/schemas/ids/${id}`)) as { schema: string }).schema
  }

  async register(subject: string, schema: string): Promise<number> {
    const path = `/subjects/${encodeURIComponent(subject)}/versions`
    return ((await this.#ask('POST', path, { schema })) as { id: number }).id
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.kill()
  }

  async #ask(method: 'GET' | 'POST' | 'PUT', path: string, body?: object): Promise<unknown> {
    const answer = await fetch(this.url + path, {
      method,
      headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(answerWithinMs),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
    return JSON.parse(text)
  }
}
