// The API of a server beside a PostgreSQL with passwords: who logs in, what a role sees and may do, and what pages of other sites cannot.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { request, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { startAttached, type Attached } from '../server/attached.ts'
import { continueProcesses, stopProcesses } from '../support/stop-processes.ts'
import { until } from '../support/until.ts'
import { openBrowser } from './chromium.ts'
import { ConsolePage } from './console-page.ts'

const own = { 'x-changefeed-console': '1' }

let attached: Attached
let job = ''
before(async () => {
  // The server's own role may have its password in the environment, which is no password of anybody who logs in.
  process.env['PGPASSWORD'] = 'of ann'
  attached = await startAttached({
    auth: 'scram-sha-256',
    sql: `CREATE ROLE ann LOGIN PASSWORD 'of ann'; CREATE ROLE bob LOGIN PASSWORD 'of bob';
      CREATE TABLE orders (id int PRIMARY KEY, note text); INSERT INTO orders VALUES (1, 'first');
      CREATE TABLE hidden (id int PRIMARY KEY); GRANT SELECT ON orders TO ann`,
  })
  const { server } = attached
  const [row] = await server.sql(`CREATE CHANGEFEED FOR hidden INTO 'null://'`)
  job = String(row?.['job_id'])
})
after(() => attached[Symbol.asyncDispose]())

interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
  readonly headers: IncomingMessage['headers']
}

interface Asked {
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: object
}

function ask(path: string, { method = 'GET', headers = {}, body }: Asked = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: attached.server.httpPort, path: `/api/v1/${path}`, method, headers }
    const sent = request(options, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (text += chunk))
      response.on('end', () => {
        const read = text.startsWith('{') ? (JSON.parse(text) as Answer['body']) : { text }
        resolve({ status: response.statusCode ?? 0, body: read, headers: response.headers })
      })
    })
    sent.on('error', reject)
    sent.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

async function login(user: string, password: string): Promise<Answer> {
  return ask('login', { method: 'POST', headers: own, body: { user, password, database: 'app' } })
}

/** The headers of a session. */
async function sessionOf(user: string): Promise<Readonly<Record<string, string>>> {
  const { status, headers, body } = await login(user, `of ${user}`)
  assert.equal(status, 200, JSON.stringify(body))
  const [cookie = ''] = headers['set-cookie'] ?? []
  assert.match(cookie, /; HttpOnly; SameSite=Strict/)
  return { ...own, cookie: cookie.split(';')[0] ?? '' }
}

test('without a login there is an answer to who is logged in, and to nothing else', async () => {
  const { status, body } = await ask('session')
  assert.equal(status, 200)
  assert.deepEqual([body['needsLogin'], body['user']], [true, undefined])
  for (const path of [
    'overview',
    'jobs',
    `jobs/${job}`,
    'events',
    'tables',
    'metrics',
    'series?name=changefeed.running',
  ])
    assert.equal((await ask(path)).status, 401, path)
  assert.equal((await ask(`jobs/${job}/messages`, { headers: own })).status, 401)
})

test('who gives no password does not get in with that of the server itself', async () => {
  const { status, body } = await login('ann', '')
  assert.deepEqual([status, body['error']], [401, 'PostgreSQL asks for the password of role ann'])
  for (const given of [
    { user: '', password: '' },
    { user: 'ann', password: '', database: '' },
  ])
    assert.equal((await ask('login', { method: 'POST', headers: own, body: given })).status, 400)
  // A right one forgets the wrong ones.
  await sessionOf('ann')
})

test('a wrong password is refused in the words of PostgreSQL, and after five of them nobody asks it any more', async () => {
  for (let i = 0; i < 5; i++) {
    const { status, body } = await login('eve', 'guess')
    assert.equal(status, 401)
    assert.match(String(body['error']), /password authentication failed for user "eve"/)
  }
  const { status, body, headers } = await login('eve', 'guess')
  assert.equal(status, 429)
  assert.match(String(body['error']), /^too many failed logins: try again in \d+ s$/)
  assert.match(String(headers['retry-after']), /^\d+$/)
  // The test is at one address: it has to wait until the others are let in again.
  await new Promise((resolve) => setTimeout(resolve, 1000 * Number(headers['retry-after'])))
})

