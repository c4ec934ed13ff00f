// Logins through the front, before PostgreSQLs that ask for passwords in every way.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import pg from 'pg'
import pino from 'pino'
import { RawClient, startup, query } from '../../test/support/raw-client.ts'
import { LoginFront } from '../../test/support/login-front.ts'
import { PostgresServerUnderTest } from '../../test/support/postgres-server.ts'
import { within } from '../../test/support/until.ts'

let postgres: PostgresServerUnderTest
let ann = ''
const line = (method: string): string => `host all all 127.0.0.1/32 ${method}`

before(async () => {
  postgres = await PostgresServerUnderTest.start({ auth: 'scram-sha-256' })
  ann = await postgres.setPassword(await postgres.role('', 'ann'))
})
after(() => postgres[Symbol.asyncDispose]())

const own = (): { backend: ReturnType<PostgresServerUnderTest['source']> } => ({ backend: postgres.source() })
const authenticating = async (): Promise<number> =>
  Number(
    (
      await postgres.sql(
        "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
      )
    )[0]?.[0],
  )

test('clients log in as themselves, and a wrong password ends with the error of PostgreSQL', async () => {
  await using front = await LoginFront.start(own())
  assert.equal(await front.login({ user: 'ann', password: ann }), 'ann')
  const wrong = { user: 'ann', password: 'wrong' }
  const direct = new pg.Client({ host: '127.0.0.1', port: postgres.port, database: 'postgres', ...wrong })
  const expected = await direct.connect().then(
    () => assert.fail('PostgreSQL lets a wrong password in'),
    (error: pg.DatabaseError) => error,
  )
  const got = await front.connect(wrong).then(
    () => assert.fail('the front lets a wrong password in'),
    (error: pg.DatabaseError) => error,
  )
  const fields = ({ code, message, severity, routine, hint, detail }: pg.DatabaseError): unknown[] => [
    code,
    message,
    severity,
    routine,
    hint,
    detail,
  ]
  assert.deepEqual(fields(got), fields(expected))
  assert.equal(got.code, '28P01')
})

test('md5 and clear passwords pass, and PostgreSQL decides', async () => {
  await using front = await LoginFront.start(own())
  try {
    await postgres.sql("SET password_encryption = 'md5'; CREATE ROLE old LOGIN PASSWORD 'secret'")
    for (const method of ['md5', 'password']) {
      await postgres.allow(line(method))
      assert.equal(await front.login({ user: 'old', password: 'secret' }), 'old')
      assert.match(await front.login({ user: 'old', password: 'wrong' }), /^28P01 /)
    }
  } finally {
    await postgres.allow(line('scram-sha-256'))
  }
})

test('a PostgreSQL that asks for nothing lets nobody in, over TCP or a unix socket, and with --insecure everybody', async () => {
  await using front = await LoginFront.start(own())
  await using bySocket = await LoginFront.start({ backend: postgres.localSource() })
  await using insecure = await LoginFront.start({ backend: postgres.localSource(), isInsecure: true })
  try {
    await postgres.allow(line('trust'))
    assert.match(await front.login({ user: 'ann' }), /^28000 PostgreSQL lets this server in without asking/)
    assert.match(await bySocket.login({ user: 'ann' }), /^28000 PostgreSQL lets this server in without asking/)
    assert.equal(await insecure.login({ user: 'ann' }), 'ann')
  } finally {
    await postgres.allow(line('scram-sha-256'))
  }
})

test('refusals of pg_hba.conf say that PostgreSQL sees this server, other errors stay as they are', async () => {
  await using front = await LoginFront.start(own())
  const hint = async (options: pg.ClientConfig): Promise<string> =>
    front.connect(options).then(
      () => '',
      ({ message, hint: said = '' }: pg.DatabaseError) => `${message}: ${said}`,
    )
  try {
    await postgres.allow('host all none 127.0.0.1/32 trust')
    assert.match(
      await hint({ user: 'ann', password: ann }),
      /^no pg_hba.conf entry for host "127.0.0.1".*: you are connected through a changefeed server/,
    )
  } finally {
    await postgres.allow(line('scram-sha-256'))
  }
  assert.equal(await hint({ user: 'ann', password: ann, database: 'none' }), 'database "none" does not exist: ')
})

