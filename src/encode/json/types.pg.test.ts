// Every type as a real server prints it, by COPY and by pgoutput, under the settings of a source connection.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { typeCases as cases, typeSetUp as setUp } from '../../../test/support/type-cases.ts'
import { TestPostgres, type TestDatabase } from '../../../test/support/postgres-under-test.ts'
import { ByteWriter } from '../../bytes/byte-writer.ts'
import { truncatedRelations } from '../../changelog/records.ts'
import type { RelationSchema } from '../../core/relation.ts'
import { RowView } from '../../core/row-view.ts'
import type { TableDescription, TypeShape } from '../../core/table.ts'
import { shapeOfType } from '../../core/built-in-types.ts'
import { readCopyLine } from '../../decode/copy-text.ts'
import { fillUnchanged } from '../../decode/fill-unchanged.ts'
import { readDelete } from '../../decode/pgoutput/delete.ts'
import { readInsert } from '../../decode/pgoutput/insert.ts'
import { readUpdate } from '../../decode/pgoutput/update.ts'
import { relationOfDescription, SchemaHistory } from '../../decode/schema-history.ts'
import { install } from '../../source-schema/source-schema.ts'
import type { RawConnection } from '../../postgres/raw-connection.ts'
import { RowWriter } from './row-writer.ts'
import { ValueWriters } from './value-writer.ts'

/** `c000` and so on: sorted as the table has them. */
const columnName = (i: number): string => `c${String(i).padStart(3, '0')}`

const expected = `{${cases.map(([, , json], i) => `"${columnName(i)}": ${json}`).join(', ')}, "id": 1}`

let server: TestPostgres
let database: TestDatabase
let connection: RawConnection

before(async () => {
  server = await TestPostgres.start()
  database = await server.database(true)
  connection = await database.connect()
  await install(connection)
  await connection.query(setUp)
  // The settings of a source connection have no search path.
  await connection.query('SET search_path = public')
  const columns = cases.map(([type], i) => `${columnName(i)} ${type}`)
  await connection.query(`CREATE TABLE every_type (id int8 PRIMARY KEY, ${columns.join(', ')})`)
})

after(async () => {
  await connection?.close()
  await server?.[Symbol.asyncDispose]()
})

const values = new ValueWriters()

async function describe(table: string): Promise<TableDescription> {
  const [row] = await connection.query(`SELECT changefeed.describe('public.${table}'::regclass)`)
  return JSON.parse(row?.[0] as string) as TableDescription
}

const insertEveryType = `INSERT INTO every_type VALUES (1, ${cases.map(([, sql]) => sql).join(', ')})`

function printed(relation: RelationSchema, row: RowView): string {
  const out = new ByteWriter(16)
  new RowWriter(relation, { values, encodeJsonNullAsObject: false, extra: undefined }).row(row, out)
  return out.view().toString()
}