test('a role sees and controls what it may by SQL, and its session ends with its logging out', async () => {
  const [ann, bob] = [await sessionOf('ann'), await sessionOf('bob')]
  assert.equal((await ask('session', { headers: ann })).body['user'], 'ann')
  assert.deepEqual((await ask('jobs', { headers: ann })).body['jobs'], [])
  assert.equal((await ask(`jobs/${job}`, { headers: ann })).status, 404)
  const span = `from=${Date.now() - 60_000}&to=${Date.now() + 10_000}`
  const lags = `series?name=changefeed.checkpoint_lag&of=job&${span}`
  const points = async (role: typeof ann, query = lags): Promise<readonly unknown[]> => {
    const { status, body } = await ask(query, { headers: role })
    assert.equal(status, 200, JSON.stringify(body))
    return (body['answers'] as readonly { readonly series: readonly unknown[] }[])[0]?.series ?? []
  }
  await attached.postgres.sql(`CREATE ROLE chief SUPERUSER LOGIN PASSWORD 'of chief'`)
  const chief = await sessionOf('chief')
  await until('a point of the job', 30_000, async () => (await points(chief)).length > 0 || undefined)
  assert.deepEqual(await points(ann), [], 'no points of the jobs of others')
  assert.deepEqual(await points(ann, `series?name=changefeed.checkpoint_lag&${span}`), [])
  assert.equal((await ask(`${lags}&id=${job}`, { headers: ann })).body['error'], `job with ID ${job} does not exist`)
  const refused = await ask(`jobs/${job}/pause`, { method: 'POST', headers: ann })
  assert.deepEqual([refused.status, refused.body['error']], [403, `user ann does not have privileges for job ${job}`])

  const tables = (await ask('tables?database=app', { headers: bob })).body['tables']
  assert.deepEqual(tables, [
    { schema: 'public', name: 'hidden', maySelect: false },
    { schema: 'public', name: 'orders', maySelect: false },
  ])
  const check = await ask('changefeeds/check', {
    method: 'POST',
    headers: bob,
    body: { database: 'app', statement: `CREATE CHANGEFEED FOR orders INTO 'null://'` },
  })
  assert.equal(check.status, 200)
  assert.match(JSON.stringify(check.body), /"status":"failure","detail":"[^"]*(?:SELECT|CHANGEFEED)[^"]*"/)
  const created = await ask('changefeeds', {
    method: 'POST',
    headers: bob,
    body: { database: 'app', statement: `CREATE CHANGEFEED FOR orders INTO 'null://'` },
  })
  assert.equal(created.status, 403)

  assert.equal((await ask('logout', { method: 'POST', headers: ann })).status, 200)
  assert.equal((await ask('jobs', { headers: ann })).status, 401)
  assert.equal((await ask('jobs', { headers: bob })).status, 200)
})

test('a role whose password was changed does nothing any more with a session that it had begun before', async () => {
  await attached.postgres.sql(`CREATE ROLE eve LOGIN PASSWORD 'of eve'`)
  const eve = await sessionOf('eve')
  const pause = async (): Promise<number> => (await ask(`jobs/${job}/pause`, { method: 'POST', headers: eve })).status
  assert.equal(await pause(), 403, 'it is somebody else whose job it is')
  await attached.postgres.sql(`ALTER ROLE eve PASSWORD 'another'`)
  assert.equal(await pause(), 401)
  assert.equal((await ask('jobs', { headers: eve })).status, 401, 'its session is over')
})

test('a role that PostgreSQL does not let in now does nothing with a session that it had begun before', async () => {
  const { postgres } = attached
  await postgres.sql(`CREATE ROLE max LOGIN PASSWORD 'of max'`)
  const full = { how: 'ALTER ROLE max CONNECTION LIMIT 0', back: 'ALTER ROLE max CONNECTION LIMIT -1' }
  const shut = {
    how: 'REVOKE CONNECT ON DATABASE app FROM PUBLIC',
    back: 'GRANT CONNECT ON DATABASE app TO PUBLIC',
  }
  const max = await sessionOf('max')
  const pause = (): Promise<Answer> => ask(`jobs/${job}/pause`, { method: 'POST', headers: max })
  assert.equal((await pause()).status, 403, 'it is somebody else whose job it is')
  await postgres.sql(full.how)
  try {
    const { status, body } = await pause()
    assert.deepEqual([status, body['error']], [503, 'too many connections for role "max"'])
    assert.equal((await ask('jobs', { headers: max })).status, 200, 'that may pass, so it may look')
  } finally {
    await postgres.sql(full.back)
  }
  await postgres.sql(shut.how)
  try {
    assert.equal((await pause()).status, 401)
    assert.equal((await ask('jobs', { headers: max })).status, 401, 'its session is over')
  } finally {
    await postgres.sql(shut.back)
  }
})

