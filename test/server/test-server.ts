// A server under test: the program as a user starts it, in a process and a store of its own, on free ports, with a
// PostgreSQL of its own or attached to somebody else's (support/servers/server-of-tests.ts). Whatever happens to the test,
// the processes end and the store goes.

import { spawn, type ChildProcess } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { nodeFlags } from '../../bin/node-flags.js'
import { compileCache } from '../../src/core/compile-cache.ts'
import { removeStore } from '../support/kept-stores.ts'
import { PostgresGate } from '../support/postgres-gate.ts'
import { layEmbeddedStore } from '../support/servers/embedded-store.ts'
import { serverOfTests } from '../support/servers/server-of-tests.ts'
import { mountDisk, unmountDisk } from '../support/small-disk.ts'
import { until } from '../support/until.ts'
import { AttachedPostgres, type TestAttachment } from './attached-postgres.ts'
import { isAlive, main } from './run-main.ts'

const startWithinMs = 60_000

export interface TestServerOptions {
  /** Without: the server has a PostgreSQL of its own, or that of the run. */
  readonly attached?: TestAttachment | undefined
  /** The server reaches its PostgreSQL through a gate that can fail. */
  readonly hasGate?: boolean
  /** The store is on a disk of its own, as large as mount writes it. Only who may mount can have one. */
  readonly diskSize?: string | undefined
  /** Further flags. */
  readonly flags?: readonly string[]
}

export class TestServer implements AsyncDisposable {
  readonly storeDir: string
  #gate: PostgresGate | undefined
  #child: ChildProcess | undefined
  #output = ''
  sqlPort = 0
  httpPort = 0

  readonly #hasDisk: boolean
  readonly #flags: readonly string[]
  #attached: TestAttachment | undefined
  /** The PostgreSQL of the run, which ends with this server. */
  #theirs: AttachedPostgres | undefined

  private constructor({ diskSize, attached, flags = [] }: TestServerOptions) {
    this.#flags = flags
    this.#attached = attached
    this.storeDir = mkdtempSync(join(tmpdir(), 'changefeed-test-'))
    this.#hasDisk = diskSize !== undefined
    if (diskSize !== undefined) mountDisk(this.storeDir, `size=${diskSize}`)
    chmodSync(this.storeDir, 0o755)
  }

  static async start(options: TestServerOptions = {}): Promise<TestServer> {
    const server = new TestServer(options)
    try {
      if (options.attached === undefined && serverOfTests.tag === 'theirs') {
        server.#theirs = await AttachedPostgres.start(serverOfTests)
        server.#attached = server.#theirs.attachment
      } else if (options.hasGate === true)
        server.#gate = await PostgresGate.open(() => readFileSync(join(server.storeDir, 'socket-dir'), 'utf8'))
      // A small disk has room for what the program itself makes.
      if (server.#attached === undefined && !server.#hasDisk) layEmbeddedStore(server.storeDir)
      await server.restart()
      await server.#theirs?.addNames()
      await server.sql('SET CLUSTER SETTING kv.rangefeed.enabled = true')
    } catch (error) {
      await server[Symbol.asyncDispose]()
      throw error
    }
    return server
  }

  /** Starts the program on the store, which may be what a kill left behind. */
  async restart(): Promise<void> {
    // A start that is cut off fails, and says so.
    this.#gate?.calm()
    const flags = [
      '--insecure',
      `--listen-addr=localhost:${this.sqlPort}`,
      `--http-addr=localhost:${this.httpPort}`,
      `--store=${this.storeDir}`,
      ...this.#flags,
    ]
    const gate = this.#gate === undefined ? {} : { CHANGEFEED_TEST_POSTGRES_SOCKET_DIR: this.#gate.dir }
    const { url: postgres, flags: more = [] } = this.#attached ?? {}
    const command = postgres === undefined ? ['start-single-node'] : ['start', `--postgres=${postgres}`, ...more]
    const child = spawn(process.execPath, [...nodeFlags, main, ...command, ...flags], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_COMPILE_CACHE: compileCache, ...gate },
    })
    this.#child = child
    this.#output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (this.#output += text))
    const url = await until('the server is ready', startWithinMs, () => {
      if (child.exitCode !== null) throw new Error(`the server ended: ${this.#output}`)
      return this.#output.includes('pid:') ? this.#output : undefined
    })
    this.sqlPort = Number(/sql:\s+\S+:(\d+)\//.exec(url)?.[1])
    this.httpPort = Number(/http:\s+\S+:(\d+)/.exec(url)?.[1])
  }

  /** Makes the disk of the store larger or smaller. */
  resizeDisk(size: string): void {
    mountDisk(this.storeDir, `remount,size=${size}`)
  }

  /** What the program has printed. */
  get output(): string {
    return this.#output
  }

  get gate(): PostgresGate {
    if (this.#gate === undefined) throw new Error('the server reaches its PostgreSQL without a gate')
    return this.#gate
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  /** Where its PostgreSQL is: the folder of a unix socket, and the port that names it. */
  get postgresAddress(): { readonly host: string; readonly port: number } {
    const theirs = this.#attached?.owned ?? this.#theirs?.postgres
    if (theirs !== undefined) return { host: theirs.socketDir, port: theirs.port }
    const port = readFileSync(join(this.storeDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[3]
    return { host: readFileSync(join(this.storeDir, 'socket-dir'), 'utf8'), port: Number(port) }
  }

  get postgresPid(): number {
    if (this.#theirs !== undefined) return this.#theirs.postgres.pid
    return Number(readFileSync(join(this.storeDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0])
  }

  /** kill -9 of the program; PostgreSQL stays behind. */
  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
  }

  /** Nothing happens when it is down already. */
  killPostgres(): void {
    try {
      process.kill(this.postgresPid, 'SIGKILL')
    } catch (error) {
      if (!['ESRCH', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    }
  }

  /** As whom the tests connect when they do not say. */
  get user(): string {
    return this.#attached?.user ?? 'root'
  }

  get database(): string {
    return this.#attached?.database ?? 'defaultdb'
  }

  async connect(database = this.database, user = this.user): Promise<pg.Client> {
    const password = user === this.user ? this.#attached?.password : undefined
    const client = new pg.Client({ host: '127.0.0.1', port: this.sqlPort, user, database, password })
    client.on('error', () => undefined)
    await client.connect()
    return client
  }

  /** Statements on a connection of their own; rows of the last one. */
  async sql(text: string, database = this.database): Promise<Record<string, unknown>[]> {
    const client = await this.connect(database)
    try {
      const result = (await client.query(text)) as pg.QueryResult | pg.QueryResult[]
      return (Array.isArray(result) ? result.at(-1)?.rows : result.rows) ?? []
    } finally {
      await client.end()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
    await this.#gate?.[Symbol.asyncDispose]()
    await this.#theirs?.[Symbol.asyncDispose]()
    // The postmaster of a killed program is ours to end.
    const pidFile = join(this.storeDir, 'postgres', 'postmaster.pid')
    if (existsSync(pidFile)) {
      const pid = this.postgresPid
      try {
        process.kill(pid, 'SIGQUIT')
        await until('PostgreSQL has ended', 20_000, () => (isAlive(pid) ? undefined : true))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
      }
    }
    const socketDir = join(this.storeDir, 'socket-dir')
    if (existsSync(socketDir)) rmSync(readFileSync(socketDir, 'utf8'), { recursive: true, force: true })
    if (this.#hasDisk) unmountDisk(this.storeDir)
    removeStore(this.storeDir)
    await this.#attached?.owned?.[Symbol.asyncDispose]()
  }
}
