// For tests: a server of ours, in this process, that works with a PostgreSQL that runs already.

import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import pino from 'pino'
import { serveAttached } from '../../src/cli/serve-attached.ts'
import { FrontTls, type FrontTlsFiles } from '../../src/pg-server/front-tls.ts'
import { defaultLimits } from '../../src/pg-server/login-slots.ts'
import type { SourceConnection } from '../../src/postgres/source-connection.ts'
import type { RunningServer } from '../../src/server/serve.ts'
import { removeStore } from './kept-stores.ts'

export interface AttachedOptions {
  readonly source: SourceConnection
  readonly state?: SourceConnection
  readonly tls?: FrontTlsFiles
  /** True if it is left out: PostgreSQL asks for nothing in most tests. */
  readonly isInsecure?: boolean
}

export class AttachedUnderTest implements AsyncDisposable {
  readonly #server: RunningServer
  readonly #storeDir: string

  private constructor(server: RunningServer, storeDir: string) {
    this.#server = server
    this.#storeDir = storeDir
  }

  static async start({ source, state, tls, isInsecure = true }: AttachedOptions): Promise<AttachedUnderTest> {
    const storeDir = mkdtempSync(join(tmpdir(), 'changefeed-attached-'))
    const at = { host: '127.0.0.1', port: 0 }
    const door = { tls: tls && FrontTls.open(tls), logins: { isInsecure, limits: defaultLimits } }
    const log = pino({ level: 'silent' })
    try {
      const server = await serveAttached({ source, state, storeDir, listen: at, http: at, door, log })
      return new AttachedUnderTest(server, storeDir)
    } catch (error) {
      removeStore(storeDir)
      throw error
    }
  }

  get port(): number {
    return this.#server.sqlPort
  }

  async connect(options: pg.ClientConfig): Promise<pg.Client> {
    const client = new pg.Client({ host: '127.0.0.1', port: this.port, database: 'postgres', ...options })
    client.on('error', () => undefined)
    await client.connect()
    return client
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop()
    removeStore(this.#storeDir)
  }
}
