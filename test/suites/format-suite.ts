// The promises of an encoder (src/encode/encoder.ts), and of a changefeed with its format, as tests. A format calls
// `formatSuite` from the tests of its own folder with a kit.

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { ByteWriter } from '../../src/bytes/byte-writer.ts'
import type { FeedSpec } from '../../src/core/feed-spec.ts'
import type { RelationSchema } from '../../src/core/relation.ts'
import type { RowChange } from '../../src/core/row-change.ts'
import { RowView } from '../../src/core/row-view.ts'
import { readCopyLine } from '../../src/decode/copy-text.ts'
import { relationOfDescription } from '../../src/decode/schema-history.ts'
import type { Encoder } from '../../src/encode/encoder.ts'
import { formatOfName } from '../../src/encode/format-names.ts'
import { openEncoder } from '../../src/encode/open-encoder.ts'
import { TestServer } from '../server/test-server.ts'
import { specOf } from '../support/spec-of.ts'
import { TableLook, textColumn } from '../support/written-log.ts'

interface Row {
  readonly key: Buffer
  readonly value: Buffer
}

/** The values of a row in the order of its columns, as text; null for NULL. */
export type Texts = readonly (string | null)[]

export interface FormatKit {
  /** Options without which a changefeed cannot have the format, such as `, initial_scan = 'only'`. */
  readonly options?: string
  /** What the specification of such a changefeed has beside the format. */
  readonly spec?: Partial<FeedSpec>
  /** Reads the values of the key columns; undefined: messages have no key. */
  readonly key?: (bytes: Buffer) => Texts
  /** Reads the row of a value; undefined if the row was deleted. `bytes` is undefined if the message has no value. */
  row(bytes: Buffer | undefined): Texts | undefined
}

const table = new TableLook()
const rows: readonly Texts[] = [
  ['1', 'x'],
  ['-9223372036854775808', ''],
  ['3', null],
  ['4', 'tab\t, line\n, return\r, "quotes", \\ and \\N, {}[],;|'],
  ['5', 'äöü € 𝄞'],
  ['6', 'long '.repeat(20_000)],
]

/** Fills the view as a scan does, with bytes around the row. */
function fill(view: RowView, relation: RelationSchema, texts: Texts): RowView {
  const escaped = (text: string): string =>
    text.replaceAll('\\', '\\\\').replaceAll('\t', '\\t').replaceAll('\n', '\\n').replaceAll('\r', '\\r')
  const line = Buffer.from(`front\t${texts.map((text) => (text === null ? '\\N' : escaped(text))).join('\t')}\nbehind`)
  readCopyLine(line, 6, line.length - 7, relation, view)
  view.relation = relation
  return view
}

interface Message {
  readonly key: Buffer
  readonly value: Buffer | undefined
}

class Writer {
  readonly #encoder: Encoder
  readonly #view = new RowView()
  readonly #out = new ByteWriter(16)

  constructor(encoder: Encoder) {
    this.#encoder = encoder
  }

  async prepare(relation: RelationSchema): Promise<number> {
    return this.#encoder.prepare(relation, 0)
  }

