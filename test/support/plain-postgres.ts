// For tests: a PostgreSQL without anything of ours in it, to take dumps from and to restore them into.

import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findBinaries } from '../../src/postgres/embedded/binaries.ts'
import { prepareDataDir } from '../../src/postgres/embedded/data-dir.ts'
import { startPostmaster, type Postmaster } from '../../src/postgres/embedded/postmaster.ts'
import { give, serverUser } from '../../src/postgres/embedded/server-user.ts'
import { openRawConnection } from '../../src/postgres/raw-connection.ts'
import { removeStore } from './kept-stores.ts'

const port = 5432

export class PlainPostgres implements AsyncDisposable {
  readonly #folder: string
  readonly #postmaster: Postmaster

  private constructor(folder: string, postmaster: Postmaster) {
    this.#folder = folder
    this.#postmaster = postmaster
  }

  static async start(): Promise<PlainPostgres> {
    const folder = mkdtempSync(join(tmpdir(), 'plain-'))
    try {
      // PostgreSQL runs as another user when we are root.
      chmodSync(folder, 0o755)
      const dir = join(folder, 'data')
      const user = serverUser(dir)
      give(folder, user)
      const binaries = findBinaries(user)
      await prepareDataDir(dir, binaries, user)
      return new PlainPostgres(folder, await startPostmaster({ dir, socketDir: folder, port, binaries, user }))
    } catch (error) {
      rmSync(folder, { recursive: true, force: true })
      throw error
    }
  }

  /** As PostgreSQL's own programs take it. */
  url(database: string): string {
    return `postgresql://root@/${database}?host=${encodeURIComponent(this.#folder)}&port=${port}`
  }

  async sql(text: string, database: string): Promise<(string | null)[][]> {
    const source = { host: this.#folder, socketDir: this.#folder, port, user: 'root', database }
    const connection = await openRawConnection({ source, parameters: {} })
    try {
      return await connection.query(text)
    } finally {
      await connection.close()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#postmaster.stop('immediate')
    removeStore(this.#folder)
  }
}
