// Pages that stay open: through a slow server, a restart and another version, and for days.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../server/test-server.ts'
import { openBrowser, type TestBrowser } from './chromium.ts'
import { ConsolePage } from './console-page.ts'

const withinMs = 60_000

let server: TestServer
let browser: TestBrowser
let job = ''
before(async () => {
  server = await TestServer.start()
  browser = await openBrowser()
  await server.sql('CREATE TABLE t (id INT PRIMARY KEY, note STRING)')
  const [row] = await server.sql(`CREATE CHANGEFEED FOR t INTO 'null://'`)
  job = String(row?.['job_id'])
})
after(async () => {
  await browser[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

test('a live tail shortens long values, shows resolved timestamps apart, and goes on after a restart of the server', async () => {
  await using console = await ConsolePage.open(browser, server.httpPort)
  const { page } = console
  console.expectFailures('/api/')
  await console.visit(`/tail/${job}`, 'Live tail')
  await page
    .getByText(/^Resolved \d+\.\d{10}/)
    .first()
    .waitFor()
  await server.sql(`INSERT INTO t VALUES (1, repeat('long ', 1000) || 'end')`)
  const line = page.locator('.tail li', { hasText: 'long long' })
  await line.waitFor()
  assert.ok(!((await line.textContent()) ?? '').includes('end'))
  await line.getByRole('button', { name: /^Show all 5,\d\d\d characters/ }).click()
  assert.ok(((await line.textContent()) ?? '').includes('long end'))
  assert.equal(await page.locator('.tail li', { hasText: 'resolved' }).count(), 0)
  await page.locator('.resolved-strip summary').click()
  await console.check('tail-resolved')

  await server.kill()
  await page.locator('.badge', { hasText: 'reconnecting' }).waitFor({ timeout: withinMs })
  await page.getByRole('alert').getByText('The server does not answer.').waitFor({ timeout: withinMs })
  await console.check('tail-reconnecting')
  await server.restart()
  await page.locator('.badge', { hasText: 'flowing' }).waitFor({ timeout: withinMs })
  await page.getByText('The connection was broken: changes of the time until now are not shown.').waitFor()
  await page.getByRole('alert').waitFor({ state: 'detached', timeout: withinMs })
  await server.sql(`INSERT INTO t VALUES (2, 'after it')`)
  await page.locator('.tail li', { hasText: 'after it' }).waitFor({ timeout: withinMs })
  assert.equal(await line.count(), 1, 'what was there before is still there')
})

test('a slow server is called slow, until it answers', async () => {
  await using console = await ConsolePage.open(browser, server.httpPort)
  const { page } = console
  let isSlow = true
  await page.route('**/api/v1/overview', async (route) => {
    // The answer takes longer than the page waits before it says so.
    if (isSlow) await new Promise((resolve) => setTimeout(resolve, 6000))
    await route.continue()
  })
  await console.visit('/overview', 'Overview')
  await page.getByText('The server is slow to answer.').waitFor()
  await console.check('slow-server')
  isSlow = false
  await page.getByText('The server is slow to answer.').waitFor({ state: 'detached' })
  await page.getByRole('heading', { name: 'Sources' }).waitFor()
})

test('graphs are drawn however slow the server is, while their span moves on', async () => {
  await using console = await ConsolePage.open(browser, server.httpPort)
  const { page } = console
  let asked = 0
  await page.route('**/api/v1/series?*', async (route) => {
    asked += 1
    // The span of an hour moves on after ten seconds, and the answers take longer than that.
    await new Promise((resolve) => setTimeout(resolve, 13_000))
    await route.continue()
  })
  await console.visit('/metrics/changefeeds/cluster', 'Changefeeds')
  const status = page.locator('figure', { has: page.getByRole('heading', { name: 'Changefeed Status' }) })
  await status.locator('canvas').waitFor({ timeout: withinMs })
  assert.ok(asked <= 8, `${asked} requests for what is in sight`)
})

test('an error of PostgreSQL goes from a page soon after PostgreSQL answers, also where the page seldom asks', async () => {
  await using console = await ConsolePage.open(browser, server.httpPort)
  const { page } = console
  console.expectFailures('/api/')
  for (const [place, title, asked] of [
    [`/tail/${job}`, 'Live tail', `jobs/${job}`],
    ['/create', 'Create changefeed', 'tables?**'],
  ] as const) {
    let isLate = true
    await page.route(`**/api/v1/${asked}`, async (route) => {
      if (!isLate) return route.continue()
      isLate = false
      return route.fulfill({ status: 503, json: { error: 'PostgreSQL has not answered within 5 s' } })
    })
    await console.visit(place, title)
    const alert = page.getByRole('alert').getByText('PostgreSQL has not answered')
    await alert.waitFor()
    await alert.waitFor({ state: 'detached', timeout: 20_000 })
  }
})

test('a page of a former version asks to be reloaded', async () => {
  await using console = await ConsolePage.open(browser, server.httpPort)
  const { page } = console
  let isNewer = true
  await page.route(`http://localhost:${server.httpPort}/`, async (route) => {
    if (!isNewer || route.request().resourceType() === 'document') return route.continue()
    return route.fulfill({
      contentType: 'text/html',
      body: '<script type="module" src="./assets/index-other_1.js"></script>',
    })
  })
  await console.visit('/jobs', 'Jobs')
  await page.getByText('The server has become another version.').waitFor()
  await console.check('other-version')
  isNewer = false
  await page.getByRole('button', { name: 'Reload' }).click()
  await page.getByRole('heading', { level: 1, name: 'Jobs' }).waitFor()
  await page.getByText('The server has become another version.').waitFor({ state: 'detached' })
})

test('a dashboard that is open for hours keeps as much as one that was opened now', async () => {
  await using console = await ConsolePage.open(browser, server.httpPort)
  const { page } = console
  await page.clock.install()
  await console.visit('/metrics/changefeeds/cluster?range=10m', 'Changefeeds')
  const session = await page.context().newCDPSession(page)
  await session.send('Performance.enable')
  const measure = async (): Promise<Readonly<Record<string, number>>> => {
    await session.send('HeapProfiler.collectGarbage')
    const { metrics } = await session.send('Performance.getMetrics')
    return Object.fromEntries(metrics.map(({ name, value }) => [name, value]))
  }
  const rounds = async (many: number): Promise<void> => {
    for (let i = 0; i < many; i++) {
      const answered = page.waitForResponse('**/api/v1/series**')
      await page.clock.runFor(10_000)
      await answered
    }
  }
  await rounds(10)
  const before = await measure()
  // Ten minutes of its clock: each round replaces the points of all graphs in sight.
  await rounds(60)
  let now = await measure()
  const grown = (name: string): number => (now[name] ?? 0) - (before[name] ?? 0)
  // On a busy machine a page may be measured in the middle of drawing. What is kept for ever is still there after the next rounds.
  for (let i = 0; i < 5 && grown('JSEventListeners') >= 60; i++) {
    await rounds(1)
    now = await measure()
  }
  process.stdout.write(
    `after 60 rounds: ${grown('Nodes')} more nodes, ${Math.round(grown('JSHeapUsedSize') / 1024)} KiB more heap\n`,
  )
  assert.ok(grown('Nodes') < 200, `${grown('Nodes')} nodes`)
  assert.ok(grown('JSEventListeners') < 60, `${grown('JSEventListeners')} listeners`)
  assert.ok(grown('JSHeapUsedSize') < 3e6, `${grown('JSHeapUsedSize')} bytes`)
})

test('menus close with Escape and give the focus back, and with a click beside them', async () => {
  await using console = await ConsolePage.open(browser, server.httpPort)
  const { page } = console
  for (const [place, title, name, inside] of [
    ['/jobs', 'Jobs', 'Columns', 'User Name'],
    ['/metrics/changefeeds/cluster', 'Changefeeds', 'Custom', 'From (UTC)'],
  ] as const) {
    await console.visit(place, title)
    const summary = page.locator('summary', { hasText: name })
    await summary.click()
    await page.getByLabel(inside).focus()
    await page.keyboard.press('Escape')
    await page.getByLabel(inside).waitFor({ state: 'hidden' })
    assert.equal(await page.evaluate('document.activeElement.textContent'), name)
    await page.keyboard.press('Enter')
    await page.getByLabel(inside).waitFor()
    await page.getByRole('heading', { level: 1 }).click()
    await page.getByLabel(inside).waitFor({ state: 'hidden' })
  }
})

test('the list of jobs keeps its filters in the address, through a reload and back from a job', async () => {
  await using console = await ConsolePage.open(browser, server.httpPort)
  const { page } = console
  await console.visit('/jobs?page=x&size=7', 'Jobs')
  await page.getByText('1–1 of 1 job').waitFor()
  await page.getByLabel('Status').first().selectOption('running')
  await page.getByLabel('Type').selectOption('all')
  await page.getByLabel('Show').selectOption({ label: 'All' })
  await page.getByLabel('Per page').selectOption('50')
  await page.getByLabel('Search').fill('null')
  const same = async (): Promise<void> => {
    await page.getByText('1–1 of 1 job').waitFor()
    const values = ['Status', 'Type', 'Show', 'Search', 'Per page'].map((name) =>
      page.getByLabel(name).first().inputValue(),
    )
    assert.deepEqual(await Promise.all(values), ['running', 'all', 'all', 'null', '50'])
  }
  await same()
  await page.reload()
  await same()
  await page.locator('tbody a').first().click()
  await page.getByRole('heading', { level: 1, name: `Job ${job}` }).waitFor()
  await page.goBack()
  await same()
})
