// changefeed sql: a shell that streams. Rows are printed as they come, so that a changefeed, which never ends, can be
// watched; a reader of its output who is slow slows the server down, not memory up. It speaks to the server as any
// client does and knows nothing of changefeeds. COPY is psql's business.

import type pg from 'pg'
import { FeedError } from '../../errors/feed-error.ts'
import { readFlags, UsageError } from '../usage-error.ts'
import { formats, type Format } from './formats.ts'
import { interact } from './interactive.ts'
import { runMeta } from './meta-commands.ts'
import { ShellSession } from './session.ts'
import { cutStatements } from './statements.ts'

const help = `Usage: changefeed sql --insecure [flags]

  -e, --execute=SQL       run it and leave; may be given more than once
  --url=URL               postgresql://user@host:port/database
  --host=HOST  --port=N   where the server listens (localhost, 26257)
  -d, --database=NAME     (defaultdb)       -u, --user=NAME  (root)
  --format=FORMAT         ${formats.join(', ')} (table in a terminal, else tsv)
`

const flags = {
  insecure: { type: 'boolean' },
  execute: { type: 'string', short: 'e', multiple: true },
  url: { type: 'string' },
  host: { type: 'string' },
  port: { type: 'string', short: 'p' },
  database: { type: 'string', short: 'd' },
  user: { type: 'string', short: 'u' },
  format: { type: 'string' },
} as const

export async function runSql(argv: readonly string[]): Promise<number> {
  const values = readFlags(argv, flags, help)
  if (values === undefined) return 0
  if (values.insecure !== true && values.url === undefined) {
    throw new UsageError('add --insecure: connections are not encrypted and need no password yet')
  }
  if (values.format !== undefined && !formats.includes(values.format as Format)) {
    throw new UsageError(`--format=${values.format}: valid formats are ${formats.join(', ')}`)
  }
  const isTerminal = process.stdin.isTTY === true && values.execute === undefined
  const format = (values.format as Format | undefined) ?? (process.stdout.isTTY === true ? 'table' : 'tsv')
  const session = new ShellSession({ config: config(values), format })
  // A reader that has seen enough (head) ends the shell, quietly.
  process.stdout.on('error', () => process.exit(0))
  try {
    await session.open()
  } catch (error) {
    throw cannotConnect(error as Error, config(values))
  }
  try {
    if (isTerminal) return await interact(session)
    process.on('SIGINT', () => (session.isRunning ? session.cancel() : process.exit(130)))
    return await runAll(session, values.execute ?? [await readAll()])
  } finally {
    await session.close()
  }
}

/** The first failure ends the run. */
async function runAll(session: ShellSession, texts: readonly string[]): Promise<number> {
  for (const text of texts) {
    if (text.trim().startsWith('\\')) {
      if ((await runMeta(text, session)) === 'failed') return 1
      continue
    }
    const { statements, rest } = cutStatements(text)
    for (const sql of rest === '' ? statements : [...statements, rest]) {
      if (!(await session.run(sql))) return 1
    }
  }
  return 0
}

async function readAll(): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

function config(values: { url?: string; host?: string; port?: string; user?: string; database?: string }): pg.ClientConfig {
  const url = values.url === undefined ? undefined : readUrl(values.url)
  return {
    host: values.host ?? url?.host ?? 'localhost',
    port: Number(values.port ?? url?.port ?? 26_257),
    user: values.user ?? url?.user ?? 'root',
    database: values.database ?? url?.database ?? 'defaultdb',
  }
}

function readUrl(text: string): { host?: string; port?: string; user?: string; database?: string } {
  let url
  try {
    url = new URL(text)
  } catch {
    throw new UsageError(`--url=${text} is not a URL like postgresql://root@localhost:26257/defaultdb`)
  }
  const database = decodeURIComponent(url.pathname.slice(1))
  return {
    ...(url.hostname === '' ? {} : { host: url.hostname }),
    ...(url.port === '' ? {} : { port: url.port }),
    ...(url.username === '' ? {} : { user: decodeURIComponent(url.username) }),
    ...(database === '' ? {} : { database }),
  }
}

function cannotConnect(error: Error, { host, port }: pg.ClientConfig): FeedError {
  const message = error.message === '' ? ((error as NodeJS.ErrnoException).code ?? 'no answer') : error.message
  return new FeedError('FEED_SOURCE_DOWN', `cannot connect to ${String(host)}:${String(port)}: ${message}`, {
    hint: 'is the server running? changefeed start-single-node --insecure --background',
  })
}
