import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../server/test-server.ts'
import { adapted } from './adaptations.ts'
import { folder, readCases } from './cases.ts'
import { notYet } from './not-yet.ts'
import { runCase } from './run-case.ts'

const cases = readCases()
let server: TestServer

if (cases === undefined) {
  const why = `the conformance data is not at ${folder}`
  test('the conformance data is there', { skip: process.env['CI'] === undefined ? why : false }, () => assert.fail(why))
} else {
  before(async () => {
    server = await TestServer.start()
  })
  after(() => server[Symbol.asyncDispose]())

  for (const original of cases) {
    const reason = notYet[original.id]
    test(
      `${original.area} ${original.id}${reason === undefined ? '' : ` does not pass yet: ${reason}`}`,
      { timeout: 60_000 },
      async () => {
        const run = runCase(server, adapted(original))
        if (reason === undefined) await run
        else await assert.rejects(run, () => true, 'it passes: take it out of the list')
      },
    )
  }

  test('the list of what does not pass names only cases that exist', () => {
    const ids = new Set(cases.map(({ id }) => id))
    assert.deepEqual(
      Object.keys(notYet).filter((id) => !ids.has(id)),
      [],
    )
  })
}
