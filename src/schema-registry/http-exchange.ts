// One HTTP request and its answer. The time until the last byte and the size of the answer are bounded. A redirect is not followed:
// it may lead to a machine that sinks may not reach, and that must not get the credentials.

import { Agent as PlainAgent, request as plainRequest, type ClientRequest, type IncomingMessage } from 'node:http'
import { Agent as TlsAgent, request as tlsRequest } from 'node:https'
import { getCACertificates } from 'node:tls'
import type { RegistrySpec } from '../core/feed-spec.ts'
import { metadataLookup } from '../net/guarded-lookup.ts'

const maxBytes = 256 * 1024
/** Connections that are not used for this time are closed. */
const idleMs = 15_000
const mostConnections = 4

export interface HttpRequest {
  readonly method: 'GET' | 'POST'
  /** http: or https: */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal: AbortSignal
  /** The answer is not read after its head. */
  readonly headOnly?: true
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<IncomingMessage['headers']>
  readonly body: string
}

/** The connections to the URLs of one service, which are kept for later requests. */
export class HttpConnections {
  readonly #plain: PlainAgent
  readonly #tls: TlsAgent

  /** `caCert` is trusted in addition to the usual authorities. */
  constructor(spec: Pick<RegistrySpec, 'caCert' | 'clientCert' | 'clientKey' | 'mayReachMetadata'>) {
    const { caCert, clientCert, clientKey } = spec
    const options = { keepAlive: true, maxSockets: mostConnections, timeout: idleMs, lookup: metadataLookup(spec) }
    this.#plain = new PlainAgent(options)
    this.#tls = new TlsAgent({
      ...options,
      ...(caCert === undefined ? {} : { ca: [...getCACertificates('default'), caCert] }),
      ...(clientCert === undefined ? {} : { cert: clientCert }),
      ...(clientKey === undefined ? {} : { key: clientKey }),
    })
  }

  /** Throws the signal's reason when it aborts. The request is one that may be sent twice. */
  async send(request: HttpRequest): Promise<HttpAnswer> {
    for (;;) {
      const sent = this.#open(request)
      try {
        return await answerTo(sent, request)
      } catch (error) {
        request.signal.throwIfAborted()
        // The far end may close a connection that is idle at the moment in which it is used again.
        if (!sent.reusedSocket) throw error
      } finally {
        if (request.headOnly === true) sent.destroy()
      }
    }
  }

  #open({ method, url, headers, body = '', signal }: HttpRequest): ClientRequest {
    const options = {
      method,
      headers: { ...headers, ...(method === 'GET' ? {} : { 'content-length': String(Buffer.byteLength(body)) }) },
      signal,
    }
    return url.startsWith('https:')
      ? tlsRequest(url, { ...options, agent: this.#tls })
      : plainRequest(url, { ...options, agent: this.#plain })
  }
}

async function answerTo(sent: ClientRequest, { body, headOnly }: HttpRequest): Promise<HttpAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  sent.once('response', resolve).on('error', reject)
  sent.end(body)
  const response = await promise
  const { statusCode: status = 0, headers } = response
  return { status, headers, body: headOnly === true ? '' : await readBody(response) }
}

/** Returns the beginning of an answer that is too long: a registry may quote whole schemas in a refusal. */
async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > maxBytes) break
  }
  return Buffer.concat(chunks).toString('utf8')
}
