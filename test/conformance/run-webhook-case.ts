// Cases of the webhook sink, at an endpoint. What a step does is written in words: here is each of them as code. What must come of it is read
// from the data: the bodies of requests.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { ConfigObject } from '../../src/sink/config-object.ts'
import { readFlush, readRetry } from '../../src/sink/batching/read-batch-config.ts'
import type { Sink } from '../../src/sink/sink.ts'
import { webhookConfigFields } from '../../src/sink/webhook/parameters.ts'
import type { WebhookSinkSpec } from '../../src/sink/webhook/spec.ts'
import { openHook, specOf } from '../services/webhook/hook-destination.ts'
import { HookServer, type HookServerOptions } from '../services/webhook/hook-server.ts'
import { certificateOf } from '../support/servers/certificates.ts'
import { within } from '../support/until.ts'
import { batchOf, type TestMessage } from '../suites/sink-kit.ts'
import type { ConformanceCase, ConformanceStep } from './cases.ts'

const withinMs = 20_000
const hourMs = 3_600_000
/** In place of an hour, which nobody waits for. */
const shortMs = 200

type Run = (original: ConformanceCase) => Promise<void>

const runs: Readonly<Record<string, Run>> = {
  'webhook-001': eachAlone,
  'webhook-002': certificates,
  'webhook-005': gaveUp,
  'webhook-007': flushedRows,
  'webhook-008': byTheClock,
  'webhook-009': sentAgain,
}

export function runWebhookCase(original: ConformanceCase): Promise<void> {
  const run = runs[original.id]
  assert.ok(run !== undefined, `the runner does not know ${original.id}`)
  return run(original)
}

interface World extends AsyncDisposable {
  readonly hooks: HookServer
  readonly sink: Sink
}

