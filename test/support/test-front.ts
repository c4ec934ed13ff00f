// The SQL front alone: before a real PostgreSQL, with statements that exist for the test and know nothing of changefeeds.
//
//   TICK n | TICK FOREVER | TICK $1   rows (tick int8, text text), as fast as the client takes them
//   ECHO                              its parameters: $1 text, $2 int4, $3 bool
//   HOLD                              nothing, until it is stopped
//   LONG                              the same, and PostgreSQL shows it
//   DEAF                              nothing, until the test lets it go: it does not hear that it is stopped
//   ASK sql                           first column of a query on the session's backend
//   SAY text                          a notice
//   FAIL | MALFORMED                  an error while running; an error while parsing
//   USE db                            another database
//   REWRITTEN sql                     PostgreSQL's, after a question to the catalogue
//   ALIAS sql                         PostgreSQL's, in other words

import { chmodSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import pino from 'pino'
import { ByteWriter } from '../../src/bytes/byte-writer.ts'
import { FeedError } from '../../src/errors/feed-error.ts'
import { startFront, type Front } from '../../src/pg-server/front.ts'
import type {
  LocalCall,
  LocalStatement,
  Piece,
  ResultColumn,
  StatementHandler,
} from '../../src/pg-server/local-statement.ts'
import { RunningStatements } from '../../src/pg-server/running-statements.ts'
import type { SourceConnection } from '../../src/postgres/source-connection.ts'
import { startEmbedded, type EmbeddedPostgres } from '../../src/postgres/embedded/embedded.ts'
import { dataRow } from '../../src/wire/backend-writer.ts'
import { removeStore } from './kept-stores.ts'
import { layEmbeddedStore } from './servers/embedded-store.ts'

const ours = /\b(?:TICK|ECHO|HOLD|LONG|DEAF|ASK|SAY|FAIL|MALFORMED|USE|REWRITTEN|ALIAS)\b/
const column = (name: string, typeOid = 25, typeSize = -1): ResultColumn => ({ name, typeOid, typeSize })

export class TestFront implements StatementHandler, AsyncDisposable {
  readonly #dir = mkdtempSync(join(tmpdir(), 'changefeed-front-'))
  postgres!: EmbeddedPostgres
  front!: Front
  /** Of all its fronts. */
  readonly running = new RunningStatements()
  /** Rows that a statement of ours has handed over. */
  ticks = 0
  /** Why the statements that were stopped, were. */
  readonly stops: { readonly reason: FeedError; readonly atMs: number }[] = []
  classified = 0
  /** Lets the last DEAF go; it then tries to speak. */
  letGo: () => void = () => undefined
  /** What came of that. */
  spoke: Promise<string> = Promise.resolve('')

  static async start(): Promise<TestFront> {
    const test = new TestFront()
    chmodSync(test.#dir, 0o755)
    layEmbeddedStore(test.#dir)
    test.postgres = await startEmbedded({ dir: join(test.#dir, 'postgres'), log: pino({ level: 'silent' }) })
    test.front = await test.another()
    return test
  }

  /** A front of its own, before the same PostgreSQL. */
  async another(
    address: Pick<SourceConnection, 'host' | 'port' | 'socketDir'> = this.postgres.source,
    maxSessions?: number,
  ): Promise<Front> {
    const listen = { host: '127.0.0.1', port: 0 }
    const log = pino({ level: 'silent' })
    return startFront({
      listen,
      backend: { ...address, user: 'root', database: 'defaultdb' },
      handler: this,
      running: this.running,
      defaultDatabase: 'defaultdb',
      unnamedUser: 'root',
      maxSessions,
      log,
    })
  }

  get port(): number {
    return this.front.port
  }

  async connect(options: pg.ClientConfig = {}): Promise<pg.Client> {
    const client = new pg.Client({
      host: '127.0.0.1',
      port: this.port,
      user: 'root',
      database: 'defaultdb',
      ...options,
    })
    client.on('error', () => undefined)
    await client.connect()
    return client
  }

  classify(sql: string): readonly Piece[] | undefined {
    this.classified += 1
    if (!ours.test(sql)) return undefined
    let from = 0
    return sql.split(';').flatMap((part) => {
      const start = from + part.length - part.trimStart().length
      from += part.length + 1
      return part.trim() === '' ? [] : [this.#piece(part.trim(), Array.from(sql.slice(0, start)).length)]
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.front?.close()
    await this.postgres?.stop('immediate')
    removeStore(this.#dir)
  }

  /** `before`: characters of the whole text before it. */
  #piece(sql: string, before: number): Piece {
    const [word = '', ...rest] = sql.split(' ')
    const text = rest.join(' ')
    switch (word) {
      case 'TICK':
        return local(sql, {
          parameterTypes: text === '$1' ? [20] : [],
          columns: [column('tick', 20, 8), column('text')],
          run: (call) => this.#tick(text, call),
        })
      case 'ECHO':
        return local(sql, { parameterTypes: [25, 23, 16], columns: [column('a'), column('b'), column('c')], run: echo })
      case 'HOLD':
        return local(sql, { parameterTypes: [], columns: [column('held')], run: (call) => this.#hold(call) })
      case 'LONG':
        return local(sql, {
          parameterTypes: [],
          columns: [column('held')],
          run: async (call) => {
            await call.occupy(sql)
            return this.#hold(call)
          },
        })
      case 'DEAF':
        return local(sql, {
          parameterTypes: [],
          columns: [column('deaf')],
          mayBeLeft: true,
          run: (call) => this.#deaf(call),
        })
      case 'ASK':
        return local(sql, { parameterTypes: [], columns: [column('answer')], run: (call) => ask(text, call) })
      case 'SAY':
        return local(sql, { parameterTypes: [], columns: undefined, run: (call) => say(text, call) })
      case 'USE':
        return local(sql, { parameterTypes: [], columns: undefined, run: (call) => use(text, call) })
      case 'FAIL':
        return local(sql, { parameterTypes: [], columns: undefined, run: fail })
      case 'MALFORMED':
        return {
          tag: 'error',
          error: new FeedError('FEED_SYNTAX', 'malformed', { position: 11, hint: 'form it well' }),
          sql,
        }
      case 'REWRITTEN':
        return {
          tag: 'rewrite',
          sql,
          rewrite: async (backend) => ({
            sql: `${text} -- in ${(await backend('SELECT current_database()'))[0]?.[0]}`,
            // Of `REWRITTEN text`, the text.
            positions: (position) => before + 'REWRITTEN '.length + position,
          }),
        }
      default:
        return {
          tag: 'forward',
          sql: word === 'ALIAS' ? text : sql,
          positions: (position) => before + (word === 'ALIAS' ? 'ALIAS '.length : 0) + position,
        }
    }
  }

  async #tick(count: string, { parameters, signal, sendRows }: LocalCall): Promise<string> {
    const most = count === 'FOREVER' ? Infinity : Number(count === '$1' ? parameters[0] : count)
    const out = new ByteWriter(4096)
    try {
      for (let i = 1; i <= most; i++) {
        dataRow(out, [String(i), 'tick '.repeat(20)])
        if (i % 100 !== 0 && i < most) continue
        // Handed over for good: the writer is used again.
        await sendRows(Uint8Array.from(out.view()))
        this.ticks = i
        out.clear()
        if (i % 10_000 === 0) await new Promise(setImmediate)
      }
      return `TICK ${most}`
    } finally {
      if (signal.aborted) this.stops.push({ reason: signal.reason as FeedError, atMs: Date.now() })
    }
  }

  async #deaf({ sendRows, accepted, session, notice }: LocalCall): Promise<string> {
    const told = Promise.withResolvers<string>()
    this.spoke = told.promise
    await new Promise<void>((resolve) => (this.letGo = resolve))
    notice('NOTICE', 'too late')
    const out = new ByteWriter(64)
    dataRow(out, ['too late'])
    const tries = await Promise.allSettled([accepted(), sendRows(out.view()), session.queryBackend('SELECT 1')])
    told.resolve(tries.map(({ status }) => status).join(' '))
    return 'DEAF'
  }

  async #hold({ signal }: LocalCall): Promise<string> {
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    this.stops.push({ reason: signal.reason as FeedError, atMs: Date.now() })
    throw new Error('stopped')
  }
}

function local(sql: string, statement: LocalStatement): Piece {
  return { tag: 'local', statement, sql }
}

async function echo({ parameters, sendRows }: LocalCall): Promise<string> {
  const out = new ByteWriter(256)
  dataRow(out, parameters)
  await sendRows(out.view())
  return 'ECHO 1'
}

async function ask(sql: string, { session, sendRows }: LocalCall): Promise<string> {
  const rows = await session.queryBackend(sql)
  const out = new ByteWriter(256)
  for (const [first = null] of rows) dataRow(out, [first])
  await sendRows(out.view())
  return `ASK ${rows.length}`
}

async function say(text: string, { notice }: LocalCall): Promise<string> {
  notice('WARNING', text, 'hint')
  return 'SAY'
}

async function use(name: string, { session }: LocalCall): Promise<string> {
  await session.switchDatabase(name)
  return 'SET'
}

async function fail(): Promise<string> {
  throw new FeedError('FEED_OPTION', 'it failed', { hint: 'do not', detail: 'as asked', position: 3 })
}
