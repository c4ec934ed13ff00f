// npm run test:versions: the suites of feeds, jobs, Kafka and crashes against PostgreSQL 14 to 18, which are installed when they
// are missing; as a superuser and as a role that may only read what a DBA has prepared, over TLS with SCRAM. It takes hours
// on a small machine.
//
//   npm run test:versions -- 15 17-prepared   only these
//   npm run test:versions -- 15 kafka-feed    of these, only files whose path contains the text

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { roles, suites, versions } from './version-suites.ts'

const all = versions.flatMap((version) => roles.map((role) => ({ version, role, name: `${version}${role}` })))
const wanted = process.argv.slice(2)
const named = all.filter(({ name }) => wanted.includes(name))
const parts = wanted.filter((word) => !all.some(({ name }) => name === word))
const results: string[] = []
let failures = 0
for (const { role, name } of named.length > 0 ? named : all) {
  const files = parts.length === 0 ? suites[role] : parts
  process.stdout.write(`\nPostgreSQL ${name}\n`)
  const { status } = spawnSync(process.execPath, [fileURLToPath(new URL('test.ts', import.meta.url)), ...files], {
    stdio: 'inherit',
    env: { ...process.env, CHANGEFEED_TEST_POSTGRES: name },
  })
  if (status !== 0) failures += 1
  results.push(`PostgreSQL ${name}: ${status === 0 ? 'passed' : 'FAILED'}`)
}
process.stdout.write(`\n${results.join('\n')}\n`)
process.exitCode = failures === 0 ? 0 : 1