async function worldOf(
  changed: (hooks: HookServer) => Partial<WebhookSinkSpec> = () => ({}),
  options: HookServerOptions = {},
): Promise<World> {
  await using opened = new AsyncDisposableStack()
  const hooks = opened.use(await HookServer.start(options))
  const sink = opened.use(await openHook(specOf(hooks, changed(hooks))))
  const all = opened.move()
  return { hooks, sink, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

/** The configuration in `… Flush {…}` or `… Retry {…}`. */
function configOf({ feed }: Pick<ConformanceCase, 'feed'>): Partial<WebhookSinkSpec> {
  const [, name = '', json = '{}'] = /(Flush|Retry) (\{.*\})/.exec(feed) ?? []
  const text = `{"${name}": ${json}}`
  const config = ConfigObject.read({ name: 'webhook_sink_config', text, position: 1, fields: webhookConfigFields })
  return { flush: readFlush(config.object('Flush')), retry: readRetry(config.object('Retry')) }
}

/** The rows of the cases have the key 1001. */
function row(rowid: number): TestMessage {
  return { key: '[1001]', value: `{"after":{"col1":"val1","rowid":${rowid}},"key":[1001],"topic:":"foo"}` }
}

function rows(count: number): readonly TestMessage[] {
  return Array.from({ length: count }, (_, i) => row(1000 + i))
}

/** The messages of `EmitRow {…}; EmitRow {…}`. */
function written({ sql = '' }: ConformanceStep): readonly TestMessage[] {
  return [...sql.matchAll(/EmitRow (\{.*?\})(?=; )/g)].map(([, value = '']) => ({
    key: /"key":(\[\d+\])/.exec(value)?.[1] ?? '',
    value,
  }))
}

const bodies = ({ hooks }: World): readonly string[] => hooks.taken.map(({ body }) => body)

/** Each row is a request of its own; the step shows the latest. */
async function eachAlone({ steps }: ConformanceCase): Promise<void> {
  await using world = await worldOf()
  let sent = 0
  for (const step of steps) {
    const messages = written(step)
    for (const message of messages) await world.sink.emit(batchOf(message))
    if (messages.length > 0) await world.sink.flush(undefined)
    if (step.sql?.startsWith('EmitResolved') === true) {
      const at = { wall: 2n, logical: 0 }
      await world.sink.emitResolved({ at, payload: () => Buffer.from('{"resolved":"2.0000000000"}') })
      sent += 1
    }
    sent += messages.length
    if (step.expect === undefined) continue
    assert.deepEqual(bodies(world).slice(-1), step.expect)
    assert.equal(world.hooks.taken.length, sent)
  }
}

async function sends(world: World, messages: readonly TestMessage[] = rows(1)): Promise<void> {
  await world.sink.emit(batchOf(...messages))
  await world.sink.flush(undefined)
}

/** Go's words for it are others than those of Node: what is checked is the meaning. */
async function certificates({ steps }: ConformanceCase): Promise<void> {
  const few = { retry: { max: 1, backoffMs: 1 }, timeoutMs: 2000 }
  const untrusting = (hooks: HookServer): Partial<WebhookSinkSpec> => ({
    ...few,
    tls: { ...specOf(hooks).tls, ca: undefined },
  })
  const own = certificateOf('webhook-client')
  const words = steps.map(({ sql = '' }) => sql)
  assert.deepEqual(
    words.filter((text) => text !== ''),
    [
      'server certificate not trusted, no ca_cert; EmitRow; Flush',
      'insecure_tls_skip_verify=true: accepted',
      'server closed; Flush',
      'plain http server behind webhook-https; Flush',
      'mutual TLS with client_cert + client_key: accepted',
    ],
  )
  await assert.rejects(worldOf(untrusting), /self.signed certificate|unable to verify the first certificate/)
  await using skipping = await worldOf((hooks) => ({
    ...few,
    tls: { ...specOf(hooks).tls, ca: undefined, verify: false },
  }))
  await sends(skipping)
  assert.equal(skipping.hooks.taken.length, 1)
  {
    await using closed = await worldOf(() => few)
    await closed.hooks[Symbol.asyncDispose]()
    await assert.rejects(sends(closed), /cannot be reached: .*ECONNREFUSED/)
  }
  const asTls = (hooks: HookServer): Partial<WebhookSinkSpec> => ({ ...few, url: `https://${hooks.address}/` })
  await assert.rejects(worldOf(asTls, { isPlain: true }), /cannot be reached: .*(?:SSL|TLS|EPROTO|wrong version)/)
  const showing = (hooks: HookServer): Partial<WebhookSinkSpec> => ({
    tls: { ...specOf(hooks).tls, cert: readFileSync(own.cert, 'latin1'), key: readFileSync(own.key, 'latin1') },
  })
  await using mutual = await worldOf(showing, { needsCertificate: true })
  await sends(mutual)
  assert.equal(mutual.hooks.taken[0]?.client, 'webhook-client')
}

/** `calls = Max + 1: 4 with the default (3), 7 with 6` */
async function gaveUp({ steps }: ConformanceCase): Promise<void> {
  const [, { expect_error: said = '^$' } = {}, { expect = [] } = {}] = steps
  const [byDefault, bySix] = (expect[0]?.match(/\d+(?= with\b)/g) ?? []).map(Number)
  for (const [config, count] of [
    ['{"Backoff": "1ms"}', byDefault],
    ['{"Max": "6", "Backoff": "1ms"}', bySix],
  ] as const) {
    const { retry } = configOf({ feed: `Retry ${config}` })
    const always = { trouble: () => ({ status: 500, body: 'no' }) }
    await using world = await worldOf(() => (retry === undefined ? {} : { retry }), always)
    await assert.rejects(sends(world), new RegExp(said))
    assert.equal(world.hooks.requests.length, count)
  }
}

async function flushedRows(original: ConformanceCase): Promise<void> {
  await using world = await worldOf(() => configOf(original))
  const [{ sql = '' } = {}, { expect = [] } = {}] = original.steps
  await sends(world, rows(Number.parseInt(sql, 10)))
  assert.deepEqual(bodies(world), expect)
}

async function byTheClock(original: ConformanceCase): Promise<void> {
  const [{ sql = '' } = {}, { expect = [] } = {}, , { expect: later = [] } = {}] = original.steps
  const config = configOf(original)
  assert.equal(config.flush?.frequencyMs, hourMs)
  const flush = { ...config.flush, frequencyMs: shortMs }
  await using world = await worldOf(() => ({ ...config, flush }))
  const startMs = performance.now()
  for (const one of rows(Number.parseInt(sql, 10))) await world.sink.emit(batchOf(one))
  await within(withinMs, 'the request', () => world.hooks.taken.length > 0)
  assert.ok(performance.now() - startMs >= shortMs - 5, 'the batch has waited')
  assert.deepEqual(bodies(world), expect)
  await world.sink.flush(undefined)
  assert.deepEqual(bodies(world).slice(expect.length), later)
}

async function sentAgain(original: ConformanceCase): Promise<void> {
  let asked = 0
  await using world = await worldOf(() => configOf(original), {
    trouble: () => (++asked === 1 ? { status: 429 } : 'take'),
  })
  await sends(world)
  const [, { expect = [] } = {}] = original.steps
  assert.deepEqual(bodies(world), expect)
  assert.equal(world.hooks.requests.length, 2)
  assert.equal(world.hooks.requests[0]?.body, world.hooks.requests[1]?.body)
}
