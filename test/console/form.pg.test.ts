// The form of a new changefeed: what it shows, what it refuses, and how it learns that something was cured elsewhere.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { DraftAnswer } from '../../src/server/api/answers.ts'
import { TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'
import { openBrowser, type TestBrowser } from './chromium.ts'
import { ConsolePage } from './console-page.ts'

const withinMs = 30_000

let server: TestServer
let browser: TestBrowser
before(async () => {
  server = await TestServer.start()
  browser = await openBrowser()
  await server.sql('CREATE TABLE orders (id INT PRIMARY KEY)')
  await server.sql('CREATE TABLE odd (id INT PRIMARY KEY, __crdb__updated INT)')
})
after(async () => {
  await browser[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

async function draft(body: object): Promise<DraftAnswer> {
  const headers = { 'x-changefeed-console': '1' }
  const address = `http://127.0.0.1:${server.httpPort}/api/v1/form`
  const response = await fetch(address, { method: 'POST', headers, body: JSON.stringify(body) })
  const answer = (await response.json()) as DraftAnswer
  assert.equal(response.status, 200, JSON.stringify(answer))
  return answer
}

async function allowChangefeeds(isAllowed: boolean): Promise<void> {
  await server.sql(`SET CLUSTER SETTING feature.changefeed.enabled = ${isAllowed}`)
}

test('what was cured elsewhere is seen after a click on Check again, and by who comes back to the page', async () => {
  await allowChangefeeds(false)
  await using console = await ConsolePage.open(browser, server.httpPort)
  const { page } = console
  let checks = 0
  page.on('request', (request) => (checks += request.url().endsWith('/changefeeds/check') ? 1 : 0))
  await console.visit('/create', 'Create changefeed')
  await page.getByRole('checkbox', { name: 'orders' }).check()
  await page.getByLabel('URI', { exact: true }).fill('null://')
  const [failure, create] = [
    page.locator('.checks .badge.bad').first(),
    page.getByRole('button', { name: 'Create changefeed' }),
  ]
  await failure.waitFor()
  await console.check('create-failure')
  assert.ok(await create.isDisabled())

  await allowChangefeeds(true)
  await page.getByRole('button', { name: 'Check again' }).click()
  await failure.waitFor({ state: 'detached' })
  await until('the form lets it run', withinMs, async () => ((await create.isEnabled()) ? true : undefined))

  await allowChangefeeds(false)
  await server.sql('CREATE TABLE later (id INT PRIMARY KEY)')
  // The page takes no heed of who went away for less than three seconds.
  await page.waitForTimeout(3200)
  const before = checks
  for (let i = 0; i < 20; i++) await page.evaluate(`window.dispatchEvent(new Event('focus'))`)
  await failure.waitFor()
  await page.getByRole('checkbox', { name: 'later' }).waitFor()
  assert.equal(checks - before, 1)
  await allowChangefeeds(true)
})

test('an option that the sink or the format refuses cannot be chosen, and says why in the words of the statement', async () => {
  await using console = await ConsolePage.open(browser, server.httpPort)
  const { page } = console
  console.expectFailures('/changefeeds/check')
  await console.visit('/create', 'Create changefeed')
  await page.getByLabel('URI', { exact: true }).fill('webhook-https://hook.example')
  await page.getByText('All options').click()
  await page.getByText('Not now: this sink is incompatible with option kafka_sink_config').waitFor()
  const kafka = page.getByRole('checkbox', { name: 'kafka_sink_config' })
  assert.ok(await kafka.isDisabled())
  await page.getByRole('checkbox', { name: /^format/ }).check()
  const avro = page.getByLabel('Value of format').locator('option[value=avro]')
  await until('avro is refused', withinMs, async () => ((await avro.isDisabled()) ? true : undefined))
  await console.check('create-refused-options')
  // With a sink that takes it, it can be chosen; what it refuses can be taken away, and says so.
  await page.getByLabel('URI', { exact: true }).fill('kafka://localhost:9092')
  await until('avro is taken', withinMs, async () => ((await avro.isEnabled()) ? true : undefined))
  await until('the sink takes its option', withinMs, async () => ((await kafka.isEnabled()) ? true : undefined))
  await page.getByRole('checkbox', { name: 'key_in_value' }).check()
  await page.getByLabel('Value of format').selectOption('avro')
  await page.getByText('Does not fit: key_in_value is not supported with format=avro').first().waitFor()
  assert.ok(await page.getByRole('checkbox', { name: 'key_in_value' }).isEnabled())
  assert.ok(await page.getByRole('checkbox', { name: 'confluent_schema_registry' }).isEnabled())
})

test('a table can refuse an option, too', async () => {
  const asked = { sink: 'nodelocal://1/files', options: { format: 'parquet' } }
  const updated = async (tables: readonly string[]): Promise<string | null | undefined> =>
    (await draft({ ...asked, tables })).options.find(({ name }) => name === 'updated')?.reason
  assert.equal(await updated(['orders']), null)
  assert.match(String(await updated(['orders', 'odd'])), /__crdb__updated/)
  assert.equal(await updated(['nowhere']), null)
})

test('no secret stands in the statement that is shown', async () => {
  for (const [sink, options] of [
    ['kafka://h?sasl_enabled=true&sasl_user=u&sasl_password=hunter2', {}],
    ['kafka://h?client_key=hunter2', {}],
    ['s3://bucket/path?AWS_ACCESS_KEY_ID=u&AWS_SECRET_ACCESS_KEY=hunter2', {}],
    ['azure-blob://box?AZURE_ACCOUNT_NAME=u&AZURE_ACCOUNT_KEY=hunter2', {}],
    ['gs://bucket?AUTH=specified&CREDENTIALS=hunter2', {}],
    ['webhook-https://me:hunter2@hook.example/x', {}],
    ['webhook-https://hook.example/hunter2', { webhook_auth_header: `Basic 'hunter2'` }],
    ['kafka://h', { format: 'avro', confluent_schema_registry: 'https://me:hunter2@registry.example' }],
    ['kafka://h', { extra_headers: '{"X-Key": "hunter2"}' }],
    ['s3://bucket/path?AWS_ACCESS_KEY_ID=u&AWS_SECRET_ACCES_KEY=hunter2', {}],
    ['kafka://h?sasl_passwrod=hunter2', {}],
    ['azure-blob://box?AZURE_ACCOUNT_NAME=u&sig=hunter2', {}],
    ['webhook-https://hook.example', { webhook_auth_hedder: 'Basic hunter2' }],
    ['kafka://u:hunter2@h', { '"x /*': '' }],
    // The word that stands for secrets in the secret itself.
    ['s3://bucket/path?AWS_SECRET_ACCESS_KEY=redacted-hunter2', {}],
  ] as const) {
    const { statement, shown, hasSecrets } = await draft({ tables: [], sink, options })
    assert.ok(statement.includes('hunter2'), statement)
    assert.ok(hasSecrets && !shown.includes('hunter2'), shown)
  }
  const plain = await draft({ tables: ['orders'], sink: 'null://', options: { updated: '' } })
  assert.deepEqual([plain.shown, plain.hasSecrets], [plain.statement, false])
  const bad = await fetch(`http://127.0.0.1:${server.httpPort}/api/v1/form`, {
    method: 'POST',
    headers: { 'x-changefeed-console': '1' },
    body: '{"tables": "orders"}',
  })
  assert.equal(bad.status, 400)
  const named = await draft({ tables: ['"t /*"', 'public."a "" b"'], sink: 'kafka://u:hunter2@h', options: {} })
  assert.ok(named.hasSecrets && !named.shown.includes('hunter2'), named.shown)
  for (const table of ['t /*', '"t /*', 't; SELECT 1', '']) {
    const answer = await fetch(`http://127.0.0.1:${server.httpPort}/api/v1/form`, {
      method: 'POST',
      headers: { 'x-changefeed-console': '1' },
      body: JSON.stringify({ tables: [table], sink: 'kafka://u:hunter2@h', options: {} }),
    })
    const text = await answer.text()
    assert.deepEqual([answer.status, text.includes('hunter2')], [400, false], text)
  }
})

test('secrets are on the page only after a click, and the statement runs and is copied with them', async () => {
  await browser.context.grantPermissions(['clipboard-read', 'clipboard-write'])
  await using console = await ConsolePage.open(browser, server.httpPort)
  const { page } = console
  await console.visit('/create', 'Create changefeed')
  await page.getByRole('checkbox', { name: 'orders' }).check()
  await page.getByLabel('URI', { exact: true }).fill('null://me:hunter2@sink')
  const text = page.locator('pre.sql').first()
  await text.getByText('null://redacted@sink').waitFor()
  assert.ok(!String(await page.evaluate('document.body.innerText')).includes('hunter2'))
  await console.check('create-secrets')
  await page.getByRole('button', { name: 'Copy with secrets' }).click()
  assert.match(String(await page.evaluate('navigator.clipboard.readText()')), /INTO 'null:\/\/me:hunter2@sink'/)
  await page.getByRole('button', { name: 'Show secrets' }).click()
  await text.getByText('null://me:hunter2@sink').waitFor()
  await page.getByRole('button', { name: 'Hide secrets' }).click()
  await page.getByRole('button', { name: 'Create changefeed' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('null://redacted@sink').waitFor()
  await dialog.getByRole('button', { name: 'Run it' }).click()
  await page.getByRole('heading', { level: 1, name: 'Changefeed created' }).waitFor()
})
