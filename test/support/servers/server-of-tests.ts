// Which PostgreSQL the suites run against: the one that the program brings along, or, where CHANGEFEED_TEST_POSTGRES names
// a version, somebody's own of that version. `npm run test:versions` sets it.
//
//   CHANGEFEED_TEST_POSTGRES=15            a superuser, over TLS with SCRAM
//   CHANGEFEED_TEST_POSTGRES=15-prepared   a role that may read tables which a DBA has prepared

import { postgresVersions, type PostgresVersion } from './postgres-versions.ts'

export type ServerOfTests =
  | { readonly tag: 'embedded' }
  | { readonly tag: 'theirs'; readonly version: PostgresVersion; readonly isPrepared: boolean }

export const serverOfTests = read(process.env['CHANGEFEED_TEST_POSTGRES'] ?? '')

/** The major version of the PostgreSQL that the suites run against, for tests of what only some versions have. */
export const versionOfTests: PostgresVersion = serverOfTests.tag === 'theirs' ? serverOfTests.version : 18

/** For CREATE DATABASE: the embedded PostgreSQL has another provider of locales, and the option is as old as the choice. */
export const libcProvider = versionOfTests >= 15 ? ' LOCALE_PROVIDER libc' : ''

/** For a test of what PostgreSQL has since `version`, as node:test takes it. */
export function needsVersion(version: PostgresVersion): string | false {
  return versionOfTests < version && `PostgreSQL has it since version ${version}`
}

/** For tests that start versions themselves: in a run against one version only that one. */
export function versionsOfRun(otherwise: readonly PostgresVersion[]): readonly PostgresVersion[] {
  return serverOfTests.tag === 'theirs' ? [serverOfTests.version] : otherwise
}

/** For a test of what event triggers of ours tell or refuse at once, as node:test takes it. */
export const needsInstalled: string | false =
  serverOfTests.tag === 'theirs' && serverOfTests.isPrepared && 'nothing of ours is installed in the database'

/** For a suite of partitioned tables, as node:test takes it. */
export const needsPartitionedTables: string | false =
  needsInstalled &&
  needsVersion(15) &&
  'without event triggers, PostgreSQL 14 may lose rows of partitions that are attached'

function read(text: string): ServerOfTests {
  if (text === '') return { tag: 'embedded' }
  const [, number, mode] = /^(\d+)(-prepared)?$/.exec(text) ?? []
  const version = postgresVersions.find((each) => each === Number(number))
  if (version === undefined) throw new Error(`CHANGEFEED_TEST_POSTGRES is ${text}, not a version such as 15`)
  return { tag: 'theirs', version, isPrepared: mode !== undefined }
}
