// For tests: a front before a PostgreSQL that asks for passwords. It knows one statement of its own, OURS, which counts how often it runs.

import pg from 'pg'
import type { Logger } from 'pino'
import { startFront, type Front, type LoginRules } from '../../src/pg-server/front.ts'
import { FrontTls, type FrontTlsFiles } from '../../src/pg-server/front-tls.ts'
import type { Piece, StatementHandler } from '../../src/pg-server/local-statement.ts'
import { defaultLimits, type LoginLimits } from '../../src/pg-server/login-slots.ts'
import { RunningStatements } from '../../src/pg-server/running-statements.ts'
import type { PostgresServer } from '../../src/postgres/source-connection.ts'

export interface LoginFrontOptions {
  readonly backend: PostgresServer
  readonly tls?: FrontTlsFiles
  readonly isInsecure?: boolean
  readonly limits?: Partial<LoginLimits>
  /** 127.0.0.1 if it is left out. */
  readonly host?: string
  readonly log?: Logger
}

export class LoginFront implements StatementHandler, AsyncDisposable {
  front!: Front
  tls: FrontTls | undefined
  /** How often OURS has run. */
  ran = 0

  static async start({
    backend,
    tls,
    isInsecure = false,
    limits,
    host = '127.0.0.1',
    log,
  }: LoginFrontOptions): Promise<LoginFront> {
    const test = new LoginFront()
    const logins: LoginRules = { isInsecure, limits: { ...defaultLimits, ...limits } }
    test.tls = tls && FrontTls.open(tls)
    test.front = await startFront({
      listen: { host, port: 0 },
      backend: { ...backend, database: 'postgres' },
      handler: test,
      running: new RunningStatements(),
      defaultDatabase: 'postgres',
      tls: test.tls,
      logins,
      log,
    })
    return test
  }

  get port(): number {
    return this.front.port
  }

  async connect(options: pg.ClientConfig): Promise<pg.Client> {
    const client = new pg.Client({ host: '127.0.0.1', port: this.port, database: 'postgres', ...options })
    client.on('error', () => undefined)
    await client.connect()
    return client
  }

  /** Logs in; returns what PostgreSQL calls the user, or the error. */
  async login(options: pg.ClientConfig): Promise<string> {
    try {
      const client = await this.connect(options)
      const { rows } = await client.query<{ session_user: string }>('SELECT session_user')
      await client.end()
      return rows[0]?.session_user ?? ''
    } catch (error) {
      const { code = '', message } = error as pg.DatabaseError
      return `${code} ${message}`.trim()
    }
  }

  classify(sql: string): readonly Piece[] | undefined {
    if (sql !== 'OURS') return undefined
    const run = async (): Promise<string> => {
      this.ran += 1
      return 'OURS'
    }
    return [{ tag: 'local', sql, statement: { parameterTypes: [], columns: undefined, run } }]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.front?.close()
  }
}
