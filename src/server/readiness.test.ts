import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Readiness } from './readiness.ts'

test('a PostgreSQL that hangs is not ready, and is asked once until it answers', async () => {
  const answers: PromiseWithResolvers<string[][]>[] = []
  const state = {
    query: (): Promise<string[][]> => {
      const answer = Promise.withResolvers<string[][]>()
      answers.push(answer)
      return answer.promise
    },
  }
  const backend: { problem: { message: string } | undefined } = { problem: undefined }
  const readiness = new Readiness({ backend, state, answersWithinMs: 20 })
  for (let i = 0; i < 3; i++) assert.match((await readiness.problem()) ?? '', /has not answered within 0\.02 s/)
  assert.equal(answers.length, 1)
  answers[0]?.resolve([])
  await answers[0]?.promise
  const asking = readiness.problem()
  answers.at(-1)?.resolve([])
  assert.equal(await asking, undefined)
  const refused = readiness.problem()
  answers.at(-1)?.reject(new Error('the connection is lost'))
  assert.equal(await refused, 'the connection is lost')
  const known = answers.length
  backend.problem = { message: 'PostgreSQL is being started again' }
  assert.equal(await readiness.problem(), 'PostgreSQL is being started again')
  assert.equal(answers.length, known, 'what is known to be down is not asked')
})
