// Remembers whether the dialect's type words may mean something else in some session: because a user has made a type that is
// called string or bytes, or has set default_int_size. If the server has never seen this, which is nearly always so, a
// statement is translated without asking the catalogue. The catalogue is asked until all databases have been checked.

import type { Backend } from '../../postgres/backend.ts'
import { queryOnce } from '../../postgres/raw-connection.ts'
import { intSizeStoredSql, mayChangeTypes, ownTypesSql } from '../../sql/dialect/type-facts.ts'

export class TypeMemory {
  #state: 'unknown' | 'plain' | 'seen' = 'unknown'

  get mustAsk(): boolean {
    return this.#state !== 'plain'
  }

  /** To be called with each text that is about to run, and with the parameters of each new session. */
  see(sql: string): void {
    if (this.#state !== 'seen' && mayChangeTypes(sql)) this.#state = 'seen'
  }

  /** Checks the databases for types and settings from earlier runs of the server. */
  async read({ source, homeDatabase }: Pick<Backend, 'source' | 'homeDatabase'>): Promise<void> {
    const ask = async (database: string, sql: string): Promise<(string | null)[]> =>
      (await queryOnce({ ...source, database }, sql)).map(([value]) => value ?? null)
    let isSeen = (await ask(homeDatabase, intSizeStoredSql))[0] === 't'
    const databases = await ask(homeDatabase, 'SELECT datname FROM pg_database WHERE datallowconn')
    for (const database of databases) isSeen ||= (await ask(database ?? '', ownTypesSql))[0] === 't'
    if (this.#state === 'unknown') this.#state = isSeen ? 'seen' : 'plain'
  }
}
