// Messages of the tables of a changefeed as they flow: a changefeed of its own, on a connection to the SQL port, under the role of who looks. It
// reads nothing that the role may not read, costs the changefeed itself nothing, and ends when the browser goes. A browser that does not read
// stops the reading here, and so the changefeed.

import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import pg from 'pg'
import { quoteName } from '../../core/quote.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { safeHeaders } from '../../http/console-files.ts'
import type { ListedJob } from '../../jobs/listed-jobs.ts'
import type { TailLine } from './answers.ts'
import { errorAnswer } from './error-answer.ts'
import { connectAs, type ApiUser, type OwnPort } from './sql-client.ts'

/** The rest of a value is left out. */
const mostCharacters = 64 * 1024

export interface TailCall {
  readonly response: ServerResponse
  readonly user: ApiUser
  readonly port: OwnPort
  readonly job: ListedJob
  /** Begin with all rows that the tables have now. */
  readonly hasScan: boolean
}

/** Settles when the tail is over. Errors before the first line are thrown; later ones are its last line. */
export async function liveTail(call: TailCall): Promise<void> {
  const { response, user, port, job } = call
  const { spec } = job
  if (spec === undefined)
    throw new FeedError(
      'FEED_STATE',
      `a later version of this program has made job ${job.id}, which cannot be read here`,
    )
  const client = await connectAs(user, port, spec.database)
  try {
    const statement = await statementFor(client, call)
    response.writeHead(200, {
      ...safeHeaders,
      'content-type': 'application/x-ndjson; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    })
    response.flushHeaders()
    await follow(client, statement, response)
  } finally {
    // A session in the middle of a changefeed ends when its connection does.
    socketOf(client).destroy()
  }
}

async function follow(client: pg.Client, statement: string, response: ServerResponse): Promise<void> {
  // Whoever has gone by now is not told about again.
  if (response.closed) return
  const socket = socketOf(client)
  const say = (line: TailLine): void => {
    // The socket is read again when the browser has taken what was written.
    if (!response.write(`${JSON.stringify(line)}\n`)) socket.pause()
  }
  response.on('drain', () => socket.resume())
  client.on('notice', ({ message = '' }) => say({ tag: 'notice', text: message }))
  const query = new pg.Query<readonly (string | Buffer | null)[]>({
    text: statement,
    rowMode: 'array',
  } as pg.QueryConfig)
  query.on('row', (row: unknown) => say(lineOf(row as readonly (string | Buffer | null)[])))
  const ended = new Promise<TailLine>((resolve) => {
    query.on('end', () => resolve({ tag: 'end' }))
    query.on('error', (error) => resolve({ tag: 'end', ...errorAnswer(error) }))
    client.on('end', () => resolve({ tag: 'end', error: 'the server closed the connection' }))
  })
  client.query(query)
  const gone = once(response, 'close')
  const last = await Promise.race([ended, gone])
  if (Array.isArray(last)) return
  say(last)
  response.end()
}

function lineOf([table, key, value]: readonly (string | Buffer | null)[]): TailLine {
  const text = value == null ? null : String(value)
  if (table == null) {
    const { resolved } = JSON.parse(text ?? '{}') as { resolved?: string }
    return { tag: 'resolved', at: resolved ?? '' }
  }
  const message = { tag: 'message', table: String(table), key: String(key) } as const
  if (text === null || text.length <= mostCharacters) return { ...message, value: text }
  return { ...message, value: text.slice(0, mostCharacters), cut: text.length - mostCharacters }
}

async function statementFor(client: pg.Client, { job, hasScan }: TailCall): Promise<string> {
  const { targets = [], diff = false } = job.spec ?? {}
  const { rows } = await client.query<{ schema: string; name: string }>(
    `SELECT n.nspname AS schema, c.relname AS name FROM pg_catalog.pg_class c
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ANY ($1::oid[]) ORDER BY 1, 2`,
    [targets.map(({ relid }) => relid)],
  )
  if (rows.length === 0) throw new FeedError('FEED_DROPPED', `the tables of job ${job.id} do not exist any more`)
  const names = rows.map(({ schema, name }) => `TABLE ${quoteName(schema)}.${quoteName(name)}`)
  const scan = hasScan ? 'yes' : 'no'
  return `EXPERIMENTAL CHANGEFEED FOR ${names.join(', ')} WITH updated, resolved = '1s', initial_scan = '${scan}'${diff ? ', diff' : ''}`
}

/** The types of the client do not name it. */
function socketOf(client: pg.Client): Socket {
  return (client as unknown as { readonly connection: { readonly stream: Socket } }).connection.stream
}