test('nothing of a client runs before PostgreSQL has let it in', async () => {
  await using front = await LoginFront.start(own())
  await using client = new RawClient(front.port)
  client.send(startup({ user: 'ann', database: 'postgres' }), query('OURS'), query('SELECT 1'))
  await client.until('R')
  assert.deepEqual([client.tags, front.ran], ['R', 0])
  client.socket.destroy()
  await within(10_000, 'PostgreSQL has no connection of it', async () => (await authenticating()) === 0)
  assert.equal(front.ran, 0)
})

test('what a client sends ahead runs as soon as it is let in', async () => {
  await using front = await LoginFront.start({ ...own(), isInsecure: true })
  try {
    await postgres.allow(line('trust'))
    await using client = new RawClient(front.port)
    client.send(startup({ user: 'ann', database: 'postgres' }), query('OURS'), query('SELECT 1'))
    await client.ready(3)
    assert.equal(front.ran, 1)
  } finally {
    await postgres.allow(line('scram-sha-256'))
  }
})

test('silent clients use up no more connections than the limit, and give way to others', async () => {
  await using front = await LoginFront.start({ ...own(), limits: { most: 3, silentMs: 300, withinMs: 20_000 } })
  const silent: RawClient[] = []
  for (let i = 0; i < 3; i++) {
    const client = new RawClient(front.port)
    client.send(startup({ user: 'ann', database: 'postgres' }))
    await client.until('R')
    silent.push(client)
  }
  assert.equal(await front.login({ user: 'ann', password: ann }), 'ann')
  await silent[0]?.closed()
  assert.match(silent[0]?.errors[0]?.get('M') ?? '', /timeout/)
  for (const client of silent) client.socket.destroy()
})

test('a login ends in time, with an error', async () => {
  await using front = await LoginFront.start({ ...own(), limits: { withinMs: 300 } })
  await using client = new RawClient(front.port)
  client.send(startup({ user: 'ann', database: 'postgres' }))
  await client.closed()
  assert.equal(client.tags, 'RE')
  assert.equal(client.errors[0]?.get('C'), '57014')
})

test('a PostgreSQL that ends in the middle of a login ends it', async () => {
  await using front = await LoginFront.start(own())
  await using client = new RawClient(front.port)
  client.send(startup({ user: 'ann', database: 'postgres' }))
  await client.until('R')
  await postgres.restart('immediate')
  await client.closed()
  assert.equal(client.errors.at(-1)?.get('S'), 'FATAL')
  assert.equal(await front.login({ user: 'ann', password: ann }), 'ann')
})

test('a client that cannot log in because PostgreSQL is away is not told where PostgreSQL is', async () => {
  await using front = await LoginFront.start({ backend: { ...postgres.source(), port: 1 } })
  await using client = new RawClient(front.port)
  client.send(startup({ user: 'ann', database: 'postgres' }))
  await client.closed()
  const [error] = client.errors
  assert.deepEqual(
    [error?.get('C'), error?.get('M'), error?.get('D')],
    ['57P03', 'PostgreSQL cannot be reached', undefined],
  )
})

test('of connections that say nothing the oldest gives way to a client', async () => {
  await using front = await LoginFront.start(own())
  const silent: RawClient[] = []
  for (let i = 0; i < 1005; i++) {
    const client = new RawClient(front.port)
    silent.push(client)
    if (i % 100 === 0) await once(client.socket, 'connect')
  }
  assert.equal(await front.login({ user: 'ann', password: ann }), 'ann')
  await silent[0]?.closed()
  for (const client of silent) client.socket.destroy()
})

test('the log says which client has not logged in, and why, because the log of PostgreSQL cannot', async () => {
  const lines: Record<string, unknown>[] = []
  const log = pino(
    { level: 'debug' },
    { write: (line: string) => lines.push(JSON.parse(line) as (typeof lines)[number]) },
  )
  await using front = await LoginFront.start({ ...own(), log })
  await front.login({ user: 'ann', password: 'wrong' })
  await front.login({ user: 'ann', password: ann })
  const [refused, entered] = lines
  assert.deepEqual([refused?.['user'], refused?.['msg']], ['ann', 'a client has not logged in'])
  assert.match(String(refused?.['error']), /password authentication failed/)
  assert.match(String(refused?.['client']), /^127\.0\.0\.1:\d+$/)
  assert.equal(entered?.['msg'], 'a client has logged in')
})
