// Messages of COPY with random rows of a random table, the options of a changefeed that scans it, and where reads from the socket
// cut them.

import type { CopyShape } from '../../src/core/copy-run.ts'
import type { FeedSpec } from '../../src/core/feed-spec.ts'
import type { Hlc } from '../../src/core/hlc.ts'
import { relationOfDescription } from '../../src/decode/schema-history.ts'
import type { Chance } from './chance.ts'
import { randomRow, randomSpec, randomTable } from './random-table.ts'

export interface RandomCopy {
  readonly spec: FeedSpec
  readonly shape: CopyShape
  readonly at: Hlc
  readonly bytes: Buffer
  /** The ends of runs of whole messages. */
  readonly cuts: readonly number[]
}

const wall = 1_700_000_000_000_000_000n
const letters = new Map([...'bfnrtv'].map((letter, i) => ['\b\f\n\r\t\v'.charCodeAt(i), letter]))

export function randomCopy(chance: Chance): RandomCopy {
  const mayFail = chance.isOneIn(4)
  const table = randomTable(chance, 1)
  const spec = randomSpec(chance, [table])
  const commitTimes = spec.mvccTimestamp
  const relation = relationOfDescription(table)
  const sent = relation.columns.length + (commitTimes ? 1 : 0)
  const parts: Buffer[] = []
  const cuts: number[] = []
  let end = 0
  const rows = chance.isOneIn(20) ? chance.below(4000) : chance.below(100)
  const cutsAt = chance.pick([1, 10, 10_000])
  let micros = '\\N'
  for (let i = 0; i < rows; i++) {
    const values = randomRow(table, chance, mayFail).map((value) =>
      value === null ? Buffer.from('\\N') : escaped(value, chance),
    )
    if (chance.isOneIn(3)) micros = randomMicros(chance, mayFail)
    if (commitTimes) values.push(Buffer.from(micros))
    const message = messageOf(values, chance, mayFail && chance.isOneIn(100))
    parts.push(message)
    end += message.length
    if (chance.isOneIn(cutsAt) || i === rows - 1) cuts.push(end)
  }
  const at = { wall, logical: chance.below(3) }
  return { spec, shape: { relation, sent, commitTimes }, at, bytes: Buffer.concat(parts), cuts }
}

function randomMicros(chance: Chance, mayFail: boolean): string {
  const near = [`${wall / 1000n}`, `${wall / 1000n + 1n}`, `${wall / 1000n - 1n}`]
  const far = ['0', '-1', '1', '946684800000000', '9999999999999999', '10000000000000000000']
  return chance.pick(['\\N', ...near, ...far, ...(mayFail ? ['', 'x'] : [])])
}

/** As PostgreSQL does it, sometimes with backslashes that it does not need. */
function escaped(value: Buffer, chance: Chance): Buffer {
  const surplus = chance.isOneIn(20)
  const bytes: number[] = []
  for (const byte of value) {
    const letter = letters.get(byte)
    if (letter !== undefined) bytes.push(0x5c, letter.charCodeAt(0))
    else if (byte === 0x5c || (surplus && chance.isOneIn(5) && !/[bfnrtv]/.test(String.fromCharCode(byte))))
      bytes.push(0x5c, byte)
    else bytes.push(byte)
  }
  return Buffer.from(bytes)
}

function messageOf(values: readonly Buffer[], chance: Chance, isBroken: boolean): Buffer {
  const tab = Buffer.from('\t')
  const line = Buffer.concat([
    ...values.flatMap((value, i) => (i === 0 ? [value] : [tab, value])),
    Buffer.from(chance.isOneIn(50) ? '' : '\n'),
  ])
  for (let i = isBroken ? chance.below(4) : 0; i > 0; i--)
    line[chance.below(line.length)] = chance.pick([0x5c, 0x09, 0x0a, 0, 0x4e, 0xff])
  const body = isBroken ? line.subarray(0, chance.below(line.length + 1)) : line
  const head = Buffer.from([0x64, 0, 0, 0, 0])
  head.writeUInt32BE(4 + body.length, 1)
  return Buffer.concat([head, body])
}
