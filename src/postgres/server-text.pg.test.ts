// Text in every encoding of a server, compared with what PostgreSQL makes of it.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestPostgres, type TestDatabase } from '../../test/support/postgres-under-test.ts'
import type { RawConnection } from './raw-connection.ts'
import { serverText, type ServerText } from './server-text.ts'

let server: TestPostgres
let db: TestDatabase
let connection: RawConnection
before(async () => {
  server = await TestPostgres.start()
  db = await server.database()
  connection = await db.connect()
})
after(async () => {
  await connection.close()
  await db[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

/** As pg_encoding_to_char numbers them. */
const lastServerEncoding = 34
const strings = 400

async function textOf(encoding: string): Promise<ServerText> {
  const text = await serverText({
    query: async (sql) => (sql === 'SHOW server_encoding' ? [[encoding]] : connection.query(sql)),
  })
  assert.ok(text !== undefined, encoding)
  return text
}

function converted(text: ServerText, bytes: Buffer): Buffer {
  const size = text.size(bytes, 0, bytes.length)
  if (size < 0) return bytes
  const out = Buffer.alloc(size)
  assert.equal(text.write(bytes, 0, bytes.length, out, 0), size)
  return out
}

let state = 1
function random(below: number): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0
  return (state >>> 8) % below
}

/** One to twenty characters: ASCII, one byte, two, or behind a single shift. */
function anyText(isEuc: boolean): Buffer {
  const bytes: number[] = []
  const high = (): number => 0xa1 + random(94)
  for (let i = random(20); i >= 0; i--) {
    const what = random(10)
    if (what < 3) bytes.push(1 + random(127))
    else if (!isEuc) bytes.push(0x80 + random(128))
    else if (what < 8) bytes.push(high(), high())
    else if (what < 9) bytes.push(0x8f, high(), high())
    else bytes.push(0x8e, high(), ...(random(2) === 0 ? [0xa1 + random(7), high()] : []))
  }
  return Buffer.from(bytes)
}

test('text of every encoding is what PostgreSQL converts it to, and holds a replacement where PostgreSQL cannot', async () => {
  const names = await connection.query(
    `SELECT n FROM (SELECT pg_encoding_to_char(i) AS n FROM generate_series(0, ${lastServerEncoding}) AS i) AS e WHERE n NOT IN ('SQL_ASCII', 'UTF8', 'MULE_INTERNAL')`,
  )
  assert.ok(names.length > 30)
  await connection.query(`CREATE FUNCTION pg_temp.utf8 (b bytea, e name) RETURNS text LANGUAGE plpgsql AS $$
    BEGIN RETURN encode(convert(b, e, 'UTF8'), 'hex'); EXCEPTION WHEN OTHERS THEN RETURN NULL; END $$`)
  for (const [name] of names) {
    const encoding = name ?? ''
    const text = await textOf(encoding)
    const inputs = Array.from({ length: strings }, () => anyText(encoding.startsWith('EUC')))
    const values = inputs.map((bytes, i) => `(${i}, '\\x${bytes.toString('hex')}'::bytea)`)
    const rows = await connection.query(
      `SELECT pg_temp.utf8(b, '${encoding}') FROM (VALUES ${values.join()}) AS v (i, b) ORDER BY i`,
    )
    let equal = 0
    for (const [i, [wanted]] of rows.entries()) {
      const input = inputs[i] as Buffer
      const came = converted(text, input)
      const about = `${encoding} ${input.toString('hex')}`
      if (wanted == null) assert.ok(came.toString('utf8').includes('\ufffd'), about)
      else assert.equal(came.toString('hex'), wanted, about)
      if (wanted != null) equal += 1
    }
    assert.ok(equal > 10, `${encoding}: ${equal} texts were compared`)
  }
})

test('characters without an equivalent stay different, and are as many bytes that are no UTF-8', async () => {
  for (const encoding of ['WIN1252', 'ISO_8859_6', 'WIN874', 'EUC_JP', 'EUC_JIS_2004', 'EUC_KR', 'EUC_CN', 'EUC_TW']) {
    const text = await textOf(encoding)
    const high = Array.from({ length: 94 }, (_, i) => 0xa1 + i)
    const pairs = high.flatMap((h) => high.map((l) => [h, l]))
    let characters: readonly number[][] = Array.from({ length: 128 }, (_, i) => [0x80 + i])
    if (encoding.startsWith('EUC')) characters = pairs
    if (encoding.startsWith('EUC_J')) characters = [...pairs, ...pairs.map((pair) => [0x8f, ...pair])]
    if (encoding === 'EUC_TW') {
      characters = [...pairs, ...high.slice(0, 7).flatMap((plane) => pairs.map((pair) => [0x8e, plane, ...pair]))]
    }
    const seen = new Set<string>()
    let unmapped = 0
    for (const character of characters) {
      const bytes = converted(text, Buffer.from(character))
      if (bytes.equals(Buffer.from(bytes.toString('utf8')))) continue
      unmapped += 1
      seen.add(bytes.toString('hex'))
      assert.equal(bytes.toString('utf8'), '\ufffd'.repeat(character.length), `${encoding} ${character.join()}`)
      // It begins nothing that goes on with the next character.
      const twice = converted(text, Buffer.from([...character, ...character]))
      assert.equal(twice.toString('utf8'), '\ufffd'.repeat(2 * character.length), `${encoding} ${character.join()}`)
    }
    assert.ok(unmapped > 0, encoding)
    assert.equal(seen.size, unmapped, encoding)
  }
})

test('no two characters that PostgreSQL accepts become equal, unless PostgreSQL itself converts them to the same', async () => {
  await connection.query(`CREATE FUNCTION pg_temp.is_accepted (b bytea, e name) RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN PERFORM convert(b, e, e); RETURN true; EXCEPTION WHEN character_not_in_repertoire THEN RETURN false; END $$`)
  await connection.query(`CREATE FUNCTION pg_temp.utf8_or_null (b bytea, e name) RETURNS bytea LANGUAGE plpgsql AS $$
    BEGIN RETURN convert(b, e, 'UTF8'); EXCEPTION WHEN untranslatable_character THEN RETURN NULL; END $$`)
  const names = await connection.query(
    `SELECT pg_encoding_to_char(i), pg_encoding_max_length(i) FROM generate_series(0, ${lastServerEncoding}) AS i
      WHERE pg_encoding_to_char(i) NOT IN ('SQL_ASCII', 'UTF8', 'MULE_INTERNAL')`,
  )
  assert.ok(names.length > 30)
  const byte = (name: string): string => `lpad(to_hex(${name}), 2, '0')`
  for (const [name, longest] of names) {
    const encoding = name ?? ''
    const forms = [`SELECT ${byte('a')} FROM generate_series(128, 255) AS a`]
    if (longest !== '1') {
      forms.push(
        `SELECT ${byte('a')} || ${byte('b')} FROM generate_series(128, 255) AS a, generate_series(1, 255) AS b`,
        `SELECT a || ${byte('b')} || ${byte('c')} FROM (VALUES ('8e'), ('8f')) AS v (a), generate_series(128, 255) AS b, generate_series(128, 255) AS c`,
      )
    }
    if (longest === '4') {
      // Every plane, and of each some rows.
      forms.push(`SELECT '8e' || ${byte('a')} || b || ${byte('c')} FROM generate_series(128, 255) AS a,
        (VALUES ('80'), ('a0'), ('a1'), ('c4'), ('fe'), ('ff')) AS v (b), generate_series(128, 255) AS c`)
    }
    const rows = await connection.query(
      `SELECT h, encode(pg_temp.utf8_or_null(decode(h, 'hex'), '${encoding}'), 'hex')
        FROM (${forms.join(' UNION ALL ')}) AS f (h) WHERE pg_temp.is_accepted(decode(h, 'hex'), '${encoding}')`,
    )
    assert.ok(rows.length > 90, `${encoding}: ${rows.length} characters`)
    const text = await textOf(encoding)
    const unmapped = new Map<string, string>()
    for (const [hex, utf8] of rows) {
      const character = Buffer.from(hex ?? '', 'hex')
      const came = converted(text, character)
      const about = `${encoding} ${hex}`
      if (utf8 != null) {
        assert.equal(came.toString('hex'), utf8, about)
        continue
      }
      assert.equal(came.toString('utf8'), '\ufffd'.repeat(character.length), about)
      const twice = converted(text, Buffer.concat([character, character]))
      assert.equal(twice.toString('utf8'), '\ufffd'.repeat(2 * character.length), about)
      assert.equal(unmapped.get(came.toString('hex')), undefined, about)
      unmapped.set(came.toString('hex'), about)
    }
  }
})

test('a character that is cut off, or has a byte of ASCII in it, is a replacement for each of its bytes', async () => {
  const text = await textOf('EUC_JP')
  assert.equal(converted(text, Buffer.from([0xc6])).toString(), '\ufffd')
  assert.equal(converted(text, Buffer.from([0xc6, 0x41, 0xfc])).toString(), '\ufffdA\ufffd')
  assert.equal(converted(text, Buffer.from([0x8f, 0xb0])).toString(), '\ufffd\ufffd')
  assert.equal(text.size(Buffer.from('plain'), 0, 5), -1)
})
