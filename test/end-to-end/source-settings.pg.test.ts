// What somebody sets for a database or its encoding does not reach a changefeed.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { TestServer } from '../server/test-server.ts'
import { libcProvider, serverOfTests, versionOfTests } from '../support/servers/server-of-tests.ts'
import { until } from '../support/until.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(() => server[Symbol.asyncDispose]())

const hostile = [
  "DateStyle = 'German'",
  "IntervalStyle = 'sql_standard'",
  "TimeZone = 'Asia/Tokyo'",
  "extra_float_digits = '-5'",
  "bytea_output = 'escape'",
  "xmlbinary = 'hex'",
  "quote_all_identifiers = 'on'",
  ...(versionOfTests >= 17 ? ["transaction_timeout = '700ms'"] : []),
  "statement_timeout = '20s'",
  "idle_session_timeout = '700ms'",
  "idle_in_transaction_session_timeout = '700ms'",
  "default_transaction_isolation = 'serializable'",
  "standard_conforming_strings = 'off'",
]

test('settings of a database change no byte of a feed, and do not end it', async () => {
  await server.sql('CREATE DATABASE hostile')
  await server.sql(
    `CREATE TABLE t (id INT PRIMARY KEY, at timestamptz, d date, i interval, f float8, b bytea, r regclass);
     CREATE TABLE large (id INT PRIMARY KEY, t text);
     INSERT INTO t VALUES (1, '2026-01-02 03:04:05Z', '2026-02-01', '1 day 2:00', 0.1 + 0.2::float8, '\\x00ff', 'pg_class');
     INSERT INTO large SELECT g, repeat('x', 200) FROM generate_series(1, 100000) g`,
    'hostile',
  )
  const texts: (readonly string[])[] = []
  for (const settings of [[], hostile]) {
    for (const setting of settings) await server.sql(`ALTER DATABASE hostile SET ${setting}`)
    await using feed = await SinklessFeed.open(server, 'EXPERIMENTAL CHANGEFEED FOR t, large', { database: 'hostile' })
    await feed.row(100_001)
    // Longer than the time limits that the database sets.
    await delay(1500)
    const patience = versionOfTests >= 17 ? 'SET transaction_timeout = 0; ' : ''
    await server.sql(`SET standard_conforming_strings = on; ${patience}UPDATE t SET d = d`, 'hostile')
    const rows = await feed.row(100_002)
    assert.equal(feed.error, undefined)
    texts.push(feed.texts.filter((text) => text.startsWith('t:')))
    assert.equal(rows.length, 100_002)
  }
  assert.deepEqual(texts[1], texts[0])
})

test('in a SQL_ASCII database a row that is no UTF-8 ends the feed by name, in scans, changes and keys, and no other feed', async () => {
  await server.sql(
    `CREATE DATABASE bytes ENCODING 'SQL_ASCII' TEMPLATE template0${libcProvider} LC_COLLATE 'C' LC_CTYPE 'C'`,
  )
  const sql = (text: string): Promise<unknown> => server.sql(text, 'bytes')
  const open = (tables: string): Promise<SinklessFeed> =>
    SinklessFeed.open(server, `EXPERIMENTAL CHANGEFEED FOR ${tables}`, { database: 'bytes' })
  await sql(
    `CREATE TABLE clean (id int PRIMARY KEY); CREATE TABLE dirty (id text PRIMARY KEY, "other key" int, t text)`,
  )
  await sql(`INSERT INTO clean VALUES (1); INSERT INTO dirty VALUES ('scanned', 0, E'caf\\xe9 au')`)
  await using clean = await open('clean')
  await clean.row(1)
  const ended = async (column: string, feed: SinklessFeed): Promise<void> => {
    await feed.ended
    assert.equal(feed.error?.message, `column "${column}" of a row of table "public"."dirty" is not UTF-8`)
    assert.match(feed.error?.detail ?? '', /The columns of the key are "id"\./)
    assert.doesNotMatch(JSON.stringify({ ...feed.error }), /caf/)
  }
  {
    await using scanning = await open('dirty')
    await ended('t', scanning)
    // What the hint says puts it right.
    await sql(repairOf(scanning))
  }
  {
    await using following = await open('dirty')
    await following.row(1)
    assert.deepEqual(following.texts, [
      'dirty: ["scanned"]->{"after": {"id": "scanned", "other key": 0, "t": "café au"}}',
    ])
    await sql(`INSERT INTO dirty VALUES (E'k\\xe9', 1, 'plain')`)
    await ended('id', following)
  }
  await sql('INSERT INTO clean VALUES (2)')
  await clean.row(2)
  // The slot has gone on.
  await using after = await open('clean')
  await after.row(2)
})

