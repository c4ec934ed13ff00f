// The feed of a statement without INTO, on a connection of its own.

import type { Socket } from 'node:net'
import pg from 'pg'
import type { TestServer } from '../server/test-server.ts'
import { AvroRecords } from './avro-records.ts'
import { ReadFeed } from './read-feed.ts'

export interface SinklessOptions {
  readonly database?: string
  readonly user?: string
  readonly values?: readonly string[]
  /** URL of the schema registry of messages in Avro, which are shown as those of a feed in JSON. */
  readonly registry?: string | undefined
  /** They are shown in Avro's JSON encoding. */
  readonly asAvro?: boolean
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

  private constructor(client: pg.Client, sql: string, { values = [], registry, asAvro }: SinklessOptions) {
    super(sql)
    this.#client = client
    client.on('notice', (notice) => this.notices.push(notice.message ?? ''))
    const query = new pg.Query({ text: sql, values: [...values] })
    const inAvro = registry === undefined ? undefined : new AvroRecords(registry, asAvro)
    query.on('row', ({ table, key, value }: Row) => {
      const taken = (keyText: string, valueText: string): void =>
        this.take({ topic: table ?? undefined, partition: '', key: keyText, value: valueText })
      if (inAvro === undefined) taken(key?.toString() ?? '', value.toString())
      else inAvro.read(key, value, taken)
    })
    const end = (error?: pg.DatabaseError): void => {
      this.error = error
      this.isOver = true
    }
    this.ended = new Promise((resolve, reject) => {
      const over = (error?: pg.DatabaseError): void => {
        // What was received before may wait for its schema.
        if (inAvro === undefined) resolve(end(error))
        else inAvro.done().then(() => resolve(end(error)), reject)
      }
      query.on('error', (error) => over(error as pg.DatabaseError))
      query.on('end', () => over())
    })
    client.query(query)
  }

  static async open(
    server: TestServer,
    sql: string,
    { database, user, ...options }: SinklessOptions = {},
  ): Promise<SinklessFeed> {
    return new SinklessFeed(await server.connect(database, user), sql, options)
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
