// Queries of several askers on one connection, one after the other.

import type { RawConnection } from '../postgres/raw-connection.ts'

export interface Queries {
  query(sql: string): Promise<(string | null)[][]>
}

export class SerialQueries implements Queries {
  readonly #connection: RawConnection
  #last: Promise<unknown> = Promise.resolve()

  constructor(connection: RawConnection) {
    this.#connection = connection
  }

  query(sql: string): Promise<(string | null)[][]> {
    const result = this.#last.then(() => this.#connection.query(sql))
    this.#last = result.catch(() => undefined)
    return result
  }
}
