// The requests for tokens, as Google gets them. They go through a function in place of the network: Google's addresses are fixed.

import assert from 'node:assert/strict'
import { createPublicKey, createVerify, generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { FeedError } from '../errors/feed-error.ts'
import type { GoogleCredentials } from './google-credentials.ts'
import { GoogleTokens } from './google-tokens.ts'

const pem = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
}).privateKey
const account = { tag: 'service-account', email: 'feed@p.iam', key: pem } as const
const user = { tag: 'user', clientId: 'i', clientSecret: 's3cret', refreshToken: 'r' } as const
const scopes = ['https://www.googleapis.com/auth/pubsub']

interface Asked {
  readonly url: string
  readonly body: string
  readonly authorization: string | undefined
}

type Answer = (asked: Asked) => { readonly status: number; readonly json: unknown }

function tokensOf(credentials: GoogleCredentials, answer: Answer): { tokens: GoogleTokens; asked: Asked[] } {
  const asked: Asked[] = []
  const own = (async (input: URL | string, init: RequestInit = {}) => {
    const body = init.body === undefined || init.body === null ? '' : await new Response(init.body).text()
    const one = {
      url: String(input),
      body,
      authorization: new Headers(init.headers).get('authorization') ?? undefined,
    }
    asked.push(one)
    const { status, json } = answer(one)
    return Response.json(json, { status })
  }) as typeof fetch
  return { tokens: new GoogleTokens({ credentials, scopes, fetch: own }), asked }
}

const granted: Answer = () => ({ status: 200, json: { access_token: 't1', expires_in: 3600, token_type: 'Bearer' } })

function decoded(part: string | undefined): Record<string, unknown> {
  return JSON.parse(Buffer.from(part ?? '', 'base64url').toString()) as Record<string, unknown>
}

test('a service account gets a token for what it has signed, once for everybody who waits', async () => {
  const { tokens, asked } = tokensOf({ key: account, assumeRoles: [] }, granted)
  const all = await Promise.all([tokens.headers(), tokens.headers(), tokens.headers()])
  for (const headers of all) assert.equal(headers.get('authorization'), 'Bearer t1')
  assert.equal(asked.length, 1)
  assert.equal(asked[0]?.url, 'https://oauth2.googleapis.com/token')
  const form = new URLSearchParams(asked[0]?.body)
  const [head, claims, signature = ''] = form.get('assertion')?.split('.') ?? []
  assert.deepEqual([decoded(claims)['iss'], decoded(claims)['scope']], ['feed@p.iam', scopes[0]])
  const verifier = createVerify('RSA-SHA256').update(`${head}.${claims}`)
  assert.ok(verifier.verify(createPublicKey(pem), signature, 'base64url'))
})

test('a token that was refused is not used again, and one that is running out is replaced', async () => {
  let issued = 0
  const short: Answer = () => ({ status: 200, json: { access_token: `t${++issued}`, expires_in: 3600 } })
  const { tokens, asked } = tokensOf({ key: user, assumeRoles: [] }, short)
  assert.equal((await tokens.headers()).get('authorization'), 'Bearer t1')
  assert.equal((await tokens.headers()).get('authorization'), 'Bearer t1')
  tokens.forget()
  assert.equal((await tokens.headers()).get('authorization'), 'Bearer t2')
  assert.equal(asked.length, 2)
  let lives = 0
  const over: Answer = () => ({ status: 200, json: { access_token: `t${++lives}`, expires_in: 1 } })
  const { tokens: brief } = tokensOf({ key: user, assumeRoles: [] }, over)
  await brief.headers()
  assert.equal((await brief.headers()).get('authorization'), 'Bearer t2')
})

test('accounts are assumed one through the other, with the rights of the last one', async () => {
  const expireTime = new Date(Date.now() + 3_600_000).toISOString()
  const { tokens, asked } = tokensOf({ key: account, assumeRoles: ['a@p.iam', 'b@p.iam'] }, ({ url }) =>
    url.includes('generateAccessToken')
      ? { status: 200, json: { accessToken: 'assumed', expireTime } }
      : granted({ url, body: '', authorization: undefined }),
  )
  for (let n = 0; n < 3; n++) assert.equal((await tokens.headers()).get('authorization'), 'Bearer assumed')
  assert.equal(asked.length, 2)
  const last = asked.at(-1)
  assert.match(last?.url ?? '', /^https:\/\/iamcredentials\.googleapis\.com\/.*\/b@p\.iam:generateAccessToken$/)
  assert.equal(last?.authorization, 'Bearer t1')
  const body = JSON.parse(last?.body ?? '') as { delegates: string[]; scope: string[] }
  assert.deepEqual([body.delegates.map((name) => name.replace(/.*\//, '')), body.scope], [['a@p.iam'], scopes])
})

test('implicit credentials are those that GOOGLE_APPLICATION_CREDENTIALS of the server names', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'changefeed-google-'))
  const file = join(folder, 'key.json')
  writeFileSync(file, JSON.stringify({ type: 'service_account', client_email: 'machine@p.iam', private_key: pem }))
  process.env['GOOGLE_APPLICATION_CREDENTIALS'] = file
  try {
    const { tokens, asked } = tokensOf({ key: { tag: 'implicit' }, assumeRoles: [] }, granted)
    assert.equal((await tokens.headers()).get('authorization'), 'Bearer t1')
    const claims = new URLSearchParams(asked[0]?.body).get('assertion')?.split('.')[1]
    assert.deepEqual([decoded(claims)['iss'], decoded(claims)['scope']], ['machine@p.iam', scopes[0]])
    writeFileSync(file, 'no key')
    const { tokens: none } = tokensOf({ key: { tag: 'implicit' }, assumeRoles: [] }, granted)
    await assert.rejects(none.headers(), (error: FeedError) => error.code === 'FEED_SINK' && error.retry)
  } finally {
    delete process.env['GOOGLE_APPLICATION_CREDENTIALS']
    rmSync(folder, { recursive: true })
  }
})

test('credentials that Google refuses are named as such; what may pass is tried again, and no error has a secret', async () => {
  const refused: Answer = () => ({
    status: 400,
    json: { error: 'invalid_grant', error_description: 'Account disabled' },
  })
  const away: Answer = () => ({
    status: 403,
    json: { error: { message: 'Permission denied', status: 'PERMISSION_DENIED' } },
  })
  for (const [answer, code] of [
    [refused, 'FEED_CREDENTIALS'],
    [away, 'FEED_SINK'],
  ] as const) {
    for (const key of [account, user]) {
      const { tokens } = tokensOf({ key, assumeRoles: [] }, answer)
      await assert.rejects(tokens.headers(), (error: FeedError) => {
        assert.equal(error.code, code)
        assert.doesNotMatch(`${error.message} ${error.hint}`, /s3cret|PRIVATE/)
        assert.doesNotMatch(inspect(error, { depth: 20 }), /s3cret|PRIVATE|assertion/)
        return true
      })
    }
  }
})

test('an issuer that does not answer is given up, and so is one when the sink is closed', async () => {
  const own = (() => new Promise(() => undefined)) as typeof fetch
  const tokens = new GoogleTokens({ credentials: { key: account, assumeRoles: [] }, scopes, fetch: own, askMs: 50 })
  await assert.rejects(tokens.headers(), /Google gave no access token within 0.05 s/)
  const abort = new AbortController()
  const asking = assert.rejects(tokens.headers(abort.signal), /enough/)
  abort.abort(new Error('enough'))
  await asking
})