/** Column by column, so that a difference names its type. */
function assertEveryType(json: string): void {
  const columns = json.split(/(?:^\{|, )(?="(?:c\d{3}|id)": )/).slice(1)
  for (const [i, [type, sql, value]] of cases.entries()) {
    assert.equal(columns[i], `"${columnName(i)}": ${value}`, `${type} ${sql}`)
  }
  assert.equal(json, expected)
}

/** Rows as COPY sends them. */
async function copied(relation: RelationSchema, table: string): Promise<string[]> {
  const lines: string[] = []
  const list = relation.columns.map(({ name }) => `"${name}"`).join(', ')
  await connection.query(`SET search_path = ''`)
  await connection.copyOut(`COPY (SELECT ${list} FROM ONLY public.${table} ORDER BY 1) TO STDOUT`, {
    data(bytes, start, end) {
      const row = new RowView()
      readCopyLine(bytes, start, end, relation, row)
      lines.push(printed(relation, row))
    },
  })
  await connection.query('SET search_path = public')
  return lines
}

/** What the slot holds of a publication, message by message. */
async function decoded(publication: string, sql: string): Promise<Buffer[]> {
  await connection.query(`SELECT pg_create_logical_replication_slot('${publication}', 'pgoutput', true)`)
  await connection.query(sql)
  await connection.query(`SET search_path = ''`)
  const rows = await connection.query(
    `SELECT encode(data, 'hex') FROM pg_logical_slot_get_binary_changes('${publication}', NULL, NULL, 'proto_version', '1', 'publication_names', '${publication}')`,
  )
  await connection.query('SET search_path = public')
  await connection.query(`SELECT pg_drop_replication_slot('${publication}')`)
  return rows.map(([hex]) => Buffer.from(hex as string, 'hex'))
}

test('a row with a column of every type prints as specified, from COPY and from the stream', async () => {
  await connection.query('CREATE PUBLICATION every_type FOR TABLE public.every_type')
  const messages = await decoded('every_type', insertEveryType)
  const description = await describe('every_type')
  const [fromCopy] = await copied(relationOfDescription(description), 'every_type')
  assertEveryType(fromCopy as string)

  const history = new SchemaHistory()
  const schema = Buffer.from(`S${JSON.stringify(description)}`)
  history.apply(schema, 0, schema.length)
  const fromStream: string[] = []
  for (const bytes of messages) {
    if (bytes[0] === 0x52) history.apply(bytes, 0, bytes.length)
    if (bytes[0] !== 0x49) continue
    const relation = history.relation(bytes.readUInt32BE(1)) as RelationSchema
    const row = new RowView()
    readInsert(bytes, 0, bytes.length, relation, row)
    fromStream.push(printed(relation, row))
  }
  assert.deepEqual(fromStream, [expected])
})

test('updates, deletes and truncates are read as the server sends them, by each replica identity', async () => {
  await connection.query(
    `CREATE TABLE changing (note text, id int8 PRIMARY KEY, big text);
     ALTER TABLE changing ALTER big SET STORAGE EXTERNAL;
     CREATE PUBLICATION changing FOR TABLE changing;
     INSERT INTO changing VALUES ('a', 1, repeat('x', 5000)), ('b', 2, 'short'), ('c', 3, NULL)`,
  )
  const messages = await decoded(
    'changing',
    `UPDATE changing SET note = 'aa' WHERE id = 1;
     UPDATE changing SET id = 20 WHERE id = 2;
     DELETE FROM changing WHERE id = 3;
     ALTER TABLE changing REPLICA IDENTITY FULL;
     UPDATE changing SET note = NULL WHERE id = 1;
     DELETE FROM changing WHERE id = 20;
     TRUNCATE changing`,
  )
  const description = await describe('changing')
  const relid = description.relid
  const history = new SchemaHistory()
  const schema = Buffer.from(`S${JSON.stringify(description)}`)
  history.apply(schema, 0, schema.length)
  const seen: unknown[] = []
  const show = (relation: RelationSchema, row: RowView): unknown[] =>
    relation.columns.map((_, i) => {
      const text = row.bytes.toString('utf8', row.starts[i], row.ends[i])
      return row.kinds[i] === 0x6e ? null : row.kinds[i] === 0x75 ? undefined : text.length > 1000 ? text.length : text
    })
  for (const bytes of messages) {
    const end = bytes.length
    const row = new RowView()
    const old = new RowView()
    const relation = history.relation(relid) as RelationSchema
    switch (String.fromCharCode(bytes[0] as number)) {
      case 'R':
        history.apply(bytes, 0, end)
        break
      case 'U': {
        const oldKind = readUpdate(bytes, 0, end, relation, old, row)
        if (oldKind === 'full') assert.equal(fillUnchanged(row, old), true)
        seen.push(['update', oldKind, oldKind === 'none' ? [] : show(relation, old), show(relation, row)])
        break
      }
      case 'D':
        seen.push(['delete', readDelete(bytes, 0, end, relation, old), show(relation, old)])
        break
      case 'T':
        seen.push(['truncate', truncatedRelations(bytes, 0, end)])
    }
    assert.deepEqual(history.relation(relid)?.keyIndexes, [1])
  }
  assert.deepEqual(seen, [
    ['update', 'none', [], ['aa', '1', undefined]],
    ['update', 'key', [null, '2', null], ['b', '20', 'short']],
    ['delete', 'key', [null, '3', null]],
    ['update', 'full', ['aa', '1', 5000], [null, '1', 5000]],
    ['delete', 'full', ['b', '20', 'short']],
    ['truncate', [relid]],
  ])
})

test("each of PostgreSQL's own types prints the same with and without a description", async () => {
  const types = await connection.query(
    `SELECT t.oid, changefeed.type_shape(t.oid), t.typname FROM pg_type t
     WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype IN ('b', 'r', 'm') AND t.oid < 16384
       AND (typelem = 0 OR NOT EXISTS (SELECT FROM pg_type e WHERE e.oid = t.typelem AND typtype IN ('c', 'p')))`,
  )
  assert.ok(types.length > 150)
  // An array's writer is made anew, so shapes stand for it, with the writer of what is in it.
  const rule = (shape: TypeShape): unknown =>
    shape.tag === 'array' ? [shape.delimiter, rule(shape.element)] : values.of(shape)
  for (const [oid, shape, name] of types) {
    assert.deepEqual(
      rule(shapeOfType(Number(oid))),
      rule(JSON.parse(shape as string) as TypeShape),
      `${name}: is it in src/core/built-in-types.ts?`,
    )
  }
})
