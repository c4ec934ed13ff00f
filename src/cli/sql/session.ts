// A shell's connection: runs statements and prints what comes, until an error or a cancel.

import { connect } from 'node:net'
import pg from 'pg'
import { bytesAsText, printer, type Column, type Format, type Printer } from './formats.ts'
import { streamQuery } from './streaming-query.ts'

const byteaOid = 17

export interface ShellSessionOptions {
  readonly config: pg.ClientConfig
  format: Format
}

export class ShellSession {
  readonly #options: ShellSessionOptions
  #client: pg.Client | undefined
  #isRunning = false
  database = ''

  constructor(options: ShellSessionOptions) {
    this.#options = options
  }

  get isRunning(): boolean {
    return this.#isRunning
  }

  get format(): Format {
    return this.#options.format
  }

  set format(format: Format) {
    this.#options.format = format
  }

  async open(): Promise<pg.Client> {
    if (this.#client !== undefined) return this.#client
    const client = new pg.Client({ ...this.#options.config, application_name: 'changefeed sql' })
    client.on('notice', ({ severity, message, hint }) => {
      process.stderr.write(`${severity ?? 'NOTICE'}: ${message ?? ''}\n${hint === undefined ? '' : `HINT: ${hint}\n`}`)
    })
    client.on('error', () => (this.#client = undefined))
    client.on('end', () => (this.#client = undefined))
    await client.connect()
    this.#client = client
    this.database = client.database ?? ''
    return client
  }

  async close(): Promise<void> {
    await this.#client?.end()
  }

  /** Runs one statement. False: it failed, and the error is printed. */
  async run(sql: string): Promise<boolean> {
    this.#isRunning = true
    let rows = 0
    let current: Printer | undefined
    try {
      const client = await this.open()
      const write = (text: string): void => this.#write(client, text)
      let byteaColumns: readonly number[] = []
      await streamQuery(client, sql, {
        columns: (columns: readonly Column[]) => {
          current = printer(this.#options.format, write)
          byteaColumns = columns.flatMap(({ typeOid }, i) => (typeOid === byteaOid ? [i] : []))
          current.columns(columns)
        },
        row: (values) => {
          rows += 1
          current?.row(byteaColumns.length === 0 ? values : withText(values, byteaColumns))
        },
        complete: (tag, returnedRows) => {
          if (returnedRows) current?.end()
          else write(`${shownTag(tag)}\n`)
          current = undefined
        },
      })
      this.#noteDatabase(sql)
      return true
    } catch (error) {
      current?.end()
      if (rows > 0) process.stderr.write('(error encountered after some results were delivered)\n')
      process.stderr.write(errorText(error as Error, sql))
      return false
    } finally {
      this.#isRunning = false
    }
  }

  /** CancelRequest, on a connection of its own. */
  cancel(): void {
    const client = this.#client as (pg.Client & { processID: number; secretKey: number }) | undefined
    if (client === undefined) return
    const packet = Buffer.alloc(16)
    packet.writeInt32BE(16, 0)
    packet.writeInt32BE(80877102, 4)
    packet.writeInt32BE(client.processID, 8)
    packet.writeInt32BE(client.secretKey, 12)
    const socket = connect({ host: client.host, port: client.port })
    socket.on('error', () => undefined)
    socket.end(packet)
  }

  /** Standard output that does not keep up stops the reading. */
  #write(client: pg.Client, text: string): void {
    if (process.stdout.write(text)) return
    const { stream } = (client as unknown as { connection: { stream: NodeJS.ReadStream } }).connection
    stream.pause()
    process.stdout.once('drain', () => stream.resume())
  }

  #noteDatabase(sql: string): void {
    const match = /^\s*(?:set\s+(?:session\s+)?database\s*(?:=|\bto\b)|use)\s*['"]?([^'";\s]+)/i.exec(sql)
    if (match?.[1] !== undefined) this.database = match[1]
  }
}

function withText(values: readonly (string | null)[], byteaColumns: readonly number[]): (string | null)[] {
  const shown = [...values]
  for (const i of byteaColumns) {
    const value = shown[i]
    if (typeof value === 'string') shown[i] = bytesAsText(value)
  }
  return shown
}

/** `INSERT 0 2` is `INSERT 2` here: the 0 was an oid once. */
function shownTag(tag: string): string {
  return tag.replace(/^INSERT 0 /, 'INSERT ')
}

export function errorText(error: Error, sql: string): string {
  const { severity, code, detail, hint, position, message } = error as Partial<pg.DatabaseError> & Error
  const lines = [`${severity ?? 'ERROR'}: ${message}`]
  if (position !== undefined) lines.push(...pointer(sql, Number(position)))
  if (code !== undefined) lines.push(`SQLSTATE: ${code}`)
  if (detail !== undefined) lines.push(`DETAIL: ${detail}`)
  if (hint !== undefined) lines.push(`HINT: ${hint}`)
  return `${lines.join('\n')}\n`
}

/** The line of the statement where the error is, and a caret below it. */
function pointer(sql: string, position: number): string[] {
  const before = sql.slice(0, position - 1)
  const start = before.lastIndexOf('\n') + 1
  const end = sql.indexOf('\n', start)
  const label = `LINE ${before.split('\n').length}: `
  const line = sql.slice(start, end < 0 ? undefined : end)
  return [label + line, ' '.repeat(label.length + position - 1 - start) + '^']
}
