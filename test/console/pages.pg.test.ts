// Every page of the console in a browser, over changefeeds that run.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import pg from 'pg'
import type { Locator } from 'playwright-core'
import { TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'
import { openBrowser, type TestBrowser } from './chromium.ts'
import { ConsolePage } from './console-page.ts'

const withinMs = 30_000

let server: TestServer
let browser: TestBrowser
let job = ''
let paused = ''

before(async () => {
  server = await TestServer.start()
  browser = await openBrowser()
  await server.sql('CREATE TABLE office_dogs (id INT PRIMARY KEY, name STRING)')
  await server.sql(`INSERT INTO office_dogs VALUES (1, 'Petee'), (2, 'Carl')`)
  const create = async (options: string): Promise<string> => {
    const [row] = await server.sql(`CREATE CHANGEFEED FOR office_dogs INTO 'null://me:hunter2@sink' WITH ${options}`)
    return String(row?.['job_id'])
  }
  job = await create(`updated, min_checkpoint_frequency = '1s'`)
  paused = await create('updated')
  await until('it has a high-water mark', withinMs, async () => ((await highWater(paused)) === '' ? undefined : true))
  await server.sql(`PAUSE JOB ${paused}`)
})
after(async () => {
  await browser[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

async function highWater(id: string): Promise<string> {
  const [row] = await server.sql(`SELECT high_water_timestamp::TEXT AS at FROM crdb_internal.jobs WHERE job_id = ${id}`)
  return String(row?.['at'] ?? '')
}

async function metric(line: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${server.httpPort}/_status/vars`)).text()
  const found = text.split('\n').find((one) => one.startsWith(`${line} `))
  return Number(found?.slice(line.length))
}

function figureOf({ page }: ConsolePage, name: string): Locator {
  return page.locator('.figure', { has: page.locator('dt', { hasText: name }) }).locator('dd')
}

test('every page opens at three widths, light and dark, without a fault that the browser or axe reports', async () => {
  await using console = await ConsolePage.open(browser, server.httpPort)
  const places = [
    ['/overview', 'Overview', 'overview'],
    ['/metrics/changefeeds/cluster', 'Changefeeds', 'dashboard'],
    ['/jobs', 'Jobs', 'jobs'],
    [`/jobs/${job}`, `Job ${job}`, 'job'],
    ['/tail', 'Live tail', 'tails'],
    [`/tail/${job}`, 'Live tail', 'tail'],
    ['/create', 'Create changefeed', 'create'],
    ['/debug', 'Advanced Debugging', 'debug'],
    ['/debug/chart', 'Custom Chart', 'chart'],
    ['/events', 'Events', 'events'],
  ] as const
  const looks = [
    { width: 1280, scheme: 'light' },
    { width: 1280, scheme: 'dark' },
    { width: 768, scheme: 'light' },
    { width: 768, scheme: 'dark' },
    { width: 390, scheme: 'light' },
    { width: 390, scheme: 'dark' },
  ] as const
  for (const [place, title, name] of places) {
    for (const look of looks) {
      await console.visit(place, title, look)
      await console.check(`${name}-${look.width}-${look.scheme}`)
    }
  }
})

test('the scripts of a page are small, and it is painted soon', async () => {
  await using console = await ConsolePage.open(browser, server.httpPort)
  let bytes = 0
  console.page.on('response', (response) => {
    if (response.url().endsWith('.js')) bytes += Number(response.headers()['content-length'] ?? 0)
  })
  await console.visit('/metrics/changefeeds/cluster', 'Changefeeds')
  await console.page.getByRole('heading', { name: 'Commit Latency' }).waitFor()
  assert.ok(bytes > 10_000 && bytes < 200_000, `${bytes} bytes of scripts`)
  const paint = await console.page.evaluate(
    `performance.getEntriesByType('paint').find((entry) => entry.name === 'first-contentful-paint')?.startTime ?? 0`,
  )
  process.stdout.write(`first paint after ${Math.round(Number(paint))} ms, ${bytes} bytes of scripts\n`)
  assert.ok(Number(paint) < 5000)
})

test('the numbers of the pages are those of SQL and of /_status/vars', async () => {
  await using console = await ConsolePage.open(browser, server.httpPort)
  await console.visit(`/jobs/${paused}`, `Job ${paused}`)
  const at = await highWater(paused)
  await console.page.getByText(at, { exact: true }).waitFor()
  const [row] = await server.sql(`SELECT description FROM [SHOW JOB ${paused}]`)
  assert.equal(await console.page.locator('pre.sql').textContent(), row?.['description'])
  assert.match(String(row?.['description']), /null:\/\/redacted@sink/)

  await console.visit('/overview', 'Overview')
  const running = await metric('changefeed_running')
  assert.match((await figureOf(console, 'Running jobs').textContent()) ?? '', new RegExp(`^${running} 1 paused`))
  assert.match((await figureOf(console, 'On connections').textContent()) ?? '', /^0 /)
  const written = await metric('changefeed_emitted_messages{message_type="row"}')
  assert.ok(written >= 2)
})

test('a changefeed on a connection is counted apart from those of jobs, and EXPLAIN is none', async () => {
  const client = new pg.Client({ host: 'localhost', port: server.sqlPort, user: 'root', database: 'defaultdb' })
  client.on('error', () => undefined)
  await client.connect()
  try {
    const ended = client.query('EXPERIMENTAL CHANGEFEED FOR office_dogs').catch(() => undefined)
    await using console = await ConsolePage.open(browser, server.httpPort)
    await console.visit('/overview', 'Overview')
    const onConnections = figureOf(console, 'On connections')
    await onConnections.filter({ hasText: /^1 / }).waitFor()
    const jobs = Number(((await figureOf(console, 'Running jobs').textContent()) ?? '').split(' ')[0])
    assert.equal(jobs + 1, await metric('changefeed_running'))
    await console.page.getByRole('heading', { name: 'Changefeeds on connections' }).waitFor()
    await client.end()
    await ended
    await onConnections.filter({ hasText: /^0 / }).waitFor()
  } finally {
    await client.end().catch(() => undefined)
  }
})

test('a job page has two lags, and says of each what it is', async () => {
  await using console = await ConsolePage.open(browser, server.httpPort)
  const { page } = console
  await console.visit(`/jobs/${job}`, `Job ${job}`)
  for (const [name, about] of [
    ['Emit Lag', /has been emitted/],
    ['Checkpoint Lag', /high-water timestamp/],
  ] as const) {
    const tip = page.locator('dt .tip', { hasText: name })
    await tip.focus()
    assert.match((await tip.getByRole('tooltip').textContent()) ?? '', about)
    assert.ok(await tip.getByRole('tooltip').isVisible())
  }
})

test('the tables of jobs and of the overview show all of their columns at every width, and no page is wider than its window', async () => {
  await using console = await ConsolePage.open(browser, server.httpPort)
  for (const [place, title] of [
    ['/jobs', 'Jobs'],
    ['/overview', 'Overview'],
    [`/jobs/${job}`, `Job ${job}`],
  ] as const)
    for (const width of [390, 768, 1280, 1600]) {
      await console.visit(place, title, { width })
      await console.page.locator('tbody tr, dl.facts').first().waitFor()
      const tip = console.page.locator('.tip').last()
      await tip.focus()
      await tip.getByRole('tooltip').waitFor()
      const cut = await console.page.evaluate(`[document.documentElement, ...document.querySelectorAll('.table-wrap')]
        .map((one) => one.scrollWidth - one.clientWidth)
        .filter((more) => more > 1)`)
      assert.deepEqual(cut, [], `${place} at ${width}`)
    }
})

test('pointing at a high-water timestamp shows the system time', async () => {
  await using console = await ConsolePage.open(browser, server.httpPort)
  await console.visit('/jobs', 'Jobs')
  const at = await highWater(paused)
  const mark = console.page.locator('.tip', { hasText: at })
  await mark.hover()
  const [row] = await server.sql(
    `SELECT to_char(to_timestamp(trunc(${at} / 1000000) / 1000) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS text`,
  )
  const shown = (await mark.getByRole('tooltip').textContent()) ?? ''
  assert.ok(shown.startsWith(String(row?.['text'])), `${shown} is not ${String(row?.['text'])}`)
  assert.ok(await mark.getByRole('tooltip').isVisible())
})

test('a job is paused, resumed and cancelled after a question, by the keyboard', async () => {
  const [made] = await server.sql(`CREATE CHANGEFEED FOR office_dogs INTO 'null://'`)
  const id = String(made?.['job_id'])
  await using console = await ConsolePage.open(browser, server.httpPort)
  const { page } = console
  await console.visit(`/jobs/${id}`, `Job ${id}`)
  const status = async (): Promise<string> =>
    String((await server.sql(`SELECT status FROM [SHOW JOB ${id}]`))[0]?.['status'])
  await page.getByRole('button', { name: 'Pause', exact: true }).focus()
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').waitFor()
  await console.check('confirm')
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  const focused = async (): Promise<string> => String(await page.evaluate('document.activeElement.textContent'))
  assert.equal(await focused(), 'Pause')
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: 'Keep it as it is' }).click()
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  assert.equal(await focused(), 'Pause')
  assert.equal(await status(), 'running')
  for (const [verb, action, next] of [
    ['Pause', 'Pause job', 'paused'],
    ['Resume', 'Resume job', 'running'],
    ['Cancel', 'Cancel job', 'canceled'],
  ] as const) {
    await page.getByRole('button', { name: verb, exact: true }).click()
    await page.getByRole('button', { name: action, exact: true }).click()
    await page.locator('.badge', { hasText: next }).first().waitFor()
    await until(`the job is ${next}`, withinMs, async () => ((await status()) === next ? true : undefined))
  }
})

test('a live tail shows changes with key, value and updated, and resolved timestamps, and ends with its page', async () => {
  const console = await ConsolePage.open(browser, server.httpPort)
  try {
    await console.visit(`/tail/${job}`, 'Live tail')
    await console.page
      .locator('.resolved-strip', { hasText: 'Resolved' })
      .getByText(/^\d+\.\d{10}$/)
      .first()
      .waitFor()
    await server.sql(`UPSERT INTO office_dogs VALUES (3, 'Ernie')`)
    const line = console.page.locator('.tail li', { hasText: '"name": "Ernie"' })
    await line.waitFor()
    assert.match((await line.textContent()) ?? '', /office_dogs \[3\].*"updated": "\d+\.\d{10}"/)
    await console.check('tail-flowing')
  } finally {
    await console[Symbol.asyncDispose]()
  }
  await until('the changefeed of the tail has ended', withinMs, async () => {
    const rows = await server.sql(`SELECT query FROM [SHOW QUERIES] WHERE query LIKE 'EXPERIMENTAL CHANGEFEED%'`)
    return rows.length === 0 ? true : undefined
  })
})

test('the form writes a statement, says what is wrong with it, and runs it after a question', async () => {
  await using console = await ConsolePage.open(browser, server.httpPort)
  const { page } = console
  await console.visit('/create', 'Create changefeed')
  await page.getByRole('checkbox', { name: 'office_dogs' }).check()
  console.expectFailures('/changefeeds/check')
  await page.getByLabel('URI', { exact: true }).fill('nosuch://x')
  await page.getByRole('alert').waitFor()
  assert.ok(await page.getByRole('button', { name: 'Create changefeed' }).isDisabled())
  await page.getByLabel('URI', { exact: true }).fill('null://')
  await page.getByText('What the server says about it').waitFor()
  await page.getByText('an initial scan and changes as json').waitFor()
  await console.check('create-checked')
  await page.getByRole('button', { name: 'Create changefeed' }).click()
  const [dialog, statement] = [
    page.getByRole('dialog'),
    `CREATE CHANGEFEED FOR TABLE office_dogs INTO 'null://' WITH updated, resolved`,
  ]
  assert.equal(((await dialog.locator('pre').textContent()) ?? '').replaceAll('\n', ' '), statement)
  await dialog.getByRole('button', { name: 'Run it' }).click()
  await page.getByRole('heading', { level: 1, name: 'Changefeed created' }).waitFor()
  const text = (await page.getByRole('status').textContent()) ?? ''
  const [row] = await server.sql(`SELECT description FROM [SHOW JOB ${/Job (\d+)/.exec(text)?.[1]}]`)
  assert.equal(
    row?.['description'],
    `CREATE CHANGEFEED FOR TABLE office_dogs INTO 'null:' WITH OPTIONS (resolved, updated)`,
  )
})

test('a custom chart is made as the guide says, and its address brings it back', async () => {
  await using console = await ConsolePage.open(browser, server.httpPort)
  const { page } = console
  await console.visit('/debug', 'Advanced Debugging')
  await page.getByRole('link', { name: 'Custom TimeSeries Chart' }).click()
  await page.getByRole('button', { name: 'Add Chart' }).click()
  await page.getByLabel('Metric Name').fill('changefeed.error_retries')
  await page.getByLabel('Downsampler').selectOption({ label: 'MAX' })
  await page.getByLabel('Aggregator').selectOption({ label: 'SUM' })
  await page.getByLabel('Rate').selectOption({ label: 'Non-negative Rate' })
  await page.getByRole('heading', { name: 'changefeed.error_retries' }).waitFor()
  await page.getByLabel('Per Node').check()
  await page.getByRole('button', { name: 'Add Metric' }).click()
  assert.equal(await page.getByLabel('Metric Name').count(), 2)
  await page.getByRole('button', { name: 'Remove Metric' }).last().click()
  await console.check('chart-made')
  const address = page.url()
  await page.goto('about:blank')
  await page.goto(address)
  await page.getByRole('heading', { name: 'changefeed.error_retries' }).waitFor()
  assert.equal(await page.getByLabel('Downsampler').inputValue(), 'max')
  assert.equal(await page.getByLabel('Per Node').isChecked(), true)
  await page.getByRole('button', { name: 'Remove Chart' }).click()
  await page.getByText('No chart yet').waitFor()
})
