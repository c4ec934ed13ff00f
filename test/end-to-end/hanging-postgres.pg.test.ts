// PostgreSQL hangs: its processes are there and take connections, and say nothing. What does not need it is still answered, and soon.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { TestServer } from '../server/test-server.ts'
import { serverOfTests } from '../support/servers/server-of-tests.ts'
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
  for (const pid of stopped) process.kill(pid, 'SIGSTOP')
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
    for (const pid of stopped) process.kill(pid, 'SIGCONT')
  }
  await until('all is well again', 30_000, async () =>
    (await ask('/api/v1/jobs')).status === 200 && !/has not answered/.test(JSON.stringify(await overview()))
      ? true
      : undefined,
  )
})
