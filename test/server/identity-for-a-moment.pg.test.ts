// Where a DBA prepares the source, the replica identity of a table may be another one for a moment. What PostgreSQL then leaves out of the
// rows is not guessed: the changefeeds that need it end by name, and the others go on.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { zeroHlc } from '../../src/core/hlc.ts'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { until } from '../support/until.ts'
import { prepared, startAttached } from './attached.ts'

const big = `(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 500) i)`

for (const version of [14, 18] as const)
  test(`PostgreSQL ${version}: rows without their old values, or without values stored out of line, end the changefeeds that need these`, async () => {
    await using attached = await startAttached({ version, ...prepared })
    const { server } = attached
    await server.sql(
      `CREATE TABLE small (id int PRIMARY KEY, v int); CREATE TABLE large (id int PRIMARY KEY, v int, big text); ${prepared.tableSql('small')}; ${prepared.tableSql('large')}`,
    )
    await server.sql(`INSERT INTO small VALUES (1, 1); INSERT INTO large VALUES (1, 1, ${big})`)
    const open = (sql: string): Promise<SinklessFeed> =>
      SinklessFeed.open(server, `CREATE CHANGEFEED FOR ${sql}resolved, initial_scan = 'no'`)
    await using plain = await open('small WITH ')
    await using diff = await open('small WITH diff, ')
    await using large = await open('large WITH ')
    for (const feed of [plain, diff, large]) await feed.resolvedPast(zeroHlc)
    await server.sql('ALTER TABLE small REPLICA IDENTITY DEFAULT')
    await server.sql('ALTER TABLE large REPLICA IDENTITY DEFAULT')
    await server.sql('UPDATE small SET v = 2')
    await server.sql('UPDATE large SET v = 2')
    await server.sql('ALTER TABLE small REPLICA IDENTITY FULL')
    await server.sql('ALTER TABLE large REPLICA IDENTITY FULL')
    await server.sql('UPDATE small SET v = 3')
    await server.sql('UPDATE large SET v = 3')
    await until('the last row', 20_000, async () => plain.texts.some((text) => text.includes('"v": 3')) || undefined)
    assert.deepEqual(
      plain.texts,
      [2, 3].map((v) => `small: [1]->{"after": {"id": 1, "v": ${v}}}`),
    )
    await Promise.all([diff.ended, large.ended])
    assert.deepEqual([...diff.texts, ...large.texts], [])
    assert.match(diff.error?.message ?? '', /previous values of a row of table "small" were not logged/)
    assert.match(
      large.error?.message ?? '',
      /row of table "large" is not complete: an out-of-line value .* was not logged/,
    )
  })
