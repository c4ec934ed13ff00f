// What ingest wrote to a changelog, read back by a reader of the tests.

import type { LogHead } from '../../src/changelog/files/log-head.ts'
import { openChangelog } from '../../src/changelog/open-changelog.ts'
import {
  endLsnOf,
  lengthBytes,
  lsnOf,
  readGap,
  record,
  recordEnd,
  relationOf,
  tagBytes,
  timestampOf,
  type Gap,
} from '../../src/changelog/records.ts'
import type { Hlc } from '../../src/core/hlc.ts'
import type { Lsn } from '../../src/core/lsn.ts'

export interface LoggedRow {
  readonly tag: number
  readonly relid: number
  /** Text of the first column of the new row, or of the old one of a delete. */
  readonly first: string
}

export type LogEvent =
  | {
      readonly tag: 'transaction'
      readonly ts: Hlc
      readonly commitLsn: Lsn
      readonly endLsn: Lsn
      readonly rows: readonly LoggedRow[]
      readonly schemas: readonly string[]
      /** `row <first column>` and the JSON of descriptions, in order. */
      readonly records: readonly string[]
    }
  | { readonly tag: 'closed'; readonly ts: Hlc; readonly lsn: Lsn }
  | ({ readonly tag: 'gap' } & Gap)

/** Everything durable in the log, from its tail. */
export function readLog(dir: string, head: LogHead): LogEvent[] {
  const events: LogEvent[] = []
  const log = openChangelog({ tag: 'files', dir, shared: head.shared })
  using reader = log.readFrom(log.status.tail)
  let open: { ts: Hlc; commitLsn: Lsn; rows: LoggedRow[]; schemas: string[]; records: string[] } | undefined
  for (let block = reader.next(); block !== undefined; block = reader.next()) {
    const payload = block.payload()
    for (let at = 0; at < payload.length;) {
      const start = at + lengthBytes
      at = recordEnd(payload, start)
      const tag = payload[start] as number
      if (tag === record.begin)
        open = {
          ts: timestampOf(payload, start),
          commitLsn: lsnOf(payload, start),
          rows: [],
          schemas: [],
          records: [],
        }
      else if (tag === record.commit) {
        if (open === undefined) throw new Error('a commit without its begin')
        events.push({ tag: 'transaction', ...open, endLsn: endLsnOf(payload, start) })
        open = undefined
      } else if (tag === record.closed)
        events.push({ tag: 'closed', ts: timestampOf(payload, start), lsn: lsnOf(payload, start) })
      else if (tag === record.gap || tag === record.gapOf) {
        const gap = readGap(payload, start, at)
        if (gap !== undefined) events.push({ tag: 'gap', ...gap })
      } else if (tag === record.schema) {
        const json = payload.toString('utf8', start + tagBytes, at)
        open?.schemas.push(json)
        open?.records.push(json)
      } else if (tag === record.insert || tag === record.update || tag === record.delete) {
        if (open === undefined) throw new Error('a row outside a transaction')
        const first = firstColumn(payload, start + 5, tag === record.update)
        open.rows.push({ tag, relid: relationOf(payload, start), first })
        open.records.push(`row ${first}`)
      }
    }
  }
  return events
}

/** u8 kind, u16 columns, first column: 't' i32 length bytes. */
function firstColumn(payload: Buffer, at: number, isUpdate: boolean): string {
  if (isUpdate && payload[at] !== 0x4e) return ''
  if (payload[at + 3] !== 0x74) return ''
  const length = payload.readInt32BE(at + 4)
  return payload.toString('utf8', at + 8, at + 8 + length)
}
