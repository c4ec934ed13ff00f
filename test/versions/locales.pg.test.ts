// Somebody's PostgreSQL whose databases are in LATIN1, or sort by the rules of a language: names, keys and values come as they are, in a
// scan, in the stream and after a time without our server; a key is another one if its bytes are, however the locale compares.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatHlc, zeroHlc } from '../../src/core/hlc.ts'
import { queryOnce } from '../../src/postgres/raw-connection.ts'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { hlcOf, withoutTime } from '../feed/test-feed.ts'
import { prepared, startAttached } from '../server/attached.ts'
import { skipVersion, type PostgresVersion } from '../support/servers/postgres-versions.ts'

interface Locale {
  readonly name: string
  readonly version: PostgresVersion
  readonly isPrepared: boolean
  readonly encoding: string
  /** Arguments of initdb. */
  readonly locale: readonly string[]
  /** The type of the key. */
  readonly sql?: string
  readonly keyType?: string
}

/** ICU counts both as one key, whatever the case. */
const ignoresCase = {
  sql: `CREATE COLLATION anycase (PROVIDER = icu, LOCALE = 'und-u-ks-level2', DETERMINISTIC = false)`,
  keyType: 'text COLLATE anycase',
} as const

const icu = ['--locale-provider=icu', '--icu-locale=de-DE', '--locale=C.UTF-8']
const locales: readonly Locale[] = [
  { name: 'LATIN1, installed', version: 14, isPrepared: false, encoding: 'LATIN1', locale: ['--no-locale'] },
  { name: 'LATIN1, prepared', version: 15, isPrepared: true, encoding: 'LATIN1', locale: ['--no-locale'] },
  { name: 'ICU, prepared', version: 16, isPrepared: true, encoding: 'UTF8', locale: icu, ...ignoresCase },
  { name: 'ICU, installed', version: 18, isPrepared: false, encoding: 'UTF8', locale: icu, ...ignoresCase },
  { name: 'C.UTF-8 of libc', version: 17, isPrepared: false, encoding: 'UTF8', locale: ['--locale=C.UTF-8'] },
]

for (const { name, version, isPrepared, encoding, locale, sql = '', keyType = 'text' } of locales) {
  test(`a feed of PostgreSQL ${version} with ${name}`, { skip: skipVersion(version), timeout: 300_000 }, async () => {
    await using attached = await startAttached({
      ...(isPrepared ? prepared : {}),
      version,
      encoding,
      locale,
      tls: true,
      auth: 'scram-sha-256',
    })
    const { postgres, server } = attached
    const [found] = await postgres.sql(
      'SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()',
      'app',
    )
    assert.deepEqual(found, [encoding])
    const run = (text: string): Promise<unknown> =>
      queryOnce(postgres.localSource('app'), `SET search_path = public; ${text}`)
    await run(`${sql}; CREATE TABLE "Größen" ("naïve" ${keyType} PRIMARY KEY, "é" text, n int)`)
    if (isPrepared) await run(prepared.tableSql('"Größen"'))
    await run(`INSERT INTO "Größen" VALUES ('ä', 'ÿ', 1), ('Z', 'ß', 1), ('z-', NULL, 1)`)
    const open = (options: string): Promise<SinklessFeed> =>
      SinklessFeed.open(server, `EXPERIMENTAL CHANGEFEED FOR "Größen" WITH updated, resolved = '100ms'${options}`)
    const said: string[] = []
    const take = (feed: SinklessFeed): unknown => said.push(...feed.texts.map(withoutTime))
    let cursor = zeroHlc
    {
      await using feed = await open('')
      await feed.row(3)
      await run(`UPDATE "Größen" SET n = 2 WHERE "naïve" = 'ä'`)
      await feed.row(4)
      await run(`UPDATE "Größen" SET "naïve" = 'Ä' WHERE "naïve" = 'ä'`)
      await feed.row(6)
      await run(`ALTER TABLE "Größen" RENAME COLUMN n TO "ñ"; DELETE FROM "Größen" WHERE "naïve" = 'Z'`)
      const last = (await feed.row(7))[6]
      cursor = await feed.resolvedPast(hlcOf(last?.value ?? '', 'updated'))
      take(feed)
    }
    await server.kill()
    await run(`INSERT INTO "Größen" VALUES ('é', 'è', 3)`)
    await server.restart()
    {
      await using feed = await open(`, cursor = '${formatHlc(cursor)}'`)
      await feed.row(1)
      take(feed)
    }
    const row = (key: string, e: string, n: number): string =>
      `Größen: ["${key}"]->{"after": {"n": ${n}, "naïve": "${key}", "é": ${e}}}`
    assert.deepEqual(
      [...said].sort(),
      [
        row('ä', '"ÿ"', 1),
        row('Z', '"ß"', 1),
        row('z-', 'null', 1),
        row('ä', '"ÿ"', 2),
        'Größen: ["ä"]->{"after": null}',
        row('Ä', '"ÿ"', 2),
        'Größen: ["Z"]->{"after": null}',
        `Größen: ["é"]->{"after": {"naïve": "é", "é": "è", "ñ": 3}}`,
      ].sort(),
    )
  })
}
