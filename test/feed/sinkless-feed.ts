// The feed of a statement without INTO, on a connection of its own.

import type { Socket } from 'node:net'
import pg from 'pg'
import type { TestServer } from '../server/test-server.ts'
import { ReadFeed } from './read-feed.ts'

export interface SinklessOptions {
  readonly database?: string
  readonly user?: string
  readonly values?: readonly string[]
}

interface Row {
  readonly table: string | null
  readonly key: Buffer | null
  readonly value: Buffer
}

export class SinklessFeed extends ReadFeed {
  error: pg.DatabaseError | undefined
  isOver = false
  readonly ended: Promise<void>
  readonly #client: pg.Client

  private constructor(client: pg.Client, sql: string, values: readonly string[]) {
    super(sql)
    this.#client = client
    client.on('notice', (notice) => this.notices.push(notice.message ?? ''))
    const query = new pg.Query({ text: sql, values: [...values] })
    query.on('row', ({ table, key, value }: Row) =>
      this.take({
        topic: table ?? undefined,
        partition: '',
        key: key?.toString() ?? '',
        value: value.toString(),
      }),
    )
    this.ended = new Promise((resolve) => {
      query.on('error', (error) => {
        this.error = error as pg.DatabaseError
        this.isOver = true
        resolve()
      })
      query.on('end', () => {
        this.isOver = true
        resolve()
      })
    })
    client.query(query)
  }

  static async open(
    server: TestServer,
    sql: string,
    { database, user, values = [] }: SinklessOptions = {},
  ): Promise<SinklessFeed> {
    return new SinklessFeed(await server.connect(database, user), sql, values)
  }

  /** While it is held, nothing is read from the connection. */
  hold(isHeld: boolean): void {
    const { connection } = this.#client as unknown as { connection: { stream: Socket } }
    if (isHeld) connection.stream.pause()
    else connection.stream.resume()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { connection } = this.#client as unknown as { connection: { stream: { destroy(): void } } }
    connection.stream.destroy()
    await this.ended
    this.throwFirstFailure()
  }

  protected override throwIfOver(): void {
    if (this.isOver) throw this.error ?? new Error('the feed has ended')
  }
}