/** The statements of the hint. */
function repairOf(feed: SinklessFeed): string {
  const [, statements = ''] =
    /in one session: (.*?)(?: \(the column is .*\))?; then start/.exec(String(feed.error?.hint)) ?? []
  assert.notEqual(statements, '', String(feed.error?.hint))
  return statements
}

/** Types whose values can hold any bytes, with a value and what a message has of it. */
const holders: readonly (readonly [type: string, value: string, message: string])[] = [
  ['text', `E'\\xe9'`, '"é"'],
  ['varchar(5)', `E'\\xe9'`, '"é"'],
  ['char(4)', `E'\\xe9'`, '"é  "'],
  ['name', `E'\\xe9'`, '"é"'],
  ['mood', `E'\\xe9'`, '"é"'],
  ['mood[]', `ARRAY[E'\\xe9']::mood[]`, '["é"]'],
  ['feeling', `E'\\xe9'`, '"é"'],
  ['pair', `ROW(E'\\xe9', E'\\xe8')`, '{"f": "é", "g": "è"}'],
  ['text[]', `ARRAY[E'\\xe9', 'a"b']`, '["é", "a\\"b"]'],
  ['varchar(5)[]', `ARRAY[E'\\xe9']`, '["é"]'],
  ['char(4)[]', `ARRAY[E'\\xe9']`, '["é  "]'],
  ['json', `E'{"a": "\\xe9"}'`, '{"a": "é"}'],
  ['jsonb', `E'{"a": "\\xe9"}'`, '{"a": "é"}'],
  ['words', `E'\\xe9'`, '"é"'],
  ['document', `E'{"a": "\\xe9"}'`, '{"a": "é"}'],
  ['texts', `texts(E'\\xe9', E'\\xfe')`, '"[é,þ)"'],
  ['moods', `moods(E'a', E'\\xe9', '[]')`, '"[a,é]"'],
  ['tsvector', `E'\\'\\xe9\\''`, '"\'é\'"'],
]

test('in a SQL_ASCII database the hint of the error puts a value of every type right', async () => {
  await server.sql(
    `CREATE DATABASE holders ENCODING 'SQL_ASCII' TEMPLATE template0${libcProvider} LC_COLLATE 'C' LC_CTYPE 'C'`,
  )
  const sql = (text: string): Promise<unknown> => server.sql(text, 'holders')
  const types = `CREATE TYPE mood AS ENUM ('a', E'\\xe9'); CREATE DOMAIN feeling AS mood; CREATE TYPE pair AS (f mood, g text);
    CREATE DOMAIN words AS varchar(3); CREATE DOMAIN document AS jsonb; CREATE TYPE texts AS RANGE (subtype = text); CREATE TYPE moods AS RANGE (subtype = mood)`
  for (const [i, [type, value, message]] of holders.entries()) {
    await sql(
      `CREATE SCHEMA "S ${i}"; SET search_path = "S ${i}"; ${types}; CREATE TABLE t (id int PRIMARY KEY, v ${type}); INSERT INTO t VALUES (1, NULL), (2, ${value}); RESET search_path`,
    )
    const open = (): Promise<SinklessFeed> =>
      SinklessFeed.open(server, `EXPERIMENTAL CHANGEFEED FOR "S ${i}".t`, { database: 'holders' })
    const dirty = await open()
    await dirty.ended
    assert.match(dirty.error?.message ?? '', /column "v" .* is not UTF-8/, type)
    await sql(repairOf(dirty))
    await using clean = await open()
    await clean.row(2)
    assert.ok(clean.texts.includes(`t: [2]->{"after": {"id": 2, "v": ${message}}}`), `${type} ${clean.texts.join(' ')}`)
  }
})

test('in a SQL_ASCII database a value that has no room for UTF-8 is not cut by the hint of the error', async () => {
  const sql = (text: string): Promise<unknown> => server.sql(text, 'holders')
  await sql(`CREATE TABLE t (id int PRIMARY KEY, v varchar(2)); INSERT INTO t VALUES (1, E'\\xe9\\xe9')`)
  await using dirty = await SinklessFeed.open(server, 'EXPERIMENTAL CHANGEFEED FOR t', { database: 'holders' })
  await dirty.ended
  assert.match(
    dirty.error?.hint ?? '',
    /\(the column is character varying\(2\), and UTF-8 has more bytes: .* make it wider first\)/,
  )
  await assert.rejects(sql(repairOf(dirty)), /value too long for type character varying\(2\)/)
})

/** Of each encoding, a character that Unicode has no equivalent for, and one that it has. */
const odd = [
  ['WIN1252', '\\x81', 'é'],
  ['ISO_8859_8', '\\xbf', 'א'],
  ['EUC_JP', '\\xa9\\xa1', '日'],
  ['EUC_KR', '\\xc9\\xa1', '한'],
  ['EUC_TW', '\\x8e\\xa7\\xfe\\xfe', '文'],
] as const

