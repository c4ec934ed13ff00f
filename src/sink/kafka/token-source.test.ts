import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { until } from '../../../test/support/until.ts'
import { makeSecurity } from '../../../test/services/kafka/kafka-security.ts'
import { TokenServer, type TokenAnswer } from '../../../test/services/kafka/token-server.ts'
import type { KafkaOauth } from './spec.ts'
import type { FeedError } from '../../errors/feed-error.ts'
import { TokenSource, type TokenSourceOptions } from './token-source.ts'

const source = (tokens: TokenServer, changed: Partial<TokenSourceOptions> = {}): TokenSource =>
  new TokenSource({ sasl: changed.sasl ?? tokens.sasl, ca: undefined, log: () => undefined, ...changed })

async function failure(work: Promise<unknown>, tokens: TokenServer): Promise<FeedError> {
  const error = await work.then(
    () => assert.fail('there is a token'),
    (thrown: FeedError) => thrown,
  )
  for (const secret of [tokens.clientSecret, Buffer.from(tokens.clientSecret).toString('base64'), 'in-the-query'])
    assert.ok(!`${error.message} ${error.hint}`.includes(secret), error.message)
  return error
}

test('one request serves all connections that wait, and the token is kept until three quarters of its life are over', async () => {
  await using tokens = await TokenServer.start()
  using held = source(tokens)
  const all = await Promise.all(Array.from({ length: 50 }, () => held.get()))
  assert.deepEqual(new Set(all), new Set(tokens.given))
  assert.equal(await held.get(), tokens.given[0])
  assert.equal(tokens.requests, 1)
  held.forget()
  tokens.lifetimeS = 4
  const short = await held.get()
  const startedAt = performance.now()
  assert.equal(tokens.requests, 2)
  await until('a new one', 5000, async () => ((await held.get()) === short ? undefined : true))
  // Three quarters would leave less than a connection can make use of.
  assert.ok(performance.now() - startedAt < 2500)
})

test('credentials are sent in the header, or in the body if the endpoint accepts them only there', async () => {
  await using tokens = await TokenServer.start()
  for (const place of ['header', 'body'] as const) {
    tokens.takesSecretIn = place
    tokens.requests = 0
    using held = source(tokens)
    await held.get()
    assert.equal(tokens.requests, place === 'header' ? 1 : 2)
    held.forget()
    await held.get()
    assert.equal(tokens.requests, place === 'header' ? 2 : 3, 'it knows the place then')
  }
})

test('ca_cert makes an endpoint with a certificate of a private authority trusted', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'changefeed-token-'))
  try {
    const { ca, clientCert, clientKey } = makeSecurity(dir)
    await using tokens = await TokenServer.start({ cert: clientCert, key: clientKey })
    using held = source(tokens, { ca })
    assert.equal(await held.get(), tokens.given[0])
    using stranger = source(tokens)
    const error = await failure(stranger.get(), tokens)
    assert.equal(error.retry, true)
    assert.match(
      error.message,
      /^the token endpoint https:\/\/localhost:\d+\/token cannot be reached: unable to verify/,
    )
    assert.match(error.hint ?? '', /as ca_cert/)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})

test('a refusal of the endpoint is final, and the error says what to check', async () => {
  await using tokens = await TokenServer.start()
  const { sasl } = tokens
  const cases: readonly (readonly [Partial<KafkaOauth>, string, RegExp])[] = [
    [{ clientSecret: 'wrong' }, '401 invalid_client', /sasl_client_secret, which is given in base64/],
    [{ clientId: 'nobody' }, '401 invalid_client', /sasl_client_id/],
    [{ grantType: 'password' }, '400 unsupported_grant_type', /sasl_grant_type/],
    [{ scopes: ['all'] }, '400 invalid_scope', /^check sasl_scopes$/],
    [{ tokenUrl: `http://127.0.0.1:${tokens.port}/` }, '404', /^check sasl_token_url$/],
  ]
  for (const [changed, said, hint] of cases) {
    using held = source(tokens, { sasl: { ...sasl, ...changed } })
    const error = await failure(held.get(), tokens)
    assert.equal(error.code, 'FEED_CREDENTIALS')
    assert.match(error.message, /^the token endpoint http:\/\/[\w.]+:\d+\/(?:token)? refuses a token: /)
    assert.ok(error.message.endsWith(said), error.message)
    assert.match(error.hint ?? '', hint)
    assert.ok(!error.message.includes('wrong'))
  }
})

