// Sends the batches of lanes to the endpoint, several lanes in one request, and says what became of them:
//
//   2xx                            the endpoint has the whole request
//   413                            the lanes are sent one by one; a batch that is too large is halved
//   429 or 503 with Retry-After    the request is sent again after that time, which counts as no failure
//   anything else, or no answer    the request has failed, and is sent again as the retry options say

import { retryAfterMs } from '../../core/retry-after.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { networkHint, reasonOf } from '../../net/network-hint.ts'
import type { Delivery, LaneClient, Outcome, SendResult } from '../batching/lane-client.ts'
import { sizeAndTime } from '../batching/too-large.ts'
import { describeAnswer, type Sent } from '../answer-text.ts'
import { Endpoint } from './endpoint.ts'
import { originOf, type WebhookSinkSpec } from './spec.ts'
import type { WebhookBody } from './webhook-body.ts'
import { bodyHeaders, RequestBody, type HeaderOf } from './write-request.ts'
import { percentDecoded } from '../percent-decoded.ts'

/** All lanes lead to the one endpoint, and need no name there. */
export type Nowhere = undefined
type WebhookDelivery = Delivery<Nowhere, WebhookBody>

/** An endpoint that asks for a longer pause is asked again after this time. */
const maxPauseMs = 10 * 60_000
/** An endpoint that refuses smaller bodies than this for their size is not offered smaller ones for that. */
const leastMaxBytes = 16 * 1024
const delivered: Outcome = { tag: 'delivered' }

export interface WebhookClientOptions {
  readonly spec: WebhookSinkSpec
  readonly endpoint: Endpoint
  /** How large a request may be; made smaller when the endpoint refuses one for its size. */
  readonly limits: { bytes: number }
  readonly header: HeaderOf
}

export class WebhookClient implements LaneClient<Nowhere, WebhookBody> {
  readonly name: string
  readonly #options: WebhookClientOptions
  readonly #headers: Readonly<Record<string, string>>

  constructor(options: WebhookClientOptions) {
    const { spec } = options
    this.name = `the webhook ${originOf(spec)}`
    this.#options = options
    const own = Object.fromEntries(spec.headers.map(({ name, value }) => [name, value]))
    this.#headers = { 'user-agent': 'pg-changefeed', ...bodyHeaders(spec), ...own }
  }

  async send(_route: number, deliveries: readonly WebhookDelivery[], signal: AbortSignal): Promise<SendResult> {
    const { schema } = (deliveries[0] as WebhookDelivery).body
    // Rows with other columns need another first line.
    if (deliveries.some(({ body }) => body.schema !== schema)) return this.#oneByOne(deliveries, signal)
    const { spec, endpoint, limits, header } = this.#options
    const body = new RequestBody(
      deliveries.map((delivery) => delivery.body),
      { spec, header },
    )
    const answer = await endpoint.post(body, this.#headers, signal)
    const { sentBytes } = body
    const { status } = answer
    const all = (outcome: Outcome): Outcome[] => deliveries.map(() => outcome)
    if (status >= 200 && status < 300) return { outcomes: all(delivered), pauseMs: 0, sentBytes }
    if (status === 413) {
      limits.bytes = Math.min(limits.bytes, Math.max(leastMaxBytes, Math.floor(body.plain.length / 2)))
      return deliveries.length === 1
        ? { outcomes: all({ tag: 'too-large' }), pauseMs: 0, sentBytes }
        : this.#oneByOne(deliveries, signal, { requests: 1, sentBytes })
    }
    const said = describeAnswer(answer, () => this.#sent(body.plain))
    const error = new FeedError('FEED_SINK', `${this.name} answered ${said}`, { hint: hintOf(status) })
    const waitMs = status === 429 || status === 503 ? retryAfterMs(answer.retryAfter) : undefined
    if (waitMs === undefined) return { outcomes: all({ tag: 'failed', error }), pauseMs: 0, sentBytes }
    // Without any pause, an endpoint that asks for 0 seconds would be asked again and again at once.
    return { outcomes: all({ tag: 'later', error }), pauseMs: Math.min(Math.max(waitMs, 100), maxPauseMs), sentBytes }
  }

  tooLarge({ body }: WebhookDelivery): FeedError {
    return new FeedError(
      'FEED_SINK',
      `message too large: ${this.name} does not take a request with one message (${sizeAndTime(body)})`,
      {
        hint: 'let the endpoint take larger requests, such as client_max_body_size of nginx',
      },
    )
  }

  toError(error: unknown): FeedError {
    if (error instanceof FeedError) {
      if (error.code !== 'FEED_SINK' || error.message.includes(this.name)) return error
      return new FeedError('FEED_SINK', `${this.name}: ${error.message}`, { hint: error.hint })
    }
    return new FeedError('FEED_SINK', `${this.name} ${this.#troubleOf(error)}`, {
      hint: this.#hintOf(error),
      cause: error,
    })
  }

  #troubleOf(error: unknown): string {
    const said = reasonOf(error)
    const { code = '', name } = error as NodeJS.ErrnoException
    if (name === 'HTTPParserError' || code === 'UND_ERR_HEADERS_OVERFLOW' || said === 'bad response')
      return `does not answer as HTTP does: ${said}`
    if (isClosed(error)) return `closed the connection before it answered: ${said}`
    return `cannot be reached: ${said}`
  }

  #hintOf(error: unknown): string {
    const { code = '', message } = error as NodeJS.ErrnoException
    const { url, tls } = this.#options.spec
    const isTls = url.startsWith('https:')
    // With TLS 1.3 a server that wants a certificate says so after it has accepted the connection.
    const wants =
      isTls && tls.cert === undefined
        ? '; if it wants a certificate of its clients, give client_cert and client_key'
        : ''
    if (isClosed(error)) return `the log of the endpoint, or of a proxy before it, may say why${wants}`
    return networkHint(`${reasonOf(error)} ${message} ${code}`, { what: 'endpoint', isTls })
  }

