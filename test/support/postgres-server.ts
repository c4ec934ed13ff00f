// For tests: a PostgreSQL that is somebody's own, of any supported version, with its own settings, encoding, locale,
// certificates and passwords, reached over TCP. Nothing of ours is in it, and it is not ours to start again.
//
// The fixture itself looks into it over the unix socket, where everybody is trusted.

import { randomBytes } from 'node:crypto'
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { quoteName, quoteString, shownString } from '../../src/core/quote.ts'
import { give, serverUser } from '../../src/postgres/embedded/server-user.ts'
import { openRawConnection } from '../../src/postgres/raw-connection.ts'
import type { SourceConnection } from '../../src/postgres/source-connection.ts'
import { removeStore } from './kept-stores.ts'
import { certificateOf } from './servers/certificates.ts'
import { copyFolder, makeDataFolder, superuser } from './servers/data-folder.ts'
import { binariesOfVersion, type PostgresVersion } from './servers/postgres-versions.ts'
import { versionOfTests } from './servers/server-of-tests.ts'
import { PostmasterProcess } from './servers/postmaster-process.ts'
import { until, within } from './until.ts'

export type AuthMethod = 'trust' | 'scram-sha-256' | 'md5' | 'password' | 'cert'

export interface PostgresServerOptions {
  /** Without: that of the suites (servers/server-of-tests.ts). */
  readonly version?: PostgresVersion
  /** Connections over TCP must be encrypted. */
  readonly tls?: boolean
  /** Of connections over TCP; `cert` needs TLS. */
  readonly auth?: AuthMethod
  /** Lines of postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>
  readonly encoding?: string
  /** Arguments of initdb, such as `--locale-provider=icu`. */
  readonly locale?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  /** It is started again when it was killed, as an init system would do it. */
  readonly isKept?: boolean
}

/** A role that may read the tables of a changefeed and nothing else. */
export interface LeastPrivileged {
  readonly database: string
  /** Names as SQL writes them. */
  readonly tables: readonly string[]
  readonly role?: string
}

interface Parts {
  readonly options: PostgresServerOptions
  readonly folder: string
  readonly version: PostgresVersion
  readonly port: number
  readonly passwords: Map<string, string>
}

const baseSettings = {
  wal_level: 'logical',
  max_replication_slots: '32',
  max_wal_senders: '32',
  max_connections: '200',
  max_prepared_transactions: '10',
  // Nothing here outlives a power failure, and a killed process loses nothing.
  fsync: 'off',
} as const

export class PostgresServerUnderTest implements AsyncDisposable {
  readonly #parts: Parts
  #process: PostmasterProcess | undefined
  #restarting: Promise<unknown> | undefined
  #roles = 0

  private constructor(parts: Parts) {
    this.#parts = parts
  }

  static async start(options: PostgresServerOptions = {}): Promise<PostgresServerUnderTest> {
    const version = options.version ?? versionOfTests
    const server = new PostgresServerUnderTest({
      options,
      version,
      folder: makeFolder(),
      port: await freePort(),
      passwords: new Map(),
    })
    try {
      const { encoding = 'UTF8', locale = ['--no-locale'], environment = {} } = options
      makeDataFolder(server.dir, { version, encoding, locale, environment })
      server.#configure()
      await server.start()
      await server.setPassword(superuser)
    } catch (error) {
      await server[Symbol.asyncDispose]()
      throw error
    }
    return server
  }

  get version(): PostgresVersion {
    return this.#parts.version
  }

