// Queries of several askers on one connection, one after the other.

import { Serial } from '../async/serial.ts'
import type { Queries } from '../postgres/queries.ts'
import type { RawConnection } from '../postgres/raw-connection.ts'

export class SerialQueries implements Queries {
  readonly #connection: RawConnection
  readonly #serial = new Serial()

  constructor(connection: RawConnection) {
    this.#connection = connection
  }

  query(sql: string): Promise<(string | null)[][]> {
    return this.#serial.run(() => this.#connection.query(sql))
  }
}
