// Messages of a PostgreSQL server (protocol 3), as bytes: tag, i32 length (itself included), body.

import { ByteWriter } from '../bytes/byte-writer.ts'
import { asFeedError, FeedError } from '../errors/feed-error.ts'
import { fromServer } from './tags.ts'

/** `body` writes what follows the tag and the length. */
function message(tag: number, body: (out: ByteWriter) => void): Buffer {
  const out = new ByteWriter(256)
  out.u8(tag)
  out.u32be(0)
  body(out)
  out.buffer.writeInt32BE(out.length - 1, 1)
  return Buffer.from(out.view())
}

function cstring(out: ByteWriter, text: string): void {
  out.utf8(text.replaceAll('\0', ''))
  out.u8(0)
}

const nothing = (): void => undefined

export const parseComplete = message(fromServer.parseComplete, nothing)
export const bindComplete = message(fromServer.bindComplete, nothing)
export const closeComplete = message(fromServer.closeComplete, nothing)
export const noData = message(fromServer.noData, nothing)
export const portalSuspended = message(fromServer.portalSuspended, nothing)
export const emptyQueryResponse = message(fromServer.emptyQueryResponse, nothing)

export function readyForQuery(status: string): Buffer {
  return message(fromServer.readyForQuery, (out) => out.u8(status.charCodeAt(0)))
}

export function commandComplete(tag: string): Buffer {
  return message(fromServer.commandComplete, (out) => cstring(out, tag))
}

export function parameterStatus(name: string, value: string): Buffer {
  return message(fromServer.parameterStatus, (out) => {
    cstring(out, name)
    cstring(out, value)
  })
}

/** Writes a DataRow; `values` are in text format, or already in the format that the client asked for. */
export function dataRow(out: ByteWriter, values: readonly (Uint8Array | string | null)[]): void {
  const start = out.length
  out.u8(fromServer.dataRow)
  out.u32be(0)
  out.u16be(values.length)
  for (const value of values) {
    const at = out.length
    out.u32be(0xffffffff)
    if (value === null) continue
    if (typeof value === 'string') out.utf8(value)
    else out.copy(value)
    out.buffer.writeInt32BE(out.length - at - 4, at)
  }
  out.buffer.writeInt32BE(out.length - start - 1, start + 1)
}

export function backendKeyData(pid: number, secret: number): Buffer {
  return message(fromServer.keyData, (out) => {
    out.u32be(pid)
    out.u32be(secret)
  })
}

export interface ColumnShape {
  readonly name: string
  readonly typeOid: number
  readonly typeSize: number
}

/** `formats` has 0 (text) or 1 (binary) for each column; a missing one means text. */
export function rowDescription(columns: readonly ColumnShape[], formats: readonly number[]): Buffer {
  return message(fromServer.rowDescription, (out) => {
    out.u16be(columns.length)
    for (const [i, { name, typeOid, typeSize }] of columns.entries()) {
      cstring(out, name)
      out.u32be(0)
      out.u16be(0)
      out.u32be(typeOid)
      out.u16be(typeSize & 0xffff)
      out.u32be(0xffffffff)
      out.u16be(formats[i] ?? 0)
    }
  })
}

export function parameterDescription(types: readonly number[]): Buffer {
  return message(fromServer.parameterDescription, (out) => {
    out.u16be(types.length)
    for (const type of types) out.u32be(type)
  })
}

export type Severity = 'ERROR' | 'FATAL' | 'NOTICE' | 'WARNING'

export interface Report {
  readonly severity: Severity
  readonly sqlstate: string
  readonly message: string
  readonly detail?: string | undefined
  readonly hint?: string | undefined
  readonly position?: number | undefined
}

/** Returns an ErrorResponse or a NoticeResponse: fields of (u8 code, cstring). */
export function report({ severity, sqlstate, message: text, detail, hint, position }: Report): Buffer {
  const isError = severity === 'ERROR' || severity === 'FATAL'
  return message(isError ? fromServer.errorResponse : fromServer.noticeResponse, (out) => {
    const fields: readonly (readonly [string, string | undefined])[] = [
      ['S', severity],
      ['V', severity],
      ['C', sqlstate],
      ['M', text],
      ['D', detail],
      ['H', hint],
      ['P', position === undefined ? undefined : String(position)],
    ]
    for (const [code, value] of fields) {
      if (value === undefined) continue
      out.u8(code.charCodeAt(0))
      cstring(out, value)
    }
    out.u8(0)
  })
}

export function errorResponse(error: unknown, severity: 'ERROR' | 'FATAL' = 'ERROR'): Buffer {
  if (error instanceof FeedError) {
    const { sqlstate, message: text, detail, hint, position } = error
    return report({ severity, sqlstate, message: text, detail, hint, position })
  }
  // The stack of the error is not shown to a client.
  const { sqlstate, message: text } = asFeedError(error)
  return report({ severity, sqlstate, message: `internal error: ${text}` })
}