  async write(relation: RelationSchema, texts: Texts, isDeleted = false): Promise<Message> {
    const row = fill(this.#view, relation, texts)
    const time = Buffer.from('1700000000000000000.0000000000')
    const change: RowChange = {
      relation,
      topic: 0,
      key: row,
      after: isDeleted ? undefined : row,
      before: undefined,
      updated: time,
      mvcc: time,
      committedMs: Number.NaN,
      schema: await this.prepare(relation),
    }
    const out = this.#out
    out.clear()
    out.latin1('front')
    this.#encoder.encodeKey(relation, row, out)
    const keyEnd = out.length
    const hasValue = this.#encoder.encodeValue(change, out)
    const written = Buffer.from(out.view())
    assert.equal(written.toString('latin1', 0, 5), 'front', 'an encoder appends')
    if (!hasValue) assert.equal(written.length, keyEnd, 'a message without value has no bytes of one')
    // Whoever kept a part of the change would print this.
    row.bytes.fill(0x21)
    return { key: written.subarray(5, keyEnd), value: hasValue ? written.subarray(keyEnd) : undefined }
  }
}

export function formatSuite(name: string, { options = '', spec, key: readKey, row }: FormatKit): void {
  const isScanOnly = formatOfName(name).isScanOnly === true
  /** What the key of a row with this primary key is read as. */
  const keyOf = (text: string): string | null => (readKey === undefined ? null : text)
  const key = (bytes: Buffer): string | null | undefined => {
    if (readKey !== undefined) return readKey(bytes)[0]
    assert.equal(bytes.length, 0, 'a message of this format has no key')
    return null
  }
  const open = async (): Promise<Writer> => new Writer(await openEncoder(specOf({ format: name, ...spec })))
  const relation = relationOfDescription(table.description)

  test(`${name}: the key and the row can be read from a message, whatever they contain`, async () => {
    const writer = await open()
    for (const texts of rows) {
      const message = await writer.write(relation, texts)
      assert.equal(key(message.key), keyOf(texts[0] as string))
      assert.deepEqual(row(message.value), texts)
    }
  })

  test(
    `${name}: a message of a deleted row has its key, and says that the row is gone`,
    { skip: isScanOnly },
    async () => {
      const message = await (await open()).write(relation, ['7', 'x'], true)
      assert.equal(key(message.key), keyOf('7'))
      assert.equal(row(message.value), undefined)
    },
  )

  test(`${name}: rows of two versions of a table by turns have the columns of their version, and the same bytes`, async () => {
    const wide = new TableLook({ columns: [...table.columns, textColumn('c', 3)] })
    const wider = relationOfDescription(wide.description)
    const writer = await open()
    assert.equal(await writer.prepare(relation), await writer.prepare(relation), 'a version has one number')
    const seen: Message[] = []
    for (let i = 0; i < 4; i++) {
      const texts = i % 2 === 0 ? ['1', 'x'] : ['1', 'x', 'y']
      seen.push(await writer.write(i % 2 === 0 ? relation : wider, texts))
      assert.deepEqual(row(seen[i]?.value), texts)
    }
    assert.deepEqual(seen.slice(2), seen.slice(0, 2))
  })

  test(`${name}: two encoders by turns write what each writes alone`, async () => {
    const [one, other] = [await open(), await open()]
    for (const texts of rows) {
      const alone = await (await open()).write(relation, texts)
      assert.deepEqual([await one.write(relation, texts), await other.write(relation, texts)], [alone, alone])
    }
  })

  test(`${name}: a resolved message can be written for every topic`, { skip: isScanOnly }, async () => {
    const targets = ['a', 'b'].map((topic, i) => ({ relid: i + 1, topic, tableName: topic }))
    const encoder = await openEncoder(specOf({ format: name, ...spec, targets }))
    for (const topic of targets.keys()) {
      const out = new ByteWriter(1)
      await encoder.prepareResolved(topic)
      encoder.encodeResolved(topic, { wall: 1n, logical: 2 }, out)
      assert.ok(out.length > 0)
    }
  })

  describe(`a changefeed with format=${name}`, () => {
    let server: TestServer
    before(async () => {
      server = await TestServer.start()
    })
    after(async () => server?.[Symbol.asyncDispose]())

    /** Runs a changefeed that ends by itself. */
    const read = async (ending: string): Promise<[string | null | undefined, Texts | undefined][]> => {
      const got = await server.sql(`CREATE CHANGEFEED FOR t WITH format = '${name}', ${ending}${options}`)
      return (got as unknown as readonly Row[]).map((message) => [
        key(message.key),
        row(message.value.length === 0 ? undefined : message.value),
      ])
    }
    const now = async (): Promise<unknown> =>
      (await server.sql('SELECT cluster_logical_timestamp()::text AS now'))[0]?.['now']

    test('sends the rows that exist, and then each change', async () => {
      await server.sql('CREATE TABLE t (a INT8 PRIMARY KEY, b TEXT)')
      await server.sql("INSERT INTO t VALUES (1, NULL), (2, E'a\\tb')")
      const existing = await read("initial_scan = 'only'")
      assert.deepEqual(existing, [
        [keyOf('1'), ['1', null]],
        [keyOf('2'), ['2', 'a\tb']],
      ])
      if (isScanOnly) return
      const start = await now()
      await server.sql("UPDATE t SET b = 'new' WHERE a = 1")
      await server.sql('ALTER TABLE t ADD c INT8')
      await server.sql("UPDATE t SET b = 'wide', c = 7 WHERE a = 2")
      await server.sql('DELETE FROM t WHERE a = 1')
      assert.deepEqual(await read(`cursor = '${start}', end_time = '${await now()}'`), [
        [keyOf('1'), ['1', 'new']],
        [keyOf('2'), ['2', 'wide', '7']],
        [keyOf('1'), undefined],
      ])
    })
  })
}
