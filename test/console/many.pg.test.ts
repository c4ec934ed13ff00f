// Much to show: 500 jobs, and a week of data points.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { writeBlock } from '../../src/metrics/points/block.ts'
import { Hour } from '../../src/metrics/points/hour.ts'
import { hourMs, keyText, slotMs, slotsPerHour } from '../../src/metrics/points/series-key.ts'
import { TestServer } from '../server/test-server.ts'
import { openBrowser, type TestBrowser } from './chromium.ts'
import { ConsolePage } from './console-page.ts'

const jobs = 500
const weekHours = 7 * 24

let server: TestServer
let browser: TestBrowser
before(async () => {
  server = await TestServer.start()
  await server.sql('CREATE TABLE t (id INT PRIMARY KEY)')
  await server.sql(`CREATE CHANGEFEED FOR t INTO 'null://'`)
  // Jobs that are over look the same on the page, and cost the machine nothing.
  await server.sql(
    `INSERT INTO changefeed.jobs (job_id, description, user_name, status, created, started, finished, modified, error, payload, progress, high_water)
     SELECT i, 'CREATE CHANGEFEED FOR TABLE t INTO ''kafka://broker-' || i || '.example:9092'' WITH OPTIONS (updated)', 'root',
       (ARRAY['succeeded', 'failed', 'canceled'])[1 + i % 3], now() - i * interval '1 minute', now(), now(), now(),
       CASE WHEN i % 3 = 1 THEN 'table "t" was dropped' ELSE '' END, payload, progress, high_water
     FROM changefeed.jobs, generate_series(1, ${jobs - 1}) i`,
    'system',
  )
  await server.kill()
  await writeWeek(join(server.storeDir, 'metrics'))
  await server.restart()
  browser = await openBrowser()
})
after(async () => {
  await browser[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

/** Points of every ten seconds of the week before this hour: 40 running changefeeds, 100 messages in a second. */
async function writeWeek(dir: string): Promise<void> {
  const now = Math.floor(Date.now() / hourMs)
  const key = (name: string): string => keyText({ name, of: 'cluster', id: '' })
  for (let number = now - weekHours; number < now; number++) {
    const hour = new Hour(number)
    for (let slot = 0; slot < slotsPerHour; slot++) {
      const seconds = ((number - now + weekHours) * hourMs + slot * slotMs) / 1000
      hour.set(
        slot,
        new Map([
          [key('changefeed.running'), 40],
          [key('changefeed.emitted_messages'), seconds * 100],
          [key('changefeed.commit_latency-p99'), (50 + 40 * Math.sin(seconds / 7000)) * 1e6],
          [key('changefeed.max_behind_nanos'), (3 + Math.sin(seconds / 9000)) * 1e9],
        ]),
      )
    }
    await writeBlock(join(dir, `${number}.points`), hour)
  }
}

test('500 jobs are filtered, searched and turned over by pages, and all of them scroll', async () => {
  await using console = await ConsolePage.open(browser, server.httpPort)
  const { page } = console
  await console.visit('/jobs', 'Jobs')
  await page.getByText('1–20 of 50 jobs (500 in all)').waitFor()
  await page.getByLabel('Show').selectOption({ label: 'All' })
  await page.getByText('1–20 of 500 jobs').waitFor()
  await page.getByRole('button', { name: 'Next' }).click()
  await page.getByText('21–40 of 500 jobs').waitFor()
  const failed = await server.sql(`SELECT count(*)::INT AS n FROM crdb_internal.jobs WHERE status = 'failed'`)
  await page.getByLabel('Status').first().selectOption('failed')
  await page.getByText(`1–20 of ${String(failed[0]?.['n'])} jobs`).waitFor()
  await page.getByLabel('Status').first().selectOption('')
  await page.getByLabel('Search').fill('broker-77.')
  await page.getByText('1–1 of 1 job').waitFor()
  await page.getByLabel('Search').fill('')
  await page.getByLabel('Per page').selectOption('500')
  await page.getByText('1–500 of 500 jobs').waitFor()
  assert.equal(await page.locator('tbody tr').count(), jobs)
  await console.check('jobs-500')
  // The longest pause between two frames while it scrolls through all of them.
  const pause = await page.evaluate(`new Promise((resolve) => {
    let last = performance.now(), most = 0, frames = 0
    const step = (now) => {
      most = Math.max(most, now - last)
      last = now
      window.scrollBy(0, 400)
      if (++frames < 120) requestAnimationFrame(step)
      else resolve(most)
    }
    requestAnimationFrame(step)
  })`)
  process.stdout.write(`the longest pause of 120 frames over ${jobs} jobs: ${Math.round(Number(pause))} ms\n`)
  assert.ok(Number(pause) < 2000)
})

test('a week of data points is drawn, its values are those that were kept, and a span of it can be chosen', async () => {
  await using console = await ConsolePage.open(browser, server.httpPort)
  const { page } = console
  await console.visit('/metrics/changefeeds/cluster?range=7d', 'Changefeeds')
  const counts = page.locator('figure', { has: page.getByRole('heading', { name: 'Sink Counts' }) })
  await counts.getByText('Messages').waitFor()
  const plot = counts.locator('.u-over')
  await plot.hover({ position: { x: 120, y: 60 } })
  const tooltip = counts.locator('.tooltip')
  await tooltip.waitFor()
  assert.match(
    (await tooltip.textContent()) ?? '',
    /^\d\d:\d\d:\d\d on \w{3} \d+(?:st|nd|rd|th), \d{4}Messages100\/sFlushesno data$/,
  )
  // The other graphs follow the cursor.
  const other = page.locator('figure', { has: page.getByRole('heading', { name: 'Changefeed Status' }) })
  assert.notEqual(await other.locator('.u-cursor-x').evaluate((line) => line.style.transform), '')
  await console.check('dashboard-week')

  const box = await plot.boundingBox()
  assert.ok(box !== null)
  await page.mouse.move(box.x + 60, box.y + 50)
  await page.mouse.down()
  await page.mouse.move(box.x + 160, box.y + 50, { steps: 5 })
  await page.mouse.up()
  await page.waitForURL(/from=\d+&to=\d+/)
  const address = page.url()
  await page.goto('about:blank')
  await page.goto(address)
  await page.getByText(/\d on \w{3} \d+\w\w, \d{4} – \d/).waitFor()
  await page.getByRole('button', { name: 'Previous time range' }).click()
  await page.getByRole('button', { name: 'Now', exact: true }).click()
  await page.waitForURL((url) => !url.hash.includes('from='))
})
