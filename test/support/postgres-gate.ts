// A unix socket before that of the embedded PostgreSQL. What the server's own connections say and hear passes through it,
// and can be lost as on a bad network: a statement runs and its answer never comes, a connection ends in the middle of an
// answer, nothing passes for seconds. Connections of clients pass as they are.

import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'

const socketName = '.s.PGSQL.5432'

interface Passage {
  readonly client: Socket
  readonly server: Socket
  /** Undefined until the client has said its name. */
  isOurs: boolean | undefined
  /** The answer to what was asked last does not reach the client, and the connection ends with it. */
  isLosing: boolean
  /** The last bytes of what was lost: the end of an answer may come in two pieces. */
  lastLost: Buffer
}

export class PostgresGate implements AsyncDisposable {
  readonly dir: string
  readonly #targetDir: () => string
  readonly #server: Server
  readonly #passages = new Set<Passage>()
  #lose: { readonly pattern: RegExp; left: number } | undefined
  #cutAfter = Number.POSITIVE_INFINITY
  #stalledUntilMs = 0
  lost = 0
  cuts = 0

  private constructor(targetDir: () => string) {
    this.#targetDir = targetDir
    // The path of a unix socket is short.
    this.dir = mkdtempSync('/tmp/pgcf-gate-')
    this.#server = createServer((client) => this.#serve(client))
  }

  /** `targetDir`: the folder of PostgreSQL's socket, asked at each connection. */
  static async open(targetDir: () => string): Promise<PostgresGate> {
    const gate = new PostgresGate(targetDir)
    await new Promise<void>((resolve) => gate.#server.listen(join(gate.dir, socketName), resolve))
    // PostgreSQL may run as another user than this test.
    chmodSync(gate.dir, 0o755)
    chmodSync(join(gate.dir, socketName), 0o777)
    return gate
  }

  /** The next statements that match run, and their answers are lost. */
  loseAnswers(pattern: RegExp, times: number): void {
    this.#lose = { pattern, left: times }
  }

  /** A connection ends in the middle of an answer, when so many more bytes have come. */
  cutAfter(bytes: number): void {
    this.#cutAfter = bytes
  }

  /** Every connection ends, whatever is on its way. */
  cutAll(): void {
    for (const passage of this.#passages) if (passage.isOurs === true) end(passage)
  }

  /** Nothing that PostgreSQL says comes through for so long, and with `isBothWays` nothing that it is asked, either. */
  stall(ms: number, isBothWays: boolean): void {
    this.#stalledUntilMs = Date.now() + ms
    for (const { client, server, isOurs } of this.#passages) {
      if (isOurs !== true) continue
      server.pause()
      if (isBothWays) client.pause()
    }
    setTimeout(() => {
      for (const { client, server } of this.#passages) {
        server.resume()
        client.resume()
      }
    }, ms)
  }

  /** From here on everything passes. */
  calm(): void {
    this.#lose = undefined
    this.#cutAfter = Number.POSITIVE_INFINITY
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const passage of this.#passages) end(passage)
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
    rmSync(this.dir, { recursive: true, force: true })
  }

  #serve(client: Socket): void {
    const server = connect(join(this.#targetDirOrNone(), socketName))
    const passage: Passage = { client, server, isOurs: undefined, isLosing: false, lastLost: Buffer.alloc(0) }
    this.#passages.add(passage)
    client.on('data', (bytes: Buffer) => this.#ask(passage, bytes))
    server.on('data', (bytes: Buffer) => this.#answer(passage, bytes))
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.on('error', () => other.destroy())
      one.once('close', () => {
        this.#passages.delete(passage)
        other.end()
      })
    }
  }

  #targetDirOrNone(): string {
    try {
      return this.#targetDir()
    } catch {
      // The server has not written down yet where its PostgreSQL is.
      return '/nowhere'
    }
  }

  #ask(passage: Passage, bytes: Buffer): void {
    passage.isOurs ??= isOurs(bytes)
    const lose = this.#lose
    if (lose !== undefined && lose.left > 0 && passage.isOurs && !passage.isLosing && isStatement(bytes)) {
      const text = bytes.toString('latin1', 0, 4000)
      // The answer to START_REPLICATION has no end.
      if (lose.pattern.test(text) && !text.includes('START_REPLICATION')) {
        lose.left -= 1
        this.lost += 1
        passage.isLosing = true
      }
    }
    pass(passage.client, passage.server, bytes)
  }

  #answer(passage: Passage, bytes: Buffer): void {
    if (passage.isLosing) {
      passage.lastLost = Buffer.concat([passage.lastLost, bytes]).subarray(-6)
      if (isReadyForQuery(passage.lastLost)) end(passage)
      return
    }
    if (passage.isOurs === true) {
      this.#cutAfter -= bytes.length
      if (this.#cutAfter <= 0) {
        this.#cutAfter = Number.POSITIVE_INFINITY
        this.cuts += 1
        passage.client.end(bytes.subarray(0, bytes.length >> 1))
        passage.server.destroy()
        return
      }
      const leftMs = this.#stalledUntilMs - Date.now()
      if (leftMs > 0) {
        passage.server.pause()
        setTimeout(() => passage.server.resume(), leftMs)
      }
    }
    pass(passage.server, passage.client, bytes)
  }
}

function pass(from: Socket, to: Socket, bytes: Buffer): void {
  if (to.destroyed || to.write(bytes)) return
  from.pause()
  to.once('drain', () => from.resume())
}

function end({ client, server }: Passage): void {
  client.destroy()
  server.end()
}

/** The start-up packet says who it is; a request to cancel does not. */
function isOurs(startup: Buffer): boolean {
  return startup.toString('latin1').includes('application_name\0pg-changefeed')
}

/** Query or Parse; what a stream of replication is told has no answer. */
function isStatement(bytes: Buffer): boolean {
  return bytes[0] === 0x51 || bytes[0] === 0x50
}

function isReadyForQuery(last: Buffer): boolean {
  return last.length === 6 && last[0] === 0x5a && last.readInt32BE(1) === 5
}