test('a redirect is not followed: it could lead to a machine that sinks may not reach', async () => {
  await using tokens = await TokenServer.start()
  await using elsewhere = await TokenServer.start()
  for (const status of [302, 307]) {
    tokens.instead = { status, body: '', headers: { location: elsewhere.url } }
    using held = source(tokens)
    const error = await failure(held.get(), tokens)
    assert.equal(error.code, 'FEED_CREDENTIALS')
    assert.match(error.hint ?? '', /it redirects/)
  }
  assert.equal(elsewhere.requests, 0)
})

test('an endpoint that is down, busy, slow or not a token endpoint is asked again later', async () => {
  await using tokens = await TokenServer.start()
  const cases: readonly (readonly [TokenAnswer | 'hang', RegExp])[] = [
    [{ status: 503, body: '<html>' }, / gives no token at the moment: 503$/],
    [{ status: 429, body: '{"error":"slow_down"}' }, / gives no token at the moment: 429 slow_down$/],
    [{ status: 200, body: '<html>sign in</html>' }, / gives no access_token$/],
    [{ status: 200, body: '{"access_token":"a\\u0001b"}' }, / gives no access_token$/],
    [{ status: 200, body: `"${'x'.repeat(300_000)}"` }, /the answer is longer than \d+ bytes$/],
    ['hang', / did not answer within 0.5 s$/],
  ]
  for (const [instead, message] of cases) {
    tokens.instead = instead
    using held = source(tokens, { withinMs: 500 })
    const error = await failure(held.get(), tokens)
    assert.equal(error.retry, true)
    assert.match(error.message, message)
    // Whatever it was: the next one who asks gets a token when there is one.
    tokens.instead = undefined
    assert.equal(await held.get(), tokens.given.at(-1))
  }
  const { sasl } = tokens
  await tokens[Symbol.asyncDispose]()
  using held = source(tokens, { sasl })
  const error = await failure(held.get(), tokens)
  assert.equal(error.retry, true)
  assert.match(error.message, / cannot be reached: .*ECONNREFUSED/)
})

test('errors show the message of the endpoint, unless it repeats the secret', async () => {
  await using tokens = await TokenServer.start()
  const says = (description: string): TokenAnswer => ({
    status: 403,
    body: JSON.stringify({ error: 'access_denied', error_description: description }),
  })
  using held = source(tokens)
  tokens.instead = says('client is locked')
  assert.match((await failure(held.get(), tokens)).message, /403 access_denied: client is locked$/)
  tokens.instead = says(`no client has the secret ${tokens.clientSecret}`)
  assert.match((await failure(held.get(), tokens)).message, /403 access_denied$/)
})

test('while no new token is available, the present one is used until its end', async () => {
  await using tokens = await TokenServer.start()
  tokens.lifetimeS = 2
  const said: string[] = []
  using held = source(tokens, { log: (_, text) => said.push(text) })
  const first = await held.get()
  tokens.instead = { status: 401, body: '{"error":"invalid_client"}' }
  await until('it was asked and refused', 5000, async () => {
    assert.equal(await held.get(), first)
    return tokens.requests > 1 ? true : undefined
  })
  assert.match(said.join(), /refuses a token: 401 invalid_client; the token at hand is used on/)
  const asked = tokens.requests
  await held.get()
  assert.equal(tokens.requests, asked, 'it is not asked at once again')
  await until('the end of its life', 5000, () =>
    held.get().then(
      () => undefined,
      (error: FeedError) => error.code === 'FEED_CREDENTIALS' || undefined,
    ),
  )
})

test('closing the source aborts its request at once', async () => {
  await using tokens = await TokenServer.start()
  tokens.instead = 'hang'
  const held = source(tokens)
  const asking = held.get()
  await until('the request is there', 5000, () => (tokens.requests > 0 ? true : undefined))
  const startedAt = performance.now()
  held[Symbol.dispose]()
  await assert.rejects(asking, /the sink is closed/)
  assert.ok(performance.now() - startedAt < 1000)
})
