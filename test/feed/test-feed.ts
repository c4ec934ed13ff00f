// A changefeed as a test sees it, whatever its sink: messages in the order in which a reader got them.

import pg from 'pg'
import { parseHlc, type Hlc } from '../../src/core/hlc.ts'
import { OrderValidator } from '../validators/order.ts'
import { type TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'

export interface FeedMessage {
  /** Undefined: a resolved message. */
  readonly topic: string | undefined
  readonly key: string
  readonly value: string
}

export interface TestFeed extends AsyncDisposable {
  readonly messages: readonly FeedMessage[]
  readonly notices: readonly string[]
  /** What ended the feed; undefined while it runs or when it ended well. */
  readonly error: pg.DatabaseError | undefined
  /** Settles when the feed is over, however it ended. */
  readonly ended: Promise<void>
}

const withinMs = 30_000

/** The feed of a statement without INTO, on a connection of its own. */
export class SinklessFeed implements TestFeed {
  readonly messages: FeedMessage[] = []
  readonly notices: string[] = []
  error: pg.DatabaseError | undefined
  isOver = false
  readonly ended: Promise<void>
  readonly #client: pg.Client
  /** Every end-to-end feed is judged: order, and nothing new at or below what was resolved. */
  readonly #order = new OrderValidator({ strict: true })

  private constructor(client: pg.Client, sql: string, values: readonly string[]) {
    this.#client = client
    client.on('notice', (notice) => this.notices.push(notice.message ?? ''))
    const query = new pg.Query({ text: sql, values: [...values] })
    query.on('row', (row: { table: string | null; key: Buffer | null; value: Buffer }) => this.#take(row))
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
    options: { database?: string; user?: string; values?: readonly string[] } = {},
  ): Promise<SinklessFeed> {
    return new SinklessFeed(await server.connect(options.database, options.user), sql, options.values ?? [])
  }

  get rows(): readonly FeedMessage[] {
    return this.messages.filter(({ topic }) => topic !== undefined)
  }

  /** As the conformance cases write it: `foo: [1]->{"after": …}`. */
  get texts(): readonly string[] {
    return this.rows.map(({ topic, key, value }) => `${topic}: ${key}->${value}`)
  }

  get resolved(): readonly Hlc[] {
    return this.messages.filter(({ topic }) => topic === undefined).map(({ value }) => hlcOf(value, 'resolved'))
  }

  get failures(): readonly string[] {
    return this.#order.failures()
  }

  /** Waits for that many row messages since the start. */
  async row(count: number): Promise<readonly FeedMessage[]> {
    return this.#wait(`${count} rows`, () => (this.rows.length >= count ? this.rows : undefined))
  }

  /** Waits for a resolved message above `after`. */
  async resolvedPast(after: Hlc): Promise<Hlc> {
    return this.#wait('a later resolved message', () =>
      this.resolved.find((ts) => ts.wall > after.wall || (ts.wall === after.wall && ts.logical > after.logical)),
    )
  }

  async #wait<T>(what: string, ask: () => T | undefined): Promise<T> {
    return until(`${what} (there are ${this.messages.length} messages)`, withinMs, () => {
      const answer = ask()
      if (answer === undefined && this.isOver) throw this.error ?? new Error(`the feed ended before ${what}`)
      return answer
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { connection } = this.#client as unknown as { connection: { stream: { destroy(): void } } }
    connection.stream.destroy()
    await this.ended
    const [failure] = this.failures
    if (failure !== undefined) throw new Error(failure)
  }

  #take({ table, key, value }: { table: string | null; key: Buffer | null; value: Buffer }): void {
    const text = value.toString()
    this.messages.push({ topic: table ?? undefined, key: key?.toString() ?? '', value: text })
    if (table === null) this.#order.noteResolved('', hlcOf(text, 'resolved'))
    else if (text.includes('"updated": "')) {
      this.#order.noteRow({
        partition: '',
        topic: table,
        key: key?.toString() ?? '',
        value: text,
        updated: hlcOf(text, 'updated'),
      })
    }
  }
}

export function hlcOf(value: string, member: 'updated' | 'resolved'): Hlc {
  const text = new RegExp(`"${member}": ?"([0-9.]+)"`).exec(value)?.[1]
  const ts = text === undefined ? undefined : parseHlc(text)
  if (ts === undefined) throw new Error(`no ${member} in ${value}`)
  return ts
}
