import assert from 'node:assert/strict'
import { test } from 'node:test'
import { feedMeter, type FeedMeter } from '../core/feed-meter.ts'
import { AnsweringRegistry, type AnswerQuestion } from '../../test/support/answering-registry.ts'
import { within } from '../../test/support/until.ts'
import type { RegistrySpec } from '../core/feed-spec.ts'
import type { FeedError } from '../errors/feed-error.ts'
import { openRegistry, type RegistryOptions, type SchemaRegistry } from './schema-registry.ts'

const withinMs = 10_000
const schema = '{"type":"record","name":"t","fields":[]}'

interface Opened {
  readonly registry: SchemaRegistry
  readonly said: (string | undefined)[]
  readonly meter: FeedMeter
}

function open(spec: Partial<RegistrySpec> & Pick<RegistrySpec, 'urls'>, options: RegistryOptions = {}): Opened {
  const said: (string | undefined)[] = []
  const meter = feedMeter()
  const registry = openRegistry({ timeoutMs: 5000, ...spec }, { waiting: (why) => said.push(why), meter, ...options })
  return { registry, said, meter }
}

/** An address at which nobody listens. */
async function freeUrl(): Promise<string> {
  await using registry = await AnsweringRegistry.start(() => undefined)
  return registry.url.replace('localhost', '127.0.0.1')
}

const gives =
  (id: number): AnswerQuestion =>
  () =>
    `{"id":${id}}`

test('a schema is posted under its subject below the path of the URL', async () => {
  await using server = await AnsweringRegistry.start(gives(7))
  const { registry, said, meter } = open({ urls: [`${server.url}/apis/v7`], user: 'KEY', password: 'sec:ret/+' })
  assert.equal(await registry.register('a/b "c"-value', schema), 7)
  const [{ method, url, headers, body } = assert.fail()] = server.questions
  assert.deepEqual([method, url], ['POST', '/apis/v7/subjects/a%2Fb%20%22c%22-value/versions'])
  assert.equal(headers['content-type'], 'application/vnd.schemaregistry.v1+json')
  assert.equal(headers.authorization, `Basic ${Buffer.from('KEY:sec:ret/+').toString('base64')}`)
  assert.deepEqual(JSON.parse(body), { schema })
  assert.deepEqual([said, meter.value('registrations'), meter.value('registryRetries')], [[], 1, 0])
})

test('feeds with the same registry share ids by content, and questions that are being answered', async () => {
  await using server = await AnsweringRegistry.start(({ before }) => `{"id":${before + 1}}`)
  const spec = { urls: [server.url] }
  const [a, b, other] = [open(spec), open(spec), open({ ...spec, user: 'other', password: 'p' })]
  const both = [a.registry.register('t-value', schema), b.registry.register('t-value', schema)]
  assert.deepEqual(await Promise.all(both), [1, 1])
  assert.equal(b.registry.register('t-value', schema), 1)
  assert.equal(await b.registry.register('u-value', schema), 2)
  assert.equal(await b.registry.register('t-value', `${schema} `), 3)
  assert.equal(await other.registry.register('t-value', schema), 4)
  assert.equal(server.questions.length, 4)
})

test('questions one after the other use one connection', async () => {
  await using server = await AnsweringRegistry.start(gives(1))
  const { registry } = open({ urls: [server.url] })
  for (let i = 0; i < 5; i++) await registry.register(`s${i}`, schema)
  assert.equal(server.connections, 1)
})

test('a registry that is down is asked again, says where it is and what to do, and says that it answers', async () => {
  const url = await freeUrl()
  const waits = open({ urls: [url] })
  const answer = Promise.resolve(waits.registry.register('t-value', schema))
  await within(withinMs, 'a word', () => waits.said.length > 0)
  assert.equal(
    waits.said[0],
    `waiting: the schema registry ${url} cannot be reached: connect ECONNREFUSED ${new URL(url).host}; check host and port, and whether the registry runs: nothing listens there; it is asked again`,
  )
  await using _server = await AnsweringRegistry.start(gives(9), undefined, Number(new URL(url).port))
  assert.equal(await answer, 9)
  assert.deepEqual(waits.said.slice(1), [undefined])
  assert.ok(waits.meter.value('registryRetries') > 0)
})

test('a registry that is busy is asked again when it wants to be', async () => {
  let firstAtMs = 0
  await using server = await AnsweringRegistry.start(({ before }, response) => {
    if (before > 0) return '{"id":3}'
    firstAtMs = performance.now()
    response.writeHead(429, { 'retry-after': '1' }).end('{"error_code":429,"message":"slow down"}')
    return undefined
  })
  const { registry, said } = open({ urls: [server.url] })
  assert.equal(await registry.register('t-value', schema), 3)
  assert.ok(performance.now() - firstAtMs >= 990)
  assert.match(said[0] ?? '', /does not answer the request at the moment: 429 slow down; it may pass/)
})

test('a schema that is refused because another client registers it at the same time gets its id', async () => {
  await using server = await AnsweringRegistry.start(({ before }, response) => {
    if (before > 0) return '{"id":3}'
    response.writeHead(409).end('{"error_code":409,"message":"An artifact with ID \'t-value\' already exists."}')
    return undefined
  })
  const { registry, said } = open({ urls: [server.url] })
  assert.equal(await registry.register('t-value', schema), 3)
  assert.deepEqual(said, [])
})

test('a registry that takes the connection and answers nothing is reported, then the request ends', async () => {
  await using server = await AnsweringRegistry.start(() => undefined)
  const { registry, said } = open({ urls: [server.url], timeoutMs: 400 }, { answersWithinMs: 50, keepTryingMs: 1 })
  await assert.rejects(async () => registry.register('t-value', schema), {
    code: 'FEED_REGISTRY',
    message: `the schema registry ${server.url} did not answer within 0.4 s`,
    retry: true,
  })
  assert.deepEqual(said, [`waiting for the schema registry ${server.url} to answer`, undefined])
})

