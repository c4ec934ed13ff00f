// Connections that are cut at any byte of a login, on either side of the front and in either direction: the client hears of it, no
// connection of PostgreSQL is left over, and the next login succeeds.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import pg from 'pg'
import { LoginFront } from '../../test/support/login-front.ts'
import { PostgresServerUnderTest } from '../../test/support/postgres-server.ts'
import { certificateOf } from '../../test/support/servers/certificates.ts'
import { within } from '../../test/support/until.ts'

type Direction = 'to the server' | 'to the client'

/** Passes connections on, and cuts each after some bytes in one direction. */
class Cutter implements AsyncDisposable {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  direction: Direction = 'to the server'
  mostBytes = Infinity
  /** What the last connection has passed on in the direction. */
  passed = 0
  port = 0

  private constructor(to: number) {
    this.#server = createServer((client) => this.#accept(client, connect({ host: '127.0.0.1', port: to })))
  }

  static async open(to: number): Promise<Cutter> {
    const cutter = new Cutter(to)
    await new Promise<void>((resolve) => cutter.#server.listen(0, '127.0.0.1', resolve))
    const address = cutter.#server.address()
    if (address !== null && typeof address !== 'string') cutter.port = address.port
    return cutter
  }

  #accept(client: Socket, server: Socket): void {
    let left = this.mostBytes
    this.passed = 0
    const cut = (): void => {
      client.destroy()
      server.destroy()
    }
    const pipe = (from: Socket, to: Socket, direction: Direction): void => {
      this.#sockets.add(from)
      from.on('error', cut).on('close', () => {
        this.#sockets.delete(from)
        to.end()
      })
      from.on('data', (chunk: Buffer) => {
        if (direction !== this.direction) {
          to.write(chunk)
          return
        }
        const bytes = chunk.subarray(0, left)
        left -= bytes.length
        this.passed += bytes.length
        to.write(bytes, () => (left === 0 ? cut() : undefined))
      })
    }
    pipe(client, server, 'to the server')
    pipe(server, client, 'to the client')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

let postgres: PostgresServerUnderTest
let ann = ''
const files = certificateOf('postgres-under-test')
const ssl = { ca: readFileSync(files.ca) }

before(async () => {
  postgres = await PostgresServerUnderTest.start({ auth: 'scram-sha-256', tls: true })
  ann = await postgres.setPassword(await postgres.role('', 'ann'))
})
after(() => postgres[Symbol.asyncDispose]())

async function login(port: number): Promise<string> {
  const options = { host: '127.0.0.1', port, user: 'ann', password: ann, database: 'postgres', ssl }
  const client = new pg.Client({ ...options, connectionTimeoutMillis: 20_000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query('SELECT 1')
    await client.end()
    return 'in'
  } catch (error) {
    return (error as Error).message
  }
}

for (const where of ['between client and front', 'between front and PostgreSQL'] as const) {
  for (const direction of ['to the server', 'to the client'] as const) {
    test(`cut ${where}, ${direction}`, async () => {
      const isBehind = where === 'between front and PostgreSQL'
      await using behind = isBehind ? await Cutter.open(postgres.port) : undefined
      const source = postgres.source()
      const backend = behind === undefined ? source : { ...source, port: behind.port }
      await using front = await LoginFront.start({ backend, tls: files, limits: { most: 2, silentMs: 60_000 } })
      await using before = isBehind ? undefined : await Cutter.open(front.port)
      const cutter = (before ?? behind) as Cutter
      const port = before?.port ?? front.port
      cutter.direction = direction
      assert.equal(await login(port), 'in')
      const whole = cutter.passed
      for (let bytes = 1; bytes < whole; bytes += Math.ceil(whole / 25)) {
        cutter.mostBytes = bytes
        const said = await login(port)
        assert.doesNotMatch(said, /timeout/, `cut after ${bytes} of ${whole} bytes`)
      }
      cutter.mostBytes = Infinity
      // Two logins at a time are allowed, so none of those that were cut still holds a place.
      assert.deepEqual(await Promise.all([login(port), login(port), login(port)]), ['in', 'in', 'in'])
      await within(20_000, 'PostgreSQL has no connection left', async () => {
        const rows = await postgres.sql(
          "SELECT FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
        )
        return rows.length === 0
      })
    })
  }
}