  /** The data folder. */
  get dir(): string {
    return join(this.#parts.folder, 'data')
  }

  get port(): number {
    return this.#parts.port
  }

  /** The folder of the unix socket, on which everybody is trusted. */
  get socketDir(): string {
    return this.#parts.folder
  }

  get pid(): number {
    return this.#process?.pid ?? 0
  }

  /** What the server has logged so far. */
  get log(): string {
    return readFileSync(this.#logFile, 'utf8')
  }

  /** As our own program reaches it, over TCP. */
  source(database = 'postgres', user: string = superuser): SourceConnection {
    const { tls = false, auth = 'trust' } = this.#parts.options
    const password = this.#parts.passwords.get(user)
    const { cert, key, ca } = certificateOf(auth === 'cert' ? user : serverName)
    return {
      host: '127.0.0.1',
      port: this.port,
      user,
      database,
      ...(password === undefined || auth === 'trust' || auth === 'cert'
        ? {}
        : { password: { tag: 'text', text: password } }),
      ...(tls
        ? {
            tls: { mode: 'verify-full', isDirect: false, rootCert: ca, ...(auth === 'cert' ? { cert, key } : {}) },
          }
        : {}),
    }
  }

  /** What a user writes behind --postgres, with the password in it. */
  url(database = 'postgres', user: string = superuser): string {
    const { password, tls } = this.source(database, user)
    const secret = password?.tag === 'text' ? `:${encodeURIComponent(password.text)}` : ''
    const query = new URLSearchParams({
      sslmode: tls?.mode ?? 'disable',
      ...(tls?.rootCert === undefined ? {} : { sslrootcert: tls.rootCert }),
      ...(tls?.cert === undefined ? {} : { sslcert: tls.cert }),
      ...(tls?.key === undefined ? {} : { sslkey: tls.key }),
    })
    const at = `127.0.0.1:${this.port}/${encodeURIComponent(database)}`
    return `postgres://${encodeURIComponent(user)}${secret}@${at}?${query}`
  }

  /** For programs that came with PostgreSQL, and for tests that look behind everything: the unix socket, without a password. */
  localUrl(database = 'postgres', user: string = superuser): string {
    return `postgresql://${encodeURIComponent(user)}@/${encodeURIComponent(database)}?host=${encodeURIComponent(this.socketDir)}&port=${this.port}`
  }

  /** The same for our own clients. */
  localSource(database = 'postgres', user: string = superuser): SourceConnection {
    return { host: this.socketDir, socketDir: this.socketDir, port: this.port, user, database }
  }

  /** On a connection of its own, without any setting of ours; rows of all statements. */
  async sql(text: string, database = 'postgres', user: string = superuser): Promise<(string | null)[][]> {
    const connection = await openRawConnection({ source: this.localSource(database, user), parameters: {} })
    try {
      return await connection.query(text)
    } finally {
      await connection.close()
    }
  }

  /** Of a role that was given one. */
  password(role: string): string | undefined {
    return this.#parts.passwords.get(role)
  }

  /** Gives the role a new password, which `source` and `url` use from then on. */
  async setPassword(role: string, password: string = randomBytes(12).toString('hex')): Promise<string> {
    const encryption = this.#parts.options.auth === 'md5' ? 'md5' : 'scram-sha-256'
    await this.sql(
      `SET password_encryption = '${encryption}'; ALTER ROLE ${quoteName(role)} PASSWORD ${quoteString(password)}`,
    )
    this.#parts.passwords.set(role, password)
    return password
  }

  /** Makes a role with these attributes and a password, and gives its name. */
  async role(attributes = '', name = `role${++this.#roles}`): Promise<string> {
    await this.sql(`CREATE ROLE ${quoteName(name)} LOGIN ${attributes}`)
    await this.setPassword(name)
    return name
  }

  /**
   * Makes a role that has LOGIN, REPLICATION and SELECT on the tables, and the publication that a DBA prepares for us, or
   * adds the tables to it. Gives the name of the role.
   */
  async leastPrivileged({ database, tables, role }: LeastPrivileged): Promise<string> {
    const name = await this.role('REPLICATION', role ?? `cdc${++this.#roles}`)
    const list = tables.join(', ')
    const [made] = await this.sql(`SELECT FROM pg_publication WHERE pubname = 'pg_changefeed'`, database)
    const publish = `${made === undefined ? 'CREATE' : 'ALTER'} PUBLICATION pg_changefeed ${made === undefined ? 'FOR' : 'ADD'} TABLE ${list}`
    await this.sql(`GRANT SELECT ON ${list} TO ${quoteName(name)}; ${publish}`, database)
    return name
  }

  /** After `stop` or `kill`. */
  async start(): Promise<void> {
    const { folder, port, version, options } = this.#parts
    const user = serverUser(this.dir)
    give(folder, user)
    this.#process = await PostmasterProcess.start({
      dir: this.dir,
      binaries: binariesOfVersion(version, user),
      user,
      flags: { port: String(port), unix_socket_directories: folder, listen_addresses: '127.0.0.1' },
      environment: options.environment ?? {},
      log: this.#logFile,
    })
    if (options.isKept === true) this.#keep(this.#process)
  }

  #keep(postmaster: PostmasterProcess): void {
    void postmaster.exited.then(() => {
      if (this.#process !== postmaster) return
      this.#restarting = this.startAfterKill()
    })
  }

  /** The processes of one that was killed keep its memory for a moment longer, so the start is tried again. */
  async startAfterKill(): Promise<void> {
    await until('PostgreSQL starts again', 30_000, () =>
      this.start().then(
        () => true,
        () => undefined,
      ),
    )
  }

  async stop(mode: 'fast' | 'immediate' | 'crash' = 'fast'): Promise<void> {
    await this.#restarting
    const stopping = this.#process
    this.#process = undefined
    await stopping?.stop(mode)
  }

  async restart(mode: 'fast' | 'immediate' = 'fast'): Promise<void> {
    await this.stop(mode)
    await this.start()
  }

  /** kill -9 of the postmaster; `startAfterKill` starts it again. */
  kill(): Promise<void> {
    return this.stop('crash')
  }

