// The whole program as the benches see it from outside: its metrics, its costs, and its PostgreSQL without our front.

import { writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { TestServer } from '../test/server/test-server.ts'
import { until } from '../test/support/until.ts'
import { giveUpAfterMs } from './bench-source.ts'
import { endsWithUs, killNow, starting } from './ends-with-us.ts'
import { cpuOf, peakMbOf, postgresCpu, residentMbOf, threadCpu, type ThreadCpu, type TreeCpu } from './process-usage.ts'

const lookEveryMs = 100

export class BenchServer implements AsyncDisposable {
  readonly #server: TestServer

  readonly #ended: () => void

  private constructor(server: TestServer) {
    this.#server = server
    this.#ended = endsWithUs(() => {
      killNow(server.pid)
      killNow(server.postgresPid, 'SIGQUIT')
    })
  }

  static async start(): Promise<BenchServer> {
    return starting(async () => new BenchServer(await TestServer.start()))
  }

  async sql(text: string): Promise<Record<string, unknown>[]> {
    return this.#server.sql(text)
  }

  async connect(): Promise<pg.Client> {
    return this.#server.connect()
  }

  get sqlPort(): number {
    return this.#server.sqlPort
  }

  /** Where its PostgreSQL is: the folder of a unix socket, and the port that names it. */
  get postgresAddress(): { readonly host: string; readonly port: number } {
    return this.#server.postgresAddress
  }

  /** To PostgreSQL itself: what is sent there costs our server nothing. */
  async connectDirectly(): Promise<pg.Client> {
    const client = new pg.Client({ ...this.postgresAddress, user: 'root', database: 'defaultdb' })
    await client.connect()
    return client
  }

  /** The text of a page of its HTTP port. */
  async page(path: string): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${this.#server.httpPort}${path}`)
    const text = await response.text()
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`)
    return text
  }

  /** A line of /_status/vars, by its name and labels. */
  async metric(name: string): Promise<number> {
    const line = (await this.page('/_status/vars')).split('\n').find((text) => text.startsWith(`${name} `))
    return Number(line?.slice(name.length + 1))
  }

  /** Of all feeds, those that are over included. */
  async emittedRows(): Promise<number> {
    return this.metric('changefeed_emitted_messages{message_type="row"}')
  }

  /** Throws when a job fails. */
  async untilEmitted(rows: number): Promise<void> {
    await until(`${rows} rows are emitted`, giveUpAfterMs, async () => {
      if ((await this.metric('changefeed_failures')) > 0) throw new Error(`a job failed: ${this.#server.output}`)
      if ((await this.emittedRows()) >= rows) return true
      await delay(lookEveryMs)
      return undefined
    })
  }

  /** CPU seconds of our process. */
  get cpu(): number {
    return cpuOf(this.#server.pid)
  }

  get threads(): ThreadCpu {
    return threadCpu(this.#server.pid)
  }

  get postgres(): TreeCpu {
    return postgresCpu(this.#server.postgresPid)
  }

  get residentMb(): number {
    return residentMbOf(this.#server.pid)
  }

  get peakMb(): number {
    return peakMbOf(this.#server.pid)
  }

  /** From now on the peak is of what comes now. */
  forgetPeak(): void {
    const peak = '5'
    writeFileSync(`/proc/${this.#server.pid}/clear_refs`, peak)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]()
    this.#ended()
  }
}