test('what does something is not done for pages of other sites', async () => {
  const { cookie = '' } = await sessionOf('ann')
  for (const headers of [
    { cookie },
    { cookie, ...own, origin: 'http://evil.example' },
    { cookie, ...own, 'sec-fetch-site': 'cross-site' },
    { cookie, ...own, origin: 'null' },
  ]) {
    const { status } = await ask(`jobs/${job}/pause`, { method: 'POST', headers })
    assert.equal(status, 403, JSON.stringify(headers))
    assert.equal((await ask(`jobs/${job}/messages`, { headers })).status, 403)
  }
  const { status } = await ask('session', { headers: { host: 'evil.example' } })
  assert.equal(status, 421)
})

test('the API runs CREATE CHANGEFEED and no other SQL', async () => {
  const headers = await sessionOf('ann')
  for (const statement of [
    'DROP TABLE orders',
    `CREATE CHANGEFEED FOR orders INTO 'null://'; DROP TABLE orders`,
    'CREATE CHANGEFEED FOR orders',
    `/* */ DROP TABLE orders; CREATE CHANGEFEED FOR orders INTO 'null://'`,
    'CANCEL JOB 1',
  ])
    for (const path of ['changefeeds', 'changefeeds/check']) {
      const { status, body } = await ask(path, { method: 'POST', headers, body: { database: 'app', statement } })
      assert.equal(status, 400, `${path} ${statement} ${JSON.stringify(body)}`)
    }
  const malformed = `CREATE CHANGEFEED FOR orders INTO 'null://' hunter2`
  const { status } = await ask('changefeeds', { method: 'POST', headers, body: { statement: malformed } })
  assert.equal(status, 400)
  const line = await until('the log has a line of it', 10_000, () => {
    const text = readFileSync(join(attached.server.storeDir, 'logs', 'changefeed.log'), 'utf8')
    return text.split('\n').findLast((one) => one.includes('refused_changefeed') && one.includes('"position":'))
  })
  assert.match(line, /"user":"ann","database":"app",.*"error":"syntax error at or near \\"…\\""/)
  assert.equal(
    (await ask('changefeeds', { method: 'POST', headers, body: { statement: 'x'.repeat(600_000) } })).status,
    413,
  )
})

test('a browser logs in, works as the role, and logs out', async () => {
  await using browser = await openBrowser()
  await using console = await ConsolePage.open(browser, attached.server.httpPort)
  const { page } = console
  console.expectFailures('/login')
  await console.visit('/jobs', 'Log in')
  await page.getByLabel('Role').fill('ann')
  await page.getByLabel('Password').fill('wrong')
  await page.keyboard.press('Enter')
  await page.getByRole('alert').waitFor()
  await console.check('login')
  await page.getByLabel('Password').fill('of ann')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { level: 1, name: 'Jobs' }).waitFor()
  await page.getByText('There are no jobs').waitFor()
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.getByRole('heading', { level: 1, name: 'Log in' }).waitFor()
})

