// Messages of the tables of a changefeed as they flow: a changefeed of its own, on a connection to the SQL port, under the role of who looks. It
// reads nothing that the role may not read, costs the changefeed itself nothing, and ends when the browser or its session goes.
//
// What a tail holds has a bound: the changefeed shortens long values before it waits for anybody, and a browser that does not read stops the
// reading here, and so the changefeed; after some minutes the tail ends.

import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import pg from 'pg'
import { quoteName } from '../../core/quote.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { safeHeaders } from '../../http/console-files.ts'
import type { ListedJob } from '../../jobs/listed-jobs.ts'
import type { TailLine } from './answers.ts'
import { mostValueBytesSetting } from '../statements/plan-changefeed.ts'
import { errorAnswer } from './error-answer.ts'
import { connectAs, type ApiUser, type OwnPort } from './sql-client.ts'

/** The rest of a key or a value is left out. */
const mostValueBytes = 64 * 1024
/** A browser that has taken nothing for so long does not come back. */
const unreadMs = 5 * 60_000

export interface TailCall {
  readonly response: ServerResponse
  readonly user: ApiUser
  readonly port: OwnPort
  readonly job: ListedJob
  /** Begin with all rows that the tables have now. */
  readonly hasScan: boolean
  /** Aborts with the reason why the tail has to end. */
  readonly signal: AbortSignal
  readonly unreadMs?: number
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
    await client.query('SELECT pg_catalog.set_config($1, $2, false)', [mostValueBytesSetting, String(mostValueBytes)])
    call.signal.throwIfAborted()
    response.writeHead(200, {
      ...safeHeaders,
      'content-type': 'application/x-ndjson; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    })
    response.flushHeaders()
    await follow(client, statement, call)
  } finally {
    // A session in the middle of a changefeed ends when its connection does.
    socketOf(client).destroy()
  }
}

async function follow(client: pg.Client, statement: string, call: TailCall): Promise<void> {
  const { response, signal } = call
  // Whoever has gone by now is not told about again.
  if (response.closed) return
  const socket = socketOf(client)
  const stopped = Promise.withResolvers<TailLine>()
  const stop = (error: unknown): void => stopped.resolve({ tag: 'end', ...errorAnswer(error) })
  let unread: NodeJS.Timeout | undefined
  const say = (line: TailLine): void => {
    if (response.write(`${JSON.stringify(line)}\n`)) return
    // The socket is read again when the browser has taken what was written.
    socket.pause()
    unread ??= setTimeout(() => stop(unreadFor(call)), call.unreadMs ?? unreadMs)
  }
  response.on('drain', () => {
    clearTimeout(unread)
    unread = undefined
    socket.resume()
  })
  client.on('notice', ({ message = '', hint }) => say({ tag: 'notice', text: message, hint }))
  const query = new pg.Query<readonly (string | Buffer | null)[]>({
    text: statement,
    rowMode: 'array',
  } as pg.QueryConfig)
  query.on('row', (row: unknown) => say(lineOf(row as readonly (string | Buffer | null)[])))
  query.on('end', () => stopped.resolve({ tag: 'end' }))
  query.on('error', stop)
  client.on('end', () => stop('the server closed the connection'))
  const abort = (): void => stop(signal.reason)
  signal.addEventListener('abort', abort)
  client.query(query)
  const gone = once(response, 'close')
  try {
    const last = await Promise.race([stopped.promise, gone])
    if (Array.isArray(last)) return
    say(last)
    response.end()
  } finally {
    clearTimeout(unread)
    signal.removeEventListener('abort', abort)
  }
}

function unreadFor(call: TailCall): FeedError {
  const seconds = Math.round((call.unreadMs ?? unreadMs) / 1000)
  return new FeedError('FEED_STATE', `nobody has read this live tail for ${seconds} s`, { hint: 'begin another one' })
}

function lineOf([table, key, value]: readonly (string | Buffer | null)[]): TailLine {
  const { text, cut } = partsOf(value ?? null)
  if (table == null) {
    const { resolved } = JSON.parse(text ?? '{}') as { resolved?: string }
    return { tag: 'resolved', at: resolved ?? '' }
  }
  return { tag: 'message', table: String(table), key: partsOf(key ?? null).text ?? '', value: text, cut }
}

/** JSON has no line break of its own: what follows one is how many bytes are missing. */
function partsOf(value: string | Buffer | null): { readonly text: string | null; readonly cut?: number | undefined } {
  if (value === null) return { text: null }
  const text = String(value)
  const at = text.lastIndexOf('\n')
  return at < 0 ? { text } : { text: text.slice(0, at), cut: Number(text.slice(at + 1)) }
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
