// A request of HTTP with a body in pieces, for far ends without a library that sends files. Redirects are not followed.

import { once } from 'node:events'
import { request as plainRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { request as tlsRequest } from 'node:https'
import type { Agents } from './agents.ts'
import { sizeOf } from './parts.ts'

export interface HttpRequest {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: readonly Uint8Array[]
  readonly signal: AbortSignal
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

/** How much of an answer is read. The connection of a longer one is closed. */
const maxAnswerBytes = 64 * 1024
/** So long the body of an answer is read that has not taken the request. */
const maxReasonMs = 500

export async function sendRequest(agents: Agents, idleMs: number, request: HttpRequest): Promise<HttpAnswer> {
  const { method, url, headers, body = [], signal } = request
  const target = new URL(url)
  const isTls = target.protocol === 'https:'
  const sent = (isTls ? tlsRequest : plainRequest)(target, {
    method,
    agent: isTls ? agents.https : agents.http,
    headers: { 'user-agent': 'pg-changefeed', ...headers, 'content-length': String(sizeOf(body)) },
    signal,
    timeout: idleMs,
  })
  sent.once('timeout', () => sent.destroy(new Error(`nothing was answered for ${idleMs / 1000} s`)))
  const { promise: answered, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  let isAnswered = false
  sent.once('response', resolve).on('error', reject)
  sent.once('response', () => (isAnswered = true))
  answered.catch(() => undefined)
  for (const piece of body) {
    // A far end may refuse a body before all of it was sent.
    if (!sent.write(piece) && !isAnswered) await Promise.race([once(sent, 'drain', { signal }), answered])
  }
  sent.end()
  const response = await answered
  return { status: response.statusCode ?? 0, headers: response.headers, text: await textOf(response, signal) }
}

/**
 * An answer that takes a request has to come whole: a far end may have begun with it before it had the request. Of another one the
 * status says everything, whatever becomes of its body.
 */
async function textOf(response: IncomingMessage, signal: AbortSignal): Promise<string> {
  const { statusCode: status = 0 } = response
  const isTaken = status >= 200 && status < 300
  const timer = isTaken ? undefined : setTimeout(() => response.destroy(), maxReasonMs)
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      size += chunk.length
      if (size >= maxAnswerBytes) break
    }
  } catch (error) {
    if (isTaken || signal.aborted) throw error
  } finally {
    clearTimeout(timer)
  }
  return Buffer.concat(chunks).subarray(0, maxAnswerBytes).toString('utf8')
}
