// Several servers behind one connection string: which of them a connection goes to, and what it says when there is none.

import assert from 'node:assert/strict'
import dns from 'node:dns/promises'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { LoginFront } from '../../test/support/login-front.ts'
import { PostgresServerUnderTest } from '../../test/support/postgres-server.ts'
import { within } from '../../test/support/until.ts'
import type { FeedError } from '../errors/feed-error.ts'
import { openPool, poolQueries } from './pool-queries.ts'
import { openRawConnection } from './raw-connection.ts'
import type { SourceConnection, TargetSessionAttrs } from './source-connection.ts'

let primary: PostgresServerUnderTest
let standby: PostgresServerUnderTest
before(async () => {
  primary = await PostgresServerUnderTest.start({ tls: true, auth: 'scram-sha-256' })
  standby = await primary.standby()
  await primary.reached(standby)
})
after(async () => {
  await standby?.[Symbol.asyncDispose]()
  await primary?.[Symbol.asyncDispose]()
})

/** A port that nothing listens on. */
const closedPort = 1

function through(ports: readonly number[], targetSessionAttrs?: TargetSessionAttrs): SourceConnection {
  const [port = 0, ...others] = ports
  const otherHosts = others.map((other) => ({ host: '127.0.0.1', port: other }))
  return { ...primary.source(), port, otherHosts, targetSessionAttrs }
}

async function portOf(source: SourceConnection): Promise<number> {
  await using connection = await openRawConnection({ source })
  return Number((await connection.query('SELECT inet_server_port()'))[0]?.[0])
}

async function failure(source: SourceConnection): Promise<FeedError> {
  try {
    await portOf(source)
  } catch (error) {
    return error as FeedError
  }
  throw new Error('it connected')
}

test('target_session_attrs chooses among the hosts that answer', async () => {
  const { port: p } = primary
  const { port: s } = standby
  const wanted: readonly (readonly [TargetSessionAttrs | undefined, readonly number[], number])[] = [
    [undefined, [closedPort, s, p], s],
    ['any', [p, s], p],
    ['read-write', [closedPort, s, p], p],
    ['primary', [s, p], p],
    ['read-only', [p, s], s],
    ['standby', [p, s], s],
    ['prefer-standby', [p, closedPort, s], s],
    ['prefer-standby', [closedPort, p], p],
  ]
  for (const [attrs, ports, port] of wanted)
    assert.equal(await portOf(through(ports, attrs)), port, `${attrs} of ${ports.join(', ')}`)
})

test('when no host will do, the error names each with its reason', async () => {
  const { message, code, hint } = await failure(through([closedPort, standby.port], 'read-write'))
  assert.equal(code, 'FEED_SOURCE_DOWN')
  assert.equal(
    message,
    `cannot reach PostgreSQL at 127.0.0.1:1: nothing listens there (ECONNREFUSED); 127.0.0.1:${standby.port} with TLS: it is a standby, and target_session_attrs=read-write`,
  )
  assert.equal(hint, undefined)
  const unknown = await failure({
    ...through([closedPort]),
    otherHosts: [{ host: 'no-such-name.invalid', port: 5432 }],
  })
  assert.match(unknown.message, /; no-such-name.invalid:5432: the name (?:is not known|cannot be looked up now) \(/)
})

test('what the first host refuses is not asked of the others', async () => {
  const source = { ...through([standby.port, primary.port]), database: 'no_such_database' }
  const { sqlstate, message } = await failure(source)
  assert.equal(sqlstate, '3D000')
  assert.match(message, /"no_such_database" does not exist \(role "postgres", database "no_such_database", at 127/)
})

test('a server is reached by name and over IPv6, and its certificate is checked for each', async () => {
  const sockets = new Set<Socket>()
  const gate = createServer((client) => {
    sockets.add(client)
    const upstream = connect(primary.port, '127.0.0.1')
    client.on('error', () => upstream.destroy())
    upstream.on('error', () => client.destroy())
    client.pipe(upstream)
    upstream.pipe(client)
  })
  await new Promise<void>((resolve) => gate.listen(0, '::1', resolve))
  const { port } = gate.address() as AddressInfo
  try {
    assert.equal(await portOf({ ...primary.source(), host: '::1', port }), primary.port)
    assert.equal(await portOf({ ...primary.source(), host: 'localhost' }), primary.port)
    assert.match(
      (await failure({ ...primary.source(), host: '::1', port: closedPort })).message,
      /at \[::1\]:1: nothing/,
    )
  } finally {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => gate.close(resolve))
  }
})

test('a name is looked up anew at every attempt, and all of its addresses are tried', async (t) => {
  const answers = [['127.0.0.2', '127.0.0.1'], ['127.0.0.1']]
  const asked: string[] = []
  t.mock.method(dns, 'lookup', async (name: string) => {
    asked.push(name)
    return (answers.shift() ?? ['127.0.0.3']).map((address) => ({ address, family: 4 }))
  })
  const { tls, ...source } = { ...primary.source(), host: 'localhost' }
  // Nothing listens at the first address.
  assert.equal(await portOf({ ...source, tls }), primary.port)
  assert.equal(await portOf({ ...source, tls }), primary.port)
  const { message } = await failure({ ...source, tls })
  assert.match(message, new RegExp(`at localhost:${primary.port} \\(127.0.0.3\\): nothing listens there`))
  assert.deepEqual(asked, ['localhost', 'localhost', 'localhost'])
})

test('an attempt that nobody waits for any more ends at once', async () => {
  const silent = createServer(() => undefined)
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const { port } = silent.address() as AddressInfo
  const stop = new AbortController()
  const opening = openRawConnection({ source: through([port, port]), signal: stop.signal })
  setTimeout(() => stop.abort(new Error('stopped')), 50)
  const startedAt = Date.now()
  await assert.rejects(opening, /stopped/)
  assert.ok(Date.now() - startedAt < 5000)
  silent.close()
})

test('after a fail-over, pools, sessions and new connections find the new primary', async () => {
  const source = through([primary.port, standby.port], 'read-write')
  const pool = openPool(source, 2)
  pool.on('error', () => undefined)
  const query = poolQueries(pool)
  const portSql = 'SELECT inet_server_port()::text, ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()'
  await using front = await LoginFront.start({ backend: source })
  const { password } = primary.source()
  const login = { user: 'postgres', password: password?.tag === 'text' ? password.text : '' }
  const sessionPort = async (): Promise<unknown> => {
    const client = await front.connect(login)
    try {
      return (await client.query<{ port: number }>('SELECT inet_server_port() AS port')).rows[0]?.port
    } finally {
      await client.end()
    }
  }
  try {
    assert.deepEqual(await query(portSql, []), [[String(primary.port), 'true']])
    assert.equal(await sessionPort(), primary.port)
    await primary.stop('immediate')
    await standby.promote()
    await within(30_000, 'the pool has found the new primary', async () => {
      const rows = await query(portSql, []).catch(() => [])
      return rows[0]?.[0] === String(standby.port)
    })
    assert.equal(await portOf(source), standby.port)
    await within(
      30_000,
      'a session is on the new primary',
      async () => (await sessionPort().catch(() => 0)) === standby.port,
    )
  } finally {
    await pool.end()
    await primary.start()
  }
})
