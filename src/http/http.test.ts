import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import test from 'node:test'
import { startWeb } from '../../test/support/web-server.ts'

test('a path that nothing answers to is not found, however it is written; / has links to the others', async () => {
  const web = await startWeb({
    metrics: async (visibility) => (visibility === 'nope' ? undefined : `# ${visibility ?? 'none'}\n`),
  })
  try {
    for (const [path, status] of [
      ['//', 404],
      ['//health', 404],
      ['/%', 404],
      ['/nothing', 404],
      ['/', 200],
      ['/health?ready=1', 200],
      ['/metrics', 200],
      ['/_status/vars?visibility=essential', 200],
      ['/_status/vars?visibility=nope', 400],
      ['http://localhost/health', 200],
    ] as const) {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        get({ host: '127.0.0.1', port: web.port, path, headers: { host: 'localhost' } }, resolve).on('error', reject)
      })
      response.resume()
      assert.equal(response.statusCode, status, path)
    }
  } finally {
    await web.close()
  }
})

test('a parameter that is misspelt or given twice is refused, not ignored: a probe would never see an unready server', async () => {
  const web = await startWeb({ metrics: async () => 'x', unready: async () => 'it starts' })
  try {
    for (const [path, status, said] of [
      ['/health?redy=1', 400, /unknown parameter redy.*did you mean ready\?/],
      ['/health?ready=1&ready=0', 400, /ready is given more than once/],
      ['/health?ready=1', 503, /it starts/],
      ['/health', 200, /\{\}/],
      ['/metrics?visiblity=all', 400, /unknown parameter visiblity.*did you mean visibility\?/],
      ['/_status/vars?visibility=all&visibility=all', 400, /more than once/],
    ] as const) {
      const response = await fetch(`http://127.0.0.1:${web.port}${path}`)
      assert.equal(response.status, status, path)
      assert.match(await response.text(), said, path)
    }
  } finally {
    await web.close()
  }
})

test('pages of other sites get nothing but 403, also where they could not read the answer; a link may lead here', async () => {
  let measured = 0
  const web = await startWeb({
    metrics: async () => String((measured += 1)),
  })
  try {
    for (const [site, dest, status] of [
      ['cross-site', 'image', 403],
      ['same-site', 'empty', 403],
      ['cross-site', 'iframe', 403],
      ['cross-site', 'document', 200],
      ['same-origin', 'empty', 200],
      ['none', 'document', 200],
    ] as const) {
      const response = await fetch(`http://127.0.0.1:${web.port}/metrics`, {
        headers: { 'sec-fetch-site': site, 'sec-fetch-dest': dest },
      })
      assert.equal(response.status, status, `${site} ${dest}`)
      await response.text()
    }
    assert.equal(measured, 3)
  } finally {
    await web.close()
  }
})

test('a program of this machine may stop the server; a web page, and a proxy that speaks for somebody, may not', async () => {
  let stops = 0
  const web = await startWeb({
    shutdown: () => (stops += 1),
  })
  try {
    const ask = async (headers: Readonly<Record<string, string>>): Promise<number> =>
      (await fetch(`http://127.0.0.1:${web.port}/_admin/shutdown`, { method: 'POST', headers })).status
    for (const headers of [{ origin: 'null' }, { 'x-forwarded-for': '10.0.0.9' }, { via: '1.1 proxy' }])
      assert.equal(await ask(headers), 404, JSON.stringify(headers))
    assert.equal(stops, 0)
    assert.equal(await ask({}), 200)
    assert.equal(stops, 1)
  } finally {
    await web.close()
  }
})

test('a client that takes nothing of its answer is disconnected, so that the answer does not stay in memory', async () => {
  const web = await startWeb({
    // More than the kernel keeps for a connection.
    metrics: async () => '# a line of metrics\n'.repeat(1_000_000),
    patience: { answerMs: 100 },
  })
  const client = connect(web.port, '127.0.0.1')
  try {
    const ask = (): boolean => client.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n')
    ask()
    await once(client, 'readable', { signal: AbortSignal.timeout(10_000) })
    // Nothing is read here: only who writes learns that the server has gone.
    const asking = setInterval(ask, 500)
    const [error] = (await once(client, 'error', { signal: AbortSignal.timeout(10_000) }).finally(() =>
      clearInterval(asking),
    )) as [NodeJS.ErrnoException]
    assert.match(String(error.code), /^(?:ECONNRESET|EPIPE)$/)
  } finally {
    client.destroy()
    await web.close()
  }
})

test('every path says which methods it takes, HEAD is GET without the body, and every error is JSON', async () => {
  const web = await startWeb({ shutdown: () => undefined, metrics: async () => '# metrics\n' })
  const base = `http://127.0.0.1:${web.port}`
  try {
    for (const path of ['/health', '/health?ready=1', '/metrics', '/_status/vars', '/']) {
      const head = await fetch(base + path, { method: 'HEAD' })
      assert.deepEqual([head.status, await head.text()], [200, ''], path)
      const post = await fetch(base + path, { method: 'POST' })
      assert.deepEqual([post.status, post.headers.get('allow')], [405, 'GET, HEAD'], path)
      const [bare] = path.split('?')
      assert.deepEqual(await post.json(), { error: `POST is not a method of ${bare}`, hint: 'it takes GET, HEAD' })
    }
    const stop = await fetch(`${base}/_admin/shutdown`)
    assert.deepEqual([stop.status, stop.headers.get('allow')], [405, 'POST'])
    const named = await new Promise<IncomingMessage>((resolve, reject) => {
      get({ host: '127.0.0.1', port: web.port, path: '/health', headers: { host: 'evil.test' } }, resolve).on(
        'error',
        reject,
      )
    })
    assert.equal(named.statusCode, 421)
    assert.match(String(JSON.parse(String((await named.toArray()).join(''))).hint), /--http-allowed-hosts/)
  } finally {
    await web.close()
  }
})

test('what is no request of HTTP, or has too large a head, gets an error in the same form', async () => {
  const web = await startWeb()
  try {
    for (const [bytes, status] of [
      ['nonsense\r\n\r\n', '400 Bad Request'],
      [
        `GET /health HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`,
        '431 Request Header Fields Too Large',
      ],
    ] as const) {
      const client = connect(web.port, '127.0.0.1')
      client.end(bytes)
      const answer = (await client.toArray()).join('')
      assert.ok(answer.startsWith(`HTTP/1.1 ${status}\r\n`), answer)
      assert.match(answer, /\r\n\r\n\{"error":"[^"]+"\}\n$/)
    }
  } finally {
    await web.close()
  }
})
