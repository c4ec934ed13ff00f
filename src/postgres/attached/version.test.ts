import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import type { Queries } from '../queries.ts'
import { checkVersion } from './version.ts'

const says = (number: string, name: string): Queries => ({ query: async () => [[number, name]] })

test('PostgreSQL 13 is refused, 14 to 18 are taken, and a later one gets a line in the log', async () => {
  const lines: string[] = []
  const log = pino({ level: 'warn' }, { write: (line: string) => lines.push(line) })
  await assert.rejects(checkVersion(says('130011', '13.11'), log), /PostgreSQL 13\.11 is too old/)
  await checkVersion(says('140023', '14.23'), log)
  await checkVersion(says('180004', '18.4'), log)
  assert.deepEqual(lines, [])
  await checkVersion(says('190000', '19beta1'), log)
  assert.match(lines.join(''), /was tried with PostgreSQL 14 to 18.*|19beta1/)
})