test('a character without an equivalent in Unicode is the replacement character, in scans, changes, keys and jobs', async () => {
  for (const [encoding, bad, good] of odd) {
    const database = `odd_${encoding.toLowerCase()}`
    await server.sql(
      `CREATE DATABASE ${database} ENCODING '${encoding}' TEMPLATE template0${libcProvider} LC_COLLATE 'C' LC_CTYPE 'C'`,
    )
    const sql = (text: string): Promise<Record<string, unknown>[]> => server.sql(text, database)
    await sql(`CREATE TABLE "t${good}" (id text PRIMARY KEY, t text, "c${good}" text[])`)
    await sql(`INSERT INTO "t${good}" VALUES (E'scan ${bad}', E'${good}${bad}\\t', ARRAY[E'${bad}', '${good}'])`)
    await sql(
      `CREATE CHANGEFEED FOR "t${good}" INTO 'null://' WITH resolved = '100ms', min_checkpoint_frequency = '100ms'`,
    )
    await using feed = await SinklessFeed.open(server, `EXPERIMENTAL CHANGEFEED FOR "t${good}"`, { database })
    await feed.row(1)
    await sql(`UPDATE "t${good}" SET id = E'${bad}${bad}changed'`)
    await sql(`INSERT INTO "t${good}" VALUES ('plain', '${good}', NULL)`)
    await feed.row(4)
    const no = '\\ufffd'.repeat(bad.length / 4)
    const rest = `"c${good}": ["${no}", "${good}"], "id": `
    assert.deepEqual(
      [...feed.texts].sort(),
      [
        `t${good}: ["${no}${no}changed"]->{"after": {${rest}"${no}${no}changed", "t": "${good}${no}\\t"}}`,
        `t${good}: ["plain"]->{"after": {"c${good}": null, "id": "plain", "t": "${good}"}}`,
        `t${good}: ["scan ${no}"]->{"after": null}`,
        `t${good}: ["scan ${no}"]->{"after": {${rest}"scan ${no}", "t": "${good}${no}\\t"}}`,
      ].sort(),
      encoding,
    )
    assert.ok(!feed.notices.some((notice) => /cannot be read/.test(notice)), encoding)
    const job = await until('the job to come so far', 10_000, async () => {
      // Of a database that has the letters of all of them.
      const [row] = await server.sql(
        `SELECT status, error, running_status FROM [SHOW JOBS] WHERE description LIKE '%FOR TABLE "t${good}%'`,
      )
      return row?.status === 'running' && !String(row['running_status']).startsWith('running: resolved=')
        ? undefined
        : row
    })
    assert.deepEqual([job.status, job.error], ['running', ''], encoding)
  }
  // Also where the letters of the others are not known.
  for (const [encoding, , good] of odd) {
    const jobs = await server.sql('SELECT description FROM [SHOW JOBS]', `odd_${encoding.toLowerCase()}`)
    const descriptions = jobs.map(({ description }) => String(description))
    assert.equal(descriptions.filter((text) => text.includes('FOR TABLE "t')).length, odd.length, encoding)
    // Nothing of ours is installed in somebody else's database that could try which letters it knows, so only ASCII is printed there.
    const own = serverOfTests.tag === 'theirs' ? '?' : good
    assert.ok(
      descriptions.some((text) => text.includes(`"t${own}"`)),
      encoding,
    )
  }
})

test('a row that PostgreSQL cannot read ends the feed and the job that scan it, by the name of the table', async () => {
  const sql = (text: string): Promise<Record<string, unknown>[]> => server.sql(text)
  await sql(`CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE TABLE lost (id INT PRIMARY KEY, m mood);
    INSERT INTO lost VALUES (1, 'good'), (2, 'bad'); DELETE FROM pg_enum WHERE enumlabel = 'bad'`)
  await using feed = await SinklessFeed.open(server, 'EXPERIMENTAL CHANGEFEED FOR lost')
  await feed.ended
  const wanted = /PostgreSQL cannot read a row of table "public"\."lost": invalid internal value for enum/
  assert.match(feed.error?.message ?? '', wanted)
  assert.match(feed.error?.hint ?? '', /COPY \(SELECT \* FROM ONLY "public"\."lost" WHERE ctid >= '\(0,0\)'/)
  await sql(`CREATE CHANGEFEED FOR lost INTO 'null://'`)
  const job = await until('the job to fail', 10_000, async () => {
    const [row] = await sql(`SELECT status, error FROM [SHOW JOBS] WHERE description LIKE '%FOR TABLE lost%'`)
    return row?.status === 'failed' ? row : undefined
  })
  assert.match(String(job.error), wanted)
})
