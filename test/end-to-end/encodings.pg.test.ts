// Databases in every encoding that PostgreSQL stores text in: names and values that are not ASCII come as they are, and a
// key of two columns, whose names stand in another order than the columns, is whole.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { TestServer } from '../server/test-server.ts'
import { libcProvider } from '../support/servers/server-of-tests.ts'
import { until } from '../support/until.ts'

/** Letters of the scripts that the encodings are for. */
const letters = ['é', 'ж', '日', '한', '文', 'א', 'ع', 'ไ', 'ő', 'ę', 'ş', 'ơ', 'ω'] as const
const withinMs = 30_000

/** As pg_encoding_to_char numbers them; those behind it are for clients only. */
const lastServerEncoding = 34

let server: TestServer
let encodings: readonly { readonly name: string; readonly letter: string | undefined }[] = []
before(async () => {
  server = await TestServer.start()
  const rows = await server.sql(
    `SELECT pg_encoding_to_char(i) AS name FROM generate_series(0, ${lastServerEncoding}) AS i`,
  )
  encodings = await Promise.all(
    rows.map(async ({ name }) => ({ name: String(name), letter: await letterOf(String(name)) })),
  )
})
after(() => server[Symbol.asyncDispose]())

/** One that the encoding has; undefined: PostgreSQL converts nothing between it and UTF8. */
async function letterOf(encoding: string): Promise<string | undefined> {
  for (const letter of letters) {
    const isThere = await server.sql(`SELECT convert_to('${letter}', '${encoding}')`).then(
      () => true,
      () => false,
    )
    if (isThere) return letter
  }
  return undefined
}

test('names and values that are not ASCII are right in every server encoding', { timeout: 600_000 }, async () => {
  assert.ok(encodings.length > 30)
  for (const { name, letter } of encodings) {
    const database = `enc_${name.toLowerCase()}`
    await server.sql(
      `CREATE DATABASE ${database} ENCODING '${name}' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'${libcProvider}`,
    )
    if (letter === undefined) {
      // MULE_INTERNAL: no client that speaks UTF8 can connect, so there is nobody to ask for a changefeed.
      await assert.rejects(server.sql('SELECT 1', database), {
        message: 'conversion between UTF8 and MULE_INTERNAL is not supported',
      })
      continue
    }
    await rowsAreRight(database, letter)
    await until('the database is given back', withinMs, () =>
      server.sql(`UNWATCH DATABASE ${database}`).then(
        () => true,
        () => undefined,
      ),
    )
    await server.sql(`DROP DATABASE ${database}`)
  }
})

async function rowsAreRight(database: string, letter: string): Promise<void> {
  const e = letter
  await server.sql(
    `CREATE TYPE "mood ${e}" AS ENUM ('${e}', '${e}${e}');
     CREATE TABLE d (a INT, "${e}" INT, n INT, PRIMARY KEY ("${e}", a));
     CREATE TABLE "f${e}" (a INT, "${e}" INT, s TEXT, m "mood ${e}", PRIMARY KEY ("${e}", a));
     INSERT INTO d VALUES (1, 10, 0), (1, 20, 0);
     INSERT INTO "f${e}" VALUES (1, 10, '${e}', '${e}'), (1, 20, '${e}', '${e}${e}')`,
    database,
  )
  await using feed = await SinklessFeed.open(server, `EXPERIMENTAL CHANGEFEED FOR d, "f${e}" WITH updated, resolved`, {
    database,
  })
  await feed.row(4)
  await server.sql('UPDATE d SET n = 1', database)
  await feed.row(6)
  await server.sql(`UPDATE "f${e}" SET s = s || 'x'`, database)
  await feed.row(8)
  await server.sql(`ALTER TABLE d RENAME COLUMN n TO "n${e}"; DELETE FROM d WHERE "${e}" = 20`, database)
  await server.sql('UPDATE d SET a = a', database)
  await feed.row(10)
  const came = feed.texts.map((text) => text.replace(/, "updated": "[\d.]+"/, ''))
  const d = (key: number, row: string): string => `d: [${key}, 1]->{"after": ${row}}`
  const f = (key: number, s: string, m: string): string =>
    `f${e}: [${key}, 1]->{"after": {"a": 1, "m": "${m}", "s": "${s}", "${e}": ${key}}}`
  const wanted = [
    d(10, `{"a": 1, "n": 0, "${e}": 10}`),
    d(20, `{"a": 1, "n": 0, "${e}": 20}`),
    f(10, e, e),
    f(20, e, e + e),
    d(10, `{"a": 1, "n": 1, "${e}": 10}`),
    d(20, `{"a": 1, "n": 1, "${e}": 20}`),
    f(10, `${e}x`, e),
    f(20, `${e}x`, e + e),
    d(20, 'null'),
    d(10, `{"a": 1, "n${e}": 1, "${e}": 10}`),
  ]
  assert.deepEqual([...came].sort(), [...wanted].sort(), database)
}