test('a feed that is stopped does not wait for the registry', async () => {
  await using server = await AnsweringRegistry.start(() => undefined)
  const stop = new AbortController()
  const { registry } = open({ urls: [server.url] }, { signal: stop.signal })
  const answer = Promise.resolve(registry.register('t-value', schema))
  await within(withinMs, 'the question arrives', () => server.questions.length === 1)
  stop.abort(new Error('stopped'))
  await assert.rejects(answer, /^Error: stopped$/)
})

test('the first URL that answers is used, and stays the first', async () => {
  await using good = await AnsweringRegistry.start(({ before }) => `{"id":${before}}`)
  const down = await freeUrl()
  const { registry, said } = open({ urls: [down, good.url] })
  assert.equal(await registry.register('a', schema), 0)
  assert.equal(await registry.register('b', schema), 1)
  assert.deepEqual(said, [])
  const none = open({ urls: [down, `${down}/b`] }, { keepTryingMs: 1 })
  await assert.rejects(async () => none.registry.register('a', schema), {
    message: [down, `${down}/b`]
      .map((url) => `the schema registry ${url} cannot be reached: connect ECONNREFUSED ${new URL(url).host}`)
      .join('; '),
  })
})

test('what the registry refuses ends the feed at once, with subject, reason and what to do', async () => {
  const table: [status: number, body: string, code: string, message: RegExp, hint: RegExp][] = [
    [
      409,
      '{"error_code":409,"message":"Incompatible\\nartifact: T"}',
      'FEED_SCHEMA',
      /^the schema registry URL refuses the schema of subject "t-value": 409 Incompatible artifact: T$/,
      /undo the change of the table if no row was written since, or .*: PUT \{"compatibility": "NONE"\} to URL\/config\/t-value$/,
    ],
    [422, '{"error_code":42201,"message":"bad"}', 'FEED_SCHEMA', /subject "t-value": 422 \(42201\) bad$/, /report it/],
    [422, '{"error_code":42205,"message":"RO"}', 'FEED_SCHEMA', /422 \(42205\) RO$/, /READWRITE/],
    [401, '{"error_code":401,"message":"Unauthorized"}', 'FEED_REGISTRY', /refuses the credentials: 401 Unau/, /USER:/],
    [403, '', 'FEED_REGISTRY', /not let the user register the schema of subject "t-value": 403$/, /DeveloperWrite/],
    [404, '<html>no</html>', 'FEED_REGISTRY', /^URL\/subjects\/t-value\/versions does not answer .*: 404$/, /ccompat/],
    [415, 'what?', 'FEED_REGISTRY', /does not answer as a schema registry does: 415 what\?$/, /path/],
    [200, 'OK', 'FEED_REGISTRY', /does not answer as a schema registry does: 200$/, /path/],
    [200, '{"id":-1}', 'FEED_REGISTRY', /does not answer as a schema registry does: 200$/, /path/],
    [200, '{"id":4294967296}', 'FEED_REGISTRY', /registry does: 200$/, /path/],
    // A refusal that is longer than what is read of it.
    [409, `{"message":"no: ${'x'.repeat(600_000)}"}`, 'FEED_SCHEMA', /: 409 \{"message":"no: x{384}…$/, /NONE/],
    [307, '', 'FEED_REGISTRY', /redirects: 307 to https:\/\/elsewhere\/x$/, /not followed/],
  ]
  for (const [status, body, code, message, hint] of table) {
    await using server = await AnsweringRegistry.start((_, response) => {
      const type = body.startsWith('{') ? 'application/json' : body.startsWith('<') ? 'text/html' : 'text/plain'
      response.writeHead(status, {
        'content-type': type,
        ...(status === 307 ? { location: 'https://elsewhere/x?key=k' } : {}),
      })
      response.end(body)
      return undefined
    })
    const { registry } = open({ urls: [server.url] })
    await assert.rejects(
      async () => registry.register('t-value', schema),
      (error: FeedError) => {
        assert.deepEqual([error.code, error.retry], [code, true])
        assert.match(error.message.replaceAll(server.url, 'URL'), message)
        assert.match((error.hint ?? '').replaceAll(server.url, 'URL'), hint)
        return true
      },
    )
    // A conflict may be with a client that registers at the same time.
    assert.equal(server.questions.length, status === 409 ? 2 : 1)
  }
})

test('an answer without end is not read on', async () => {
  await using server = await AnsweringRegistry.start((_, response) => {
    const more = (): void => {
      if (!response.destroyed) response.write('x'.repeat(65_536), () => setImmediate(more))
    }
    more()
    return undefined
  })
  const { registry } = open({ urls: [server.url] })
  await assert.rejects(async () => registry.register('t-value', schema), /registry does: 200$/)
})

test('no error repeats the password', async () => {
  const [user, password] = ['me', 'top secret']
  const shown = [password, encodeURIComponent(password), Buffer.from(`${user}:${password}`).toString('base64')]
  for (const secret of shown) {
    await using server = await AnsweringRegistry.start((_, response) => {
      response.writeHead(401).end(JSON.stringify({ message: `no such user: ${secret}` }))
      return undefined
    })
    const { registry } = open({ urls: [server.url], user, password })
    await assert.rejects(
      async () => registry.register('t-value', schema),
      ({ message, hint = '' }: FeedError) => {
        assert.equal(message, `the schema registry ${server.url} refuses the credentials: 401`)
        assert.doesNotMatch(hint, /secret/)
        return true
      },
    )
  }
})
