// PgBouncer before a PostgreSQL under test, for tests of what a pooler does to us.

import { spawn, type ChildProcess } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { give, serverUser } from '../../../src/postgres/embedded/server-user.ts'
import type { SourceConnection } from '../../../src/postgres/source-connection.ts'
import { within } from '../until.ts'

const program = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer'].find((path) => existsSync(path))

export const hasPgBouncer = program !== undefined

export interface PgBouncerOptions {
  readonly mode: 'session' | 'transaction'
  /** Start-up parameters that it takes and forgets. */
  readonly ignored?: readonly string[]
}

export class PgBouncer implements AsyncDisposable {
  readonly #process: ChildProcess
  readonly #dir: string
  readonly #source: SourceConnection

  private constructor(process: ChildProcess, dir: string, source: SourceConnection) {
    this.#process = process
    this.#dir = dir
    this.#source = source
  }

  /** `source`: a server that trusts everybody over TCP. */
  static async start(source: SourceConnection, { mode, ignored = [] }: PgBouncerOptions): Promise<PgBouncer> {
    const dir = mkdtempSync(join(tmpdir(), 'bouncer-'))
    chmodSync(dir, 0o755)
    const port = await freePort()
    const user = serverUser(dir)
    const lines = [
      '[databases]',
      `* = host=${source.host} port=${source.port}`,
      '[pgbouncer]',
      'listen_addr = 127.0.0.1',
      `listen_port = ${port}`,
      'unix_socket_dir =',
      'auth_type = any',
      `pool_mode = ${mode}`,
      `ignore_startup_parameters = ${ignored.join(',')}`,
    ]
    // auth_type=any needs one user for all servers.
    lines[1] += ` user=${source.user}`
    writeFileSync(join(dir, 'pgbouncer.ini'), `${lines.join('\n')}\n`)
    give(dir, user)
    const ids = user === undefined ? {} : { uid: user.uid, gid: user.gid }
    const child = spawn(program ?? 'pgbouncer', ['-q', join(dir, 'pgbouncer.ini')], { stdio: 'ignore', ...ids })
    const bouncer = new PgBouncer(child, dir, { ...source, host: '127.0.0.1', port })
    await within(10_000, 'PgBouncer listens', () => listens(port))
    return bouncer
  }

  source(): SourceConnection {
    return this.#source
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve))
    this.#process.kill('SIGKILL')
    await ended
    rmSync(this.#dir, { recursive: true, force: true })
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('error', () => resolve(false))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
