// What the console shows where there is nothing, and where something does not work.

import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'
import { openBrowser, type TestBrowser } from './chromium.ts'
import { ConsolePage } from './console-page.ts'

const withinMs = 60_000

let server: TestServer
let browser: TestBrowser
before(async () => {
  server = await TestServer.start()
  browser = await openBrowser()
})
after(async () => {
  await browser[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

/** Answers every request with the status that `now` has. */
async function hook(now: { status: number }): Promise<{ readonly server: Server; readonly port: number }> {
  const web = createServer((request, response) => {
    request.resume()
    request.on('end', () => {
      response.statusCode = now.status
      response.end()
    })
  })
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve))
  return { server: web, port: (web.address() as AddressInfo).port }
}

test('an empty server says what to do first, on every page', async () => {
  await using console = await ConsolePage.open(browser, server.httpPort)
  const { page } = console
  for (const [place, title, text] of [
    ['/overview', 'Overview', 'No changefeed runs yet'],
    ['/jobs', 'Jobs', 'There are no jobs'],
    ['/tail', 'Live tail', 'There is no changefeed to follow'],
    ['/create', 'Create changefeed', 'There is no table in this database.'],
    ['/events', 'Events', 'Nothing has happened yet.'],
    ['/metrics/changefeeds/cluster', 'Changefeeds', 'Commit Latency'],
    ['/debug/chart', 'Custom Chart', 'No chart yet'],
    ['/nowhere', 'Nothing here', 'To the overview'],
  ] as const) {
    await console.visit(place, title)
    await page.getByText(text).first().waitFor()
    await console.check(`empty${place.replaceAll('/', '-')}`)
  }
  console.expectFailures('/jobs/1')
  await console.visit('/jobs/1', 'Job 1')
  await page.getByText('job with ID 1 does not exist').waitFor()
})

test('a sink that refuses is the first thing to see, with what to do, until it takes messages again', async () => {
  const now = { status: 200 }
  const web = await hook(now)
  await server.sql('CREATE TABLE t (id INT PRIMARY KEY)')
  const [row] = await server.sql(
    `CREATE CHANGEFEED FOR t INTO 'webhook-http://127.0.0.1:${web.port}/?insecure_plain_http=true' WITH min_checkpoint_frequency = '1s', webhook_sink_config = '{"Retry": {"Max": 1, "Backoff": "10ms"}}'`,
  )
  const id = String(row?.['job_id'])
  await using console = await ConsolePage.open(browser, server.httpPort)
  const { page } = console
  try {
    now.status = 500
    await server.sql('INSERT INTO t VALUES (1)')
    await until('the job is tried again', withinMs, async () => {
      const [job] = await server.sql(`SELECT running_status AS now FROM [SHOW JOB ${id}]`)
      return String(job?.['now']).startsWith('transient error') ? true : undefined
    })
    await console.visit('/overview', 'Overview')
    const first = page.locator('.attention li').first()
    await first.getByRole('heading', { name: `Job ${id} tries again and again` }).waitFor()
    await console.check('broken-sink-overview')
    await first.getByRole('link', { name: 'To the job' }).click()
    await page.getByRole('heading', { level: 1, name: `Job ${id}` }).waitFor()
    await page.getByText('It tries again and again').waitFor()
    assert.match((await page.getByRole('alert').textContent()) ?? '', /500/)
    await page.locator('.badge', { hasText: 'retrying' }).first().waitFor()
    await console.check('broken-sink-job')
    now.status = 200
    await page.getByRole('alert').waitFor({ state: 'detached', timeout: withinMs })
    await page.locator('.badge', { hasText: 'running' }).first().waitFor()
  } finally {
    web.server.close()
    web.server.closeAllConnections()
    await server.sql(`CANCEL JOB ${id}`)
  }
})

test('a job that failed shows its error and what to do', async () => {
  await server.sql('CREATE TABLE gone (id INT PRIMARY KEY)')
  const [row] = await server.sql(`CREATE CHANGEFEED FOR gone INTO 'null://'`)
  const id = String(row?.['job_id'])
  await server.sql('TRUNCATE gone')
  await until('it has failed', withinMs, async () => {
    const [job] = await server.sql(`SELECT status FROM [SHOW JOB ${id}]`)
    return job?.['status'] === 'failed' ? true : undefined
  })
  await using console = await ConsolePage.open(browser, server.httpPort)
  await console.visit(`/jobs/${id}`, `Job ${id}`)
  const [job] = await server.sql(`SELECT error FROM [SHOW JOB ${id}]`)
  const text = (await console.page.getByRole('alert').textContent()) ?? ''
  assert.ok(text.includes(String(job?.['error'])), text)
  assert.match(text, /What to do: .*CREATE CHANGEFEED anew/)
  for (const [place, title] of [
    ['/overview', 'Overview'],
    ['/jobs', 'Jobs'],
  ] as const) {
    await console.visit(place, title)
    const hint = console.page.getByText(/^What to do: .*CREATE CHANGEFEED anew/).first()
    await hint.waitFor()
    assert.ok(!((await hint.textContent()) ?? '').includes(String(job?.['error'])), 'the hint is apart from the error')
  }
  await console.visit(`/jobs/${id}`, `Job ${id}`)
  await console.page.getByRole('alert').waitFor()
  assert.equal(await console.page.getByRole('button', { name: 'Pause', exact: true }).count(), 0)
  await console.check('failed-job')
})

test('while the server is down the page says so, and it goes on by itself when it is back', async () => {
  await using console = await ConsolePage.open(browser, server.httpPort)
  console.expectFailures('/api/')
  await console.visit('/overview', 'Overview')
  await console.page.getByRole('heading', { name: 'Sources' }).waitFor()
  await server.kill()
  await console.page.getByRole('alert').getByText('The server does not answer.').waitFor({ timeout: withinMs })
  await console.page.getByRole('heading', { name: 'Sources' }).waitFor()
  await server.restart()
  await console.page.getByRole('alert').waitFor({ state: 'detached', timeout: withinMs })
})