test('a page says when its session has ended, and follows who logs in and out in other tabs', async () => {
  const { postgres, server } = attached
  await postgres.sql(`CREATE ROLE mia LOGIN PASSWORD 'of mia'`)
  await using browser = await openBrowser()
  const open = async (): Promise<ConsolePage> => {
    const page = await ConsolePage.open(browser, server.httpPort)
    page.expectFailures('/api/v1/')
    return page
  }
  await using one = await open()
  await using two = await open()
  const logIn = async ({ page }: ConsolePage, role: string): Promise<void> => {
    await page.getByLabel('Role').fill(role)
    await page.getByLabel('Password').fill(`of ${role}`)
    await page.keyboard.press('Enter')
    await page.getByText(`as ${role}`).waitFor()
  }
  // The browser has one window, whose tabs do not hear who comes back to them.
  const comeBack = async ({ page }: ConsolePage, see: string): Promise<void> => {
    await until(`the page shows ${see}`, 20_000, async () => {
      await page.evaluate('window.dispatchEvent(new Event("focus"))')
      return (await page.getByText(see).count()) > 0 ? true : undefined
    })
  }
  await one.visit('/create', 'Log in')
  await logIn(one, 'mia')
  await two.visit('/debug', 'Advanced Debugging')
  await one.page.getByRole('button', { name: 'Log out' }).click()
  await one.page.getByRole('heading', { level: 1, name: 'Log in' }).waitFor()
  assert.equal(await one.page.getByText('Your session has ended').count(), 0, 'it was asked for here')
  await comeBack(two, 'Your session has ended')
  await two.check('session-ended')
  await logIn(one, 'ann')
  await comeBack(two, 'as ann')
  await one.page.getByRole('button', { name: 'Log out' }).click()
  await logIn(one, 'mia')
  await comeBack(two, 'as mia')
  await two.visit('/jobs', 'Jobs')
  await postgres.sql(`ALTER ROLE mia NOLOGIN`)
  const cookies = await browser.context.cookies()
  const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
  assert.equal(
    (
      await ask(`jobs/${job}/pause`, {
        method: 'POST',
        headers: { ...own, cookie, host: `localhost:${server.httpPort}` },
      })
    ).status,
    401,
  )
  await two.page.getByText('Your session has ended').waitFor()
})

test('a live tail ends when its session logs out, and a role has at most five', async () => {
  const { server } = attached
  await server.sql('GRANT CHANGEFEED ON TABLE orders TO ann')
  const [headers, others] = [await sessionOf('ann'), await sessionOf('ann')]
  const statement = `CREATE CHANGEFEED FOR orders INTO 'null://' WITH initial_scan = 'no'`
  const created = await ask('changefeeds', { method: 'POST', headers, body: { statement } })
  assert.equal(created.status, 200, JSON.stringify(created.body))
  const id = String(created.body['job'])
  try {
    const url = `http://127.0.0.1:${server.httpPort}/api/v1/jobs/${id}/messages`
    const tails = await Promise.all(Array.from({ length: 5 }, () => fetch(url, { headers })))
    for (const { status } of tails) assert.equal(status, 200)
    const { status, body } = await ask(`jobs/${id}/messages`, { headers: others })
    assert.deepEqual([status, body['error']], [503, 'role ann has 5 live tails already'])
    assert.equal((await ask('logout', { method: 'POST', headers })).status, 200)
    for (const tail of tails) assert.match(await tail.text(), /"the session of this live tail has ended"/)
  } finally {
    await server.sql(`CANCEL JOB ${id}`)
  }
})

test('a live tail to which nothing comes while PostgreSQL hangs says so, and goes on by itself', async () => {
  const { server, postgres } = attached
  await server.sql('GRANT CHANGEFEED ON TABLE orders TO ann')
  const headers = await sessionOf('ann')
  const statement = `CREATE CHANGEFEED FOR orders INTO 'null://' WITH initial_scan = 'no'`
  const id = String((await ask('changefeeds', { method: 'POST', headers, body: { statement } })).body['job'])
  await using browser = await openBrowser()
  await using console = await ConsolePage.open(browser, server.httpPort)
  const { page } = console
  page.setDefaultTimeout(60_000)
  console.expectFailures('/api/v1/')
  await console.visit(`/tail/${id}`, 'Log in')
  await page.getByLabel('Role').fill('ann')
  await page.getByLabel('Password').fill('of ann')
  await page.keyboard.press('Enter')
  await page.locator('.resolved-strip .mono').first().waitFor()
  const children = execFileSync('pgrep', ['-P', String(postgres.pid)], { encoding: 'utf8' })
  const stopped = [postgres.pid, ...children.split('\n').filter(Boolean).map(Number)]
  stopProcesses(stopped)
  try {
    await page.getByText('Nothing has come since').waitFor()
    await page.getByText('silent', { exact: true }).waitFor()
  } finally {
    continueProcesses(stopped)
  }
  await page.getByText('flowing', { exact: true }).waitFor()
  await server.sql(`CANCEL JOB ${id}`)
})
