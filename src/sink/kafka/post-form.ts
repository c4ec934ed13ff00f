// Posts a form, over TLS or plain. The size of the answer is bounded. A redirect is not followed: the redirect may lead to a
// machine that sinks may not reach, and that must not get the credentials.

import { request as plainRequest, type IncomingMessage } from 'node:http'
import { request as tlsRequest } from 'node:https'
import { getCACertificates } from 'node:tls'
import { metadataLookup, type Reach } from '../../net/guarded-lookup.ts'

const maxBytes = 256 * 1024

export interface FormPost extends Reach {
  /** http: or https: */
  readonly url: string
  readonly form: URLSearchParams
  readonly headers: Readonly<Record<string, string>>
  /** PEM text of a certificate authority that is trusted in addition to the usual ones. */
  readonly ca: string | undefined
  readonly signal: AbortSignal
}

export interface FormAnswer {
  readonly status: number
  readonly body: string
}

/** Throws the signal's reason when it aborts. */
export async function postForm({ url, form, headers, ca, signal, mayReachMetadata }: FormPost): Promise<FormAnswer> {
  signal.throwIfAborted()
  const body = form.toString()
  const options = {
    method: 'POST',
    // A connection for this request alone, which is closed after it.
    agent: false,
    lookup: metadataLookup({ mayReachMetadata }),
    headers: {
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': String(Buffer.byteLength(body)),
      ...headers,
    },
    signal,
  } as const
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const request = url.startsWith('https:')
    ? tlsRequest(url, { ...options, ...(ca === undefined ? {} : { ca: [...getCACertificates('default'), ca] }) })
    : plainRequest(url, options)
  request.once('response', resolve).on('error', reject)
  request.end(body)
  try {
    const response = await promise
    return { status: response.statusCode ?? 0, body: await readAll(response) }
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    request.destroy()
  }
}

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxBytes) throw new Error(`the answer is longer than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