  /** Adds lines to postgresql.conf; a restart or a reload reads them. */
  configure(settings: Readonly<Record<string, string>>): void {
    const lines = Object.entries(settings).map(([name, value]) => `${name} = ${shownString(value)}\n`)
    appendFileSync(join(this.dir, 'postgresql.conf'), lines.join(''))
  }

  /** Replaces pg_hba.conf for connections over TCP, and reads it. */
  async allow(...lines: readonly string[]): Promise<void> {
    this.#writeHba(lines)
    await this.sql('SELECT pg_reload_conf()')
  }

  /**
   * A copy with the same identity and slots, at another port, as a restored backup or a snapshot of a disk would be. This
   * server is stopped for it and goes on after it.
   */
  async copy(): Promise<PostgresServerUnderTest> {
    const copy = await this.#cold()
    await copy.start()
    return copy
  }

  /**
   * A standby that streams from this server by a physical slot of this name. It has no logical slots yet. Further settings
   * of the standby may follow.
   */
  async standby(slot = 'standby', settings: Readonly<Record<string, string>> = {}): Promise<PostgresServerUnderTest> {
    await this.sql(`SELECT pg_create_physical_replication_slot('${slot}', true)`)
    const standby = await this.#cold()
    try {
      for (const name of readdirSync(join(standby.dir, 'pg_replslot')))
        rmSync(join(standby.dir, 'pg_replslot', name), { recursive: true })
      writeFileSync(join(standby.dir, 'standby.signal'), '')
      const primary = `host=${this.socketDir} port=${this.port} user=${superuser} dbname=postgres application_name=${slot}`
      standby.configure({ primary_conninfo: primary, primary_slot_name: slot, hot_standby_feedback: 'on', ...settings })
      await standby.start()
    } catch (error) {
      await standby[Symbol.asyncDispose]()
      throw error
    }
    return standby
  }

  /** Makes a primary of a standby; settles when it can be written to. */
  async promote(): Promise<void> {
    await this.sql('SELECT pg_promote(true, 60)')
    await within(60_000, 'the standby is promoted', async () => {
      const [row] = await this.sql('SELECT pg_is_in_recovery()')
      return row?.[0] === 'f'
    })
  }

  /** Waits until `standby` has replayed what is written now. */
  async reached(standby: PostgresServerUnderTest): Promise<void> {
    const [row] = await this.sql('SELECT pg_current_wal_lsn()')
    await within(60_000, 'the standby has replayed everything', async () => {
      const [replayed] = await standby.sql(`SELECT pg_last_wal_replay_lsn() >= '${row?.[0]}'`)
      return replayed?.[0] === 't'
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('immediate')
    removeStore(this.#parts.folder)
  }

  get #logFile(): string {
    return join(this.#parts.folder, 'server.log')
  }

  #configure(): void {
    const { tls = false, settings = {} } = this.#parts.options
    const files = tls ? this.#ownCertificate() : {}
    this.configure({ ...baseSettings, ...files, ...settings })
    this.#writeHba(this.#hbaLines())
  }

  #hbaLines(): readonly string[] {
    const { tls = false, auth = 'trust' } = this.#parts.options
    const host = tls ? 'hostssl' : 'host'
    return ['all', 'replication'].map((database) => `${host} ${database} all 127.0.0.1/32 ${auth}`)
  }

  #writeHba(lines: readonly string[]): void {
    const local = ['local all all trust', 'local replication all trust']
    writeFileSync(join(this.dir, 'pg_hba.conf'), [...local, ...lines, ''].join('\n'))
  }

  /** PostgreSQL takes a key only from a file of its own user that nobody else reads. */
  #ownCertificate(): Record<string, string> {
    const { cert, key, ca } = certificateOf(serverName)
    const user = serverUser(this.dir)
    for (const [from, name] of [
      [cert, 'server.crt'],
      [key, 'server.key'],
      [ca, 'root.crt'],
    ] as const) {
      const path = join(this.dir, name)
      copyFileSync(from, path)
      chmodSync(path, 0o600)
      give(path, user)
    }
    return { ssl: 'on', ssl_cert_file: 'server.crt', ssl_key_file: 'server.key', ssl_ca_file: 'root.crt' }
  }

  async #cold(): Promise<PostgresServerUnderTest> {
    const copy = new PostgresServerUnderTest({ ...this.#parts, folder: makeFolder(), port: await freePort() })
    await this.stop()
    copyFolder(this.dir, copy.dir)
    await this.start()
    return copy
  }
}

const serverName = 'postgres-under-test'

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pg-'))
  // PostgreSQL runs as another user when we are root.
  chmodSync(folder, 0o755)
  return folder
}

/** Free a moment ago; PostgreSQL cannot choose one itself. */
async function freePort(): Promise<number> {
  const server = createServer()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen(0, '127.0.0.1', resolve)
  await promise
  const address = server.address()
  const closed = new Promise((done) => server.close(done))
  await closed
  if (address === null || typeof address === 'string') throw new Error('there is no free port')
  return address.port
}