  /** `before`: the request that was sent with all of them. */
  async #oneByOne(
    deliveries: readonly WebhookDelivery[],
    signal: AbortSignal,
    before = { requests: 0, sentBytes: 0 },
  ): Promise<SendResult> {
    const outcomes: Outcome[] = []
    let { requests, sentBytes } = before
    let pauseMs = 0
    let pause: Outcome | undefined
    for (const delivery of deliveries) {
      // The endpoint has asked for nothing more now.
      if (pause !== undefined) {
        outcomes.push(pause)
        continue
      }
      const result = await this.send(0, [delivery], signal).catch((error: unknown): SendResult => ({
        outcomes: [{ tag: 'failed', error: this.toError(error) }],
        pauseMs: 0,
      }))
      outcomes.push(...result.outcomes)
      requests += 1
      sentBytes += result.sentBytes ?? delivery.body.bytes
      pauseMs = Math.max(pauseMs, result.pauseMs)
      pause = result.outcomes.find(({ tag }) => tag === 'later')
    }
    return { outcomes, pauseMs, sentBytes, requests }
  }

  #sent(body: Buffer): Sent {
    const { headers, url } = this.#options.spec
    const { pathname, search, searchParams } = new URL(url)
    const written = [pathname, search, ...headers.map(({ value }) => value)]
    return [body.toString('utf8'), ...written, ...searchParams.values(), ...written.map(decoded)]
  }
}

function isClosed(error: unknown): boolean {
  const { code = '', message } = error as NodeJS.ErrnoException
  return ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'].includes(code) && !/before secure TLS/.test(message)
}

/** An endpoint may repeat a path, or a user and a password, as they are without their encoding. */
function decoded(text: string): string {
  const [, base64] = /^Basic (.*)$/i.exec(text) ?? []
  return base64 === undefined ? percentDecoded(text) : Buffer.from(base64, 'base64').toString('utf8')
}

function hintOf(status: number): string {
  if (status === 401 || status === 403)
    return 'credentials are given with webhook_auth_header, or as user:password@ in the URI'
  if (status === 404 || status === 405)
    return 'the endpoint is the whole URL of the sink URI, with its path; it gets POST requests'
  if (status >= 300 && status < 400)
    return 'only 307 and 308 are followed, on the same host; give the URI of the endpoint itself'
  if (status >= 500)
    return 'the log of the endpoint, or of a proxy before it, says why; the request is sent again until it is taken'
  return 'the endpoint, or a proxy before it, refuses the request: its log says why'
}
