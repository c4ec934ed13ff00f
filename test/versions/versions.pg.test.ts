// What a changefeed promises, on every version of PostgreSQL that is supported: as a superuser and as a role that may only
// read what a DBA has prepared, over TLS with SCRAM. `npm run test:versions` runs more.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { chosen, roles } from '../../scripts/version-suites.ts'
import { postgresVersions, skipVersion } from '../support/servers/postgres-versions.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const timeout = 300_000

for (const version of postgresVersions) {
  for (const role of roles) {
    const name = `PostgreSQL ${version}, ${role === '' ? 'as a superuser' : 'as a role that installs nothing'}`
    test(`the promises of a feed hold on ${name}`, { skip: skipVersion(version), timeout }, async () => {
      const { CHANGEFEED_TEST_POSTGRES: _, NODE_TEST_CONTEXT: __, ...environment } = process.env
      const child = spawn(process.execPath, ['--test', '--test-reporter=spec', chosen], {
        cwd: root,
        env: { ...environment, CHANGEFEED_TEST_POSTGRES: `${version}${role}` },
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      let output = ''
      child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
      const code = await new Promise((resolve) => child.once('close', resolve))
      assert.equal(code, 0, output.slice(output.indexOf('failing tests')))
    })
  }
}
