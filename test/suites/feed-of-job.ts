// What a changefeed that is a job promises when it is paused, resumed, cancelled, or its server is killed.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { zeroHlc } from '../../src/core/hlc.ts'
import { JobFeed } from '../feed/job-feed.ts'
import { until } from '../support/until.ts'
import type { FeedSuiteContext } from './feed-kit.ts'

const withinMs = 30_000

export function feedOfJob({ kit, world }: FeedSuiteContext): void {
  const { skip = false } = kit

  async function open(table: string): Promise<JobFeed> {
    const feed = await world().open(table, 'updated, resolved')
    assert.ok(feed instanceof JobFeed)
    return feed
  }

  /** Rows `[1]` to `[count]` are there; some may have come more than once. */
  async function hasAll(feed: JobFeed, count: number): Promise<void> {
    await until(`rows 1 to ${count}`, withinMs, () =>
      new Set(feed.rows.map(({ key }) => key)).size === count ? true : undefined,
    )
  }

  test('what is written while a job is paused arrives when it is resumed', { skip }, async () => {
    const t = await world().table('a INT PRIMARY KEY', '(1)')
    await using feed = await open(t)
    await feed.row(1)
    await feed.job.pause()
    assert.equal((await feed.status()).status, 'paused')
    await world().sql(`INSERT INTO ${t} VALUES (2), (3)`)
    await feed.job.resume()
    await hasAll(feed, 3)
    await world().sql(`INSERT INTO ${t} VALUES (4)`)
    await hasAll(feed, 4)
  })

  test('a job that is cancelled is over, and sends nothing of what is written later', { skip }, async () => {
    const t = await world().table('a INT PRIMARY KEY', '(1)')
    await using feed = await open(t)
    await feed.row(1)
    await feed.job.cancel()
    await feed.ended
    assert.equal((await feed.status()).status, 'canceled')
    await world().sql(`INSERT INTO ${t} VALUES (2)`)
    await using next = await open(t)
    await hasAll(next, 2)
    await feed.drained()
    assert.deepEqual(
      feed.rows.map(({ key }) => key),
      ['[1]'],
    )
  })

  test('a job whose server is killed loses nothing and goes on by itself', { skip }, async () => {
    const t = await world().table('a INT PRIMARY KEY', '(1)')
    await using feed = await open(t)
    await feed.resolvedPast(zeroHlc)
    await world().sql(`INSERT INTO ${t} SELECT generate_series(2, 500)`)
    await world().server.kill()
    await world().server.restart()
    await world().sql(`INSERT INTO ${t} SELECT generate_series(501, 1000)`)
    await hasAll(feed, 1000)
    assert.equal((await feed.status()).status, 'running')
  })
}
