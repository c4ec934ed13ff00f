// PostgreSQL hangs: its processes are there and take connections, and say nothing. What does not need it is still answered, and soon.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { zeroHlc } from '../../src/core/hlc.ts'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { startAttached } from '../server/attached.ts'
import { TestServer } from '../server/test-server.ts'
import { serverOfTests } from '../support/servers/server-of-tests.ts'
import { continueProcesses, stopProcesses } from '../support/stop-processes.ts'
import { until } from '../support/until.ts'

const skip = serverOfTests.tag === 'theirs' && 'the PostgreSQL of the run is not stopped'
const own = { 'x-changefeed-console': '1' }

/** The postmaster and its processes. */
function processesOf(postmaster: number): readonly number[] {
  const children = execFileSync('pgrep', ['-P', String(postmaster)], { encoding: 'utf8' })
  return [postmaster, ...children.split('\n').filter(Boolean).map(Number)]
}

test('while PostgreSQL hangs, pages, health and metrics are answered within seconds and say so', { skip }, async () => {
  await using server = await TestServer.start()
  await server.sql('CREATE TABLE t (a INT PRIMARY KEY)')
  const [row] = await server.sql(`CREATE CHANGEFEED FOR t INTO 'null://'`)
  const id = String(row?.['job_id'])
  const base = `http://127.0.0.1:${server.httpPort}`
  const ask = async (path: string, method = 'GET') => {
    const startMs = performance.now()
    const response = await fetch(base + path, { method, headers: own, ...(method === 'POST' ? { body: '{}' } : {}) })
    const text = await response.text()
    return { status: response.status, text, ms: performance.now() - startMs }
  }
  interface Shown {
    readonly sources: readonly { readonly database: string }[]
    readonly feeds: readonly { readonly id: string }[]
    readonly attention: readonly { readonly title: string; readonly detail: string }[]
  }
  const overview = async (): Promise<Shown> => JSON.parse((await ask('/api/v1/overview')).text) as Shown
  await until('the overview has the job', 20_000, async () => ((await overview()).feeds.length > 0 ? true : undefined))
  const stopped = processesOf(server.postgresPid)
  stopProcesses(stopped)
  try {
    const page = await ask('/api/v1/overview')
    assert.equal(page.status, 200)
    assert.ok(page.ms < 6000, `the overview took ${page.ms} ms`)
    const { sources, feeds, attention } = JSON.parse(page.text) as Shown
    assert.deepEqual([sources.map(({ database }) => database), feeds.map((feed) => feed.id)], [['defaultdb'], [id]])
    assert.ok(
      attention.some(({ title, detail }) => title === 'PostgreSQL' && /has not answered within 2 s/.test(detail)),
      JSON.stringify(attention),
    )
    for (const [path, status, pattern] of [
      ['/health', 200, /^\{/],
      ['/health?ready=1', 503, /"error":"[^"]*PostgreSQL/],
      ['/_status/vars', 200, /changefeed_checkpoint_lag\{job_id="\d+"/],
      ['/api/v1/jobs', 503, /PostgreSQL has not answered within 5 s/],
      [`/api/v1/jobs/${id}`, 503, /PostgreSQL has not answered within 5 s/],
      ['/api/v1/tables', 503, /PostgreSQL has not answered within 5 s/],
    ] as const) {
      const { text, ms, ...answer } = await ask(path)
      assert.equal(answer.status, status, `${path}: ${text.slice(0, 200)}`)
      assert.match(text, pattern, path)
      assert.ok(ms < 9000, `${path} took ${ms} ms`)
    }
  } finally {
    continueProcesses(stopped)
  }
  await until('all is well again', 30_000, async () =>
    (await ask('/api/v1/jobs')).status === 200 && !/has not answered/.test(JSON.stringify(await overview()))
      ? true
      : undefined,
  )
})

test(
  'who reads a changefeed hears within seconds that PostgreSQL hangs, and gets all rows when it goes on',
  { skip },
  async () => {
    await using server = await TestServer.start()
    await server.sql('CREATE TABLE t (a INT PRIMARY KEY)')
    await using feed = await SinklessFeed.open(server, 'EXPERIMENTAL CHANGEFEED FOR t WITH updated, resolved')
    await feed.resolvedPast(zeroHlc)
    const stopped = processesOf(server.postgresPid)
    stopProcesses(stopped)
    try {
      await until('the reader is told', 30_000, () =>
        feed.notices.some((text) => text.includes('PostgreSQL has not answered for 10 s')) ? true : undefined,
      )
    } finally {
      continueProcesses(stopped)
    }
    await server.sql('INSERT INTO t VALUES (1)')
    await feed.row(1)
    assert.deepEqual(feed.failures, [])
  },
)

test('while PostgreSQL hangs, a login is answered within seconds, nothing is done for who is logged in, and it is no wrong password', async () => {
  await using attached = await startAttached({
    auth: 'scram-sha-256',
    sql: `CREATE ROLE ann LOGIN PASSWORD 'of ann'; CREATE TABLE t (a INT PRIMARY KEY)`,
  })
  const { server, postgres } = attached
  const [row] = await server.sql(`CREATE CHANGEFEED FOR t INTO 'null://'`)
  const base = `http://127.0.0.1:${server.httpPort}/api/v1`
  const login = () =>
    fetch(`${base}/login`, { method: 'POST', headers: own, body: JSON.stringify({ user: 'ann', password: 'of ann' }) })
  const cookie = (await login()).headers.getSetCookie()[0]?.split(';')[0] ?? ''
  const stopped = processesOf(postgres.pid)
  stopProcesses(stopped)
  try {
    const startMs = performance.now()
    const answers = await Promise.all([
      ...Array.from({ length: 4 }, login),
      fetch(`${base}/jobs/${String(row?.['job_id'])}/pause`, { method: 'POST', headers: { ...own, cookie } }),
    ])
    const ms = performance.now() - startMs
    assert.ok(ms < 15_000, `it took ${ms} ms`)
    for (const answer of answers) {
      assert.equal(answer.status, 503)
      assert.match(await answer.text(), /PostgreSQL has not answered within 10 s.*nothing was done/)
    }
  } finally {
    continueProcesses(stopped)
  }
  // Five wrong ones would make the sixth wait.
  for (let i = 0; i < 2; i++) assert.equal((await login()).status, 200)
})
