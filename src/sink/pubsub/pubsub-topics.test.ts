// The topics of the Pub/Sub sink: what is created, and what an account needs for it.

import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import { after, before, test } from 'node:test'
import { answers, checkAll, rows } from '../../../test/services/pubsub/numbered-rows.ts'
import { openAt, specOf, topicOf } from '../../../test/services/pubsub/pubsub-destination.ts'
import { PubsubFront } from '../../../test/services/pubsub/pubsub-front.ts'
import { skipWithoutGo } from '../../../test/services/go-program.ts'
import { PubsubServer } from '../../../test/services/pubsub/pubsub-server.ts'
import { resolvedAt } from '../../../test/suites/sink-kit.ts'
import { FeedError } from '../../errors/feed-error.ts'

const skip = skipWithoutGo
const frontier = { wall: 1n, logical: 0 }

let server: PubsubServer
before(async () => {
  if (skip === false) server = await PubsubServer.start()
})
after(async () => {
  if (skip === false) await server[Symbol.asyncDispose]()
})

test(
  'a topic that does not exist is created, also when it disappears later, and the log says so',
  { skip },
  async () => {
    await using front = await PubsubFront.start({ server })
    const spec = specOf({ topics: ['a', 'b', 'a'] })
    const said: string[] = []
    await using sink = await openAt(front, spec, { log: (_level, text) => said.push(text) })
    const created = (): string[] =>
      front.requests.filter(({ method }) => method === 'CreateTopic').map(({ topic }) => topic.slice(-1))
    assert.deepEqual(created().sort(), ['a', 'b'])
    assert.match(said.join('\n'), /the topic projects\/.*\/topics\/a did not exist and was created/)
    let isMissing = true
    front.trouble = ({ method }) => {
      if (method === 'CreateTopic') isMissing = false
      return method === 'Publish' && isMissing ? answers(status.NOT_FOUND, 'Resource not found') : 'take'
    }
    await sink.emit(rows(0, 100))
    await sink.flush(frontier)
    await checkAll(front, spec, 100)
    assert.equal(created().length, 3, 'lanes that miss it at the same time create it once')
    assert.equal(said.length, 2, 'it was there already, so that nothing was created')
    for (let n = 1; n < 4; n++) {
      await front.deleteTopic(`projects/${spec.project}/topics/a`)
      await sink.emit(rows(n * 100, 100))
      await sink.flush(frontier)
      await checkAll(front, spec, n * 100 + 100)
    }
    assert.equal(created().length, 6)
    await front.deleteTopic(`projects/${spec.project}/topics/b`)
    await sink.emitResolved(resolvedAt(7n))
    const published = await front.published(spec.project)
    assert.deepEqual(published.slice(-2).map(topicOf).sort(), ['a', 'b'])
  },
)

test(
  'an account that may only publish needs topics that exist, and one that may not is told which role it needs',
  { skip },
  async () => {
    await using front = await PubsubFront.start({ server })
    const spec = specOf()
    const denied = answers(status.PERMISSION_DENIED, 'User not authorized to perform this action.')
    front.trouble = ({ method }) => (method === 'GetTopic' || method === 'CreateTopic' ? denied : 'take')
    await (await openAt(front, spec))[Symbol.asyncDispose]()
    front.permissions = []
    await assert.rejects(openAt(front, spec), (error: FeedError) => {
      assert.match(
        error.message,
        /the topic projects\/.*\/topics\/t0 is not there, or not for this account: .*PERMISSION_DENIED/,
      )
      assert.match(error.hint ?? '', /Pub\/Sub Publisher/)
      assert.equal(error.retry, true)
      return true
    })
    front.trouble = ({ method }) => {
      if (method === 'GetTopic') return answers(status.NOT_FOUND)
      return method === 'CreateTopic' ? denied : 'take'
    }
    await assert.rejects(openAt(front, spec), /is not there, or not for this account/)
    front.trouble = () => answers(status.INVALID_ARGUMENT, 'You have passed an invalid argument to the service')
    await assert.rejects(openAt(front, specOf({ topics: ['☃'] })), (error: FeedError) => {
      assert.match(error.message, /^Pub\/Sub \(project project-\d+\) answered INVALID_ARGUMENT: You have/)
      assert.match(error.hint ?? '', /topic_name/)
      return true
    })
  },
)
