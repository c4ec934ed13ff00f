// The rows of changefeed.watched as they come in the stream: each says what a watched table looks like from there on, and
// goes into the log as a schema record. A role with enough rights can write anything there: a row that is no description is
// skipped, and never stops ingest.
//
//   R  u32 relation, cstring namespace, cstring name, u8 identity, u16 columns, per column u8 flags, cstring name, u32, i32
//   I  u32 relation, 'N', tuple        U  u32 relation, ['K' or 'O', tuple], 'N', tuple
//   tuple: u16 columns, per column 'n', 'u', or 't' u32 length and text

import type { ChangelogWriter } from '../changelog/changelog.ts'
import type { TableDescription } from '../core/table.ts'

const theirName = Buffer.from('changefeed\0watched\0')
const kind = { text: 0x74, null: 0x6e, unchanged: 0x75, key: 0x4b, full: 0x4f, new: 0x4e } as const

export class DescriptionRows {
  readonly #writer: ChangelogWriter
  readonly #warn: (why: string) => void
  /** The oid of the table of descriptions; -1 before a relation message has announced it. */
  #relid = -1
  #column = -1
  /** The last description of each table. Other columns of the rows change more often, and are of no interest here. */
  readonly #written = new Map<number, Buffer>()

  constructor(writer: ChangelogWriter, warn: (why: string) => void) {
    this.#writer = writer
    this.#warn = warn
  }

  get relid(): number {
    return this.#relid
  }

  /** Whether a relation message announces the table of descriptions. */
  isTheirs(bytes: Buffer, start: number, end: number): boolean {
    const nameEnd = start + 5 + theirName.length
    if (nameEnd + 3 > end || bytes.compare(theirName, 0, theirName.length, start + 5, nameEnd) !== 0) return false
    this.#relid = bytes.readUInt32BE(start + 1)
    this.#column = -1
    let at = nameEnd + 3
    for (let i = bytes.readUInt16BE(nameEnd + 1); i > 0 && at < end; i--) {
      const zero = bytes.indexOf(0, at + 1)
      if (zero < 0 || zero >= end) break
      if (bytes.toString('latin1', at + 1, zero) === 'description') this.#column = bytes.readUInt16BE(nameEnd + 1) - i
      at = zero + 9
    }
    return true
  }

  inserted(bytes: Buffer, start: number, end: number): void {
    this.#describe(bytes, start + 6, end)
  }

  updated(bytes: Buffer, start: number, end: number): void {
    const hasOld = bytes[start + 5] !== kind.new
    this.#describe(bytes, hasOld ? tupleEnd(bytes, start + 6, end) + 1 : start + 6, end)
  }

  #describe(bytes: Buffer, tuple: number, end: number): void {
    const json = textOf(bytes, tuple, end, this.#column)
    // Another column of the row was changed.
    if (json === undefined) return
    const description = parsed(json)
    if (description === undefined) {
      this.#warn('a row of changefeed.watched is not the description of a table, and was passed over')
      return
    }
    if (this.#written.get(description.relid)?.equals(json) === true) return
    this.#written.set(description.relid, Buffer.from(json))
    this.#writer.schema(description.relid, json, description.dropped === true)
  }
}

function parsed(json: Buffer): TableDescription | undefined {
  let value: unknown
  try {
    value = JSON.parse(json.toString('utf8'))
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { relid, name, schema, columns, primaryKey } = value as Partial<TableDescription>
  const isTable = Number.isInteger(relid) && typeof name === 'string' && typeof schema === 'string'
  const hasLists = Array.isArray(primaryKey) && Array.isArray(columns) && columns.every(isColumn)
  return isTable && hasLists ? (value as TableDescription) : undefined
}

function isColumn(column: unknown): boolean {
  if (typeof column !== 'object' || column === null) return false
  const { name, shape } = column as { name?: unknown; shape?: unknown }
  return typeof name === 'string' && typeof shape === 'object' && shape !== null
}

/** Returns undefined if the value is null, unchanged by the update, or missing. */
function textOf(bytes: Buffer, tuple: number, end: number, wanted: number): Buffer | undefined {
  let found: Buffer | undefined
  eachColumn(bytes, { tuple, end }, (column, from, to) => {
    if (column === wanted && from < to) found = bytes.subarray(from, to)
  })
  return found
}

function tupleEnd(bytes: Buffer, tuple: number, end: number): number {
  return eachColumn(bytes, { tuple, end }, () => undefined)
}

function eachColumn(
  bytes: Buffer,
  { tuple, end }: { tuple: number; end: number },
  column: (n: number, from: number, to: number) => void,
): number {
  let at = tuple + 2
  if (at > end) return end
  const count = bytes.readUInt16BE(tuple)
  for (let i = 0; i < count && at < end; i++) {
    const isText = bytes[at++] === kind.text
    if (!isText) continue
    if (at + 4 > end) return end
    const from = at + 4
    at = from + bytes.readUInt32BE(at)
    if (at > end) return end
    column(i, from, at)
  }
  return at
}
