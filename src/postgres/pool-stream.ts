// A connection of ours as the socket of node-postgres, so that there is one way to reach a server, to encrypt and to log in. The
// connection is complete when node-postgres hears that it is open; its start-up packet is then answered here.

import { Duplex } from 'node:stream'
import { fromServer } from '../wire/tags.ts'
import { openConnection, type RawConnectionOptions } from './raw-connection.ts'
import type { SocketConnection } from './socket-connection.ts'

const readBufferBytes = 16 * 1024

export class PoolStream extends Duplex {
  readonly #options: RawConnectionOptions
  #connection: SocketConnection | undefined
  #hasGreeted = false

  constructor(options: RawConnectionOptions) {
    super({ allowHalfOpen: false })
    this.#options = options
  }

  /** node-postgres names a host and a port, which are those of its own defaults. */
  connect(): this {
    openConnection({ readBufferBytes, ...this.#options }).then(
      (connection) => this.#opened(connection),
      (error: Error) => this.destroy(error),
    )
    return this
  }

  /** Asks the server to cancel what runs on the connection. */
  async cancel(): Promise<void> {
    await this.#connection?.cancel()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const connection = this.#connection
    if (connection === undefined) done(new Error('nothing can be sent yet'))
    else if (this.#hasGreeted) connection.socket.write(chunk, done)
    else {
      // The start-up packet of node-postgres.
      this.#hasGreeted = true
      this.push(greeting(connection))
      done()
    }
  }

  override _read(): void {
    this.#connection?.socket.resume()
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#connection?.socket.end()
    done()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#connection?.socket.destroy()
    done(error)
  }

  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }

  ref(): this {
    this.#connection?.socket.ref()
    return this
  }

  unref(): this {
    this.#connection?.socket.unref()
    return this
  }

  #opened(connection: SocketConnection): void {
    if (this.destroyed) {
      connection.destroy()
      return
    }
    this.#connection = connection
    // What the server has said last is read before the end.
    connection.socket.on('close', () => this.push(null))
    // The buffer of the connection is used again after the call.
    connection.handOver((bytes, length) => this.push(Buffer.from(bytes.subarray(0, length))))
    this.emit('connect')
  }
}

/** AuthenticationOk, BackendKeyData, ReadyForQuery. */
function greeting({ key }: SocketConnection): Buffer {
  const bytes = Buffer.alloc(9 + 13 + 6)
  bytes[0] = fromServer.authentication
  bytes.writeInt32BE(8, 1)
  bytes[9] = fromServer.keyData
  bytes.writeInt32BE(12, 10)
  bytes.writeInt32BE(key.pid, 14)
  key.secret.copy(bytes, 18, 0, 4)
  bytes[22] = fromServer.readyForQuery
  bytes.writeInt32BE(5, 23)
  bytes.write('I', 27)
  return bytes
}
