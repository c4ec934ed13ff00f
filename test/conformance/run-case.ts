// One case against a server, in a database of its own.

import assert from 'node:assert/strict'
import type pg from 'pg'
import { formatHlc } from '../../src/core/hlc.ts'
import { SinklessFeed } from '../feed/test-feed.ts'
import type { TestServer } from '../server/test-server.ts'
import type { ConformanceCase } from './cases.ts'
import { Expectations } from './expectations.ts'
import { hoursFromNow, Placeholders } from './placeholders.ts'

export async function runCase(server: TestServer, { id, sql, feed, steps }: ConformanceCase): Promise<void> {
  const database = `case_${id.replaceAll('-', '_')}`
  // Cases name the database that they are in.
  const named = (text: string): string => text.replaceAll(/\b(?:defaultdb|d)\.(?=\w)/g, `${database}.`)
  await server.sql(`CREATE DATABASE ${database}`)
  const client = await server.connect(database)
  const placeholders = new Placeholders()
  try {
    for (const statement of sql) await runStatement(client, statement, placeholders)
    const values: string[] = []
    if (feed === '') return await runQueries(client, steps)
    if (feed.includes('$1'))
      values.push(/now \+ 1 hour/.test(feed) ? formatHlc(hoursFromNow(1n)) : placeholders.fill('<cursor>'))
    const text = named(placeholders.fill(feed))
    await runFeed({ server, database, client, text, values, steps, placeholders, named })
  } finally {
    await client.end()
  }
}

interface FeedRun {
  readonly server: TestServer
  readonly database: string
  readonly client: pg.Client
  readonly text: string
  readonly values: readonly string[]
  readonly steps: ConformanceCase['steps']
  readonly placeholders: Placeholders
  readonly named: (text: string) => string
}

async function runFeed({ server, database, client, text, values, steps, placeholders, named }: FeedRun): Promise<void> {
  await using feed = await SinklessFeed.open(server, text, { database, values })
  const expectations = new Expectations(feed, placeholders)
  const isScanOnly = /initial_scan_only|initial_scan *= *'only'/.test(text)
  for (const { sql, expect, expect_error: expectedError } of steps) {
    if (sql !== undefined) {
      // What is written during the scan must not show in it: the scan has begun when its first row is there.
      if (isScanOnly) await feed.row(1)
      await runStatement(client, sql, placeholders)
    }
    if (expect !== undefined) await expectations.check(expect)
    if (expectedError !== undefined) {
      await feed.ended
      const pattern = placeholders.errorPattern(named(expectedError))
      assert.match(feed.error?.message ?? 'no error', pattern)
    }
  }
  expectations.end()
}

/** A case without a feed: what each statement gives in its first row. */
async function runQueries(client: pg.Client, steps: ConformanceCase['steps']): Promise<void> {
  let outcome: { readonly value?: string; readonly error?: string } = {}
  for (const { sql, expect, expect_error: expectedError } of steps) {
    if (sql !== undefined) {
      outcome = await client.query<string[]>({ text: sql, rowMode: 'array' }).then(
        ({ rows }) => ({ value: rows[0]?.[0] ?? '' }),
        (error: Error) => ({ error: error.message }),
      )
    }
    if (expect !== undefined) assert.deepEqual(outcome, { value: expect[0] })
    if (expectedError !== undefined) assert.match(outcome.error ?? 'no error', new RegExp(expectedError))
  }
}

/** A comment behind a statement names what it returns: `-- = id0`. */
async function runStatement(client: pg.Client, statement: string, placeholders: Placeholders): Promise<void> {
  if (statement.startsWith('-- take the cursor here') || statement.startsWith('SELECT now as HLC')) {
    const name = /-- = (\w+)/.exec(statement)?.[1] ?? 'cursor'
    const { rows } = await client.query<{ now: string }>('SELECT cluster_logical_timestamp() AS now')
    placeholders.set(name, rows[0]?.now ?? '')
    return
  }
  const [text = '', name] = statement.split(/ -- = ?/)
  if (text === '' || text.startsWith('--')) return
  const result = await client.query<string[]>({ text, rowMode: 'array' })
  const last = Array.isArray(result) ? (result as pg.QueryArrayResult<string[]>[]).at(-1) : result
  if (name !== undefined) placeholders.set(name.trim(), String(last?.rows[0]?.at(-1)))
}
