// The end of a run: a TRUNCATE between writes of one transaction. What was committed before it comes, the changefeed ends
// with its name, and nothing of that transaction or of later ones comes.

import { type TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'
import { tagTable } from '../history/placed-transactions.ts'
import type { RowNote } from '../validators/validator.ts'

const withinMs = 60_000
const before = 5_000_000
const count = 20

export interface TruncationOptions {
  readonly server: TestServer
  readonly database: string
  /** The changefeed's error, when it has ended. */
  readonly error: () => string | undefined | Promise<string | undefined>
  readonly rows: () => readonly RowNote[]
}

export async function endWithTruncation({
  server,
  database,
  error,
  rows,
}: TruncationOptions): Promise<readonly string[]> {
  const run = (sql: string): Promise<unknown> => server.sql(sql, database)
  const insert = (n: number): string => `INSERT INTO ${tagTable} VALUES (${before + n})`
  for (let n = 1; n <= count; n++) await run(insert(n))
  await run(`BEGIN; ${insert(101)}; TRUNCATE foo; ${insert(102)}; COMMIT`)
  await run(insert(103))
  const said = await until('the changefeed ends at the TRUNCATE', withinMs, error)
  const failures = /foo.* was truncated/.test(said) ? [] : [`the changefeed ended at a TRUNCATE with: ${said}`]
  const wanted = Array.from({ length: count }, (_, i) => `[${before + i + 1}]`)
  const came = (): Set<string> =>
    new Set(
      rows().flatMap(({ topic, key }) => (topic.endsWith(tagTable) && Number(key.slice(1, -1)) > before ? [key] : [])),
    )
  // The reader of a topic, or the copy of a bucket, may be a little behind.
  await until('everything before the TRUNCATE has come', 20_000, () => {
    const now = came()
    return wanted.every((key) => now.has(key)) ? true : undefined
  }).catch(() =>
    failures.push(`before the TRUNCATE ${count} transactions committed, and came: ${[...came()].join(' ')}`),
  )
  for (const key of came()) if (!wanted.includes(key)) failures.push(`${key} came from behind the TRUNCATE`)
  return failures
}
