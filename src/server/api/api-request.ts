// What every request of the API has to be: of a page of this server, if it comes from a page at all, and small.

import type { IncomingMessage } from 'node:http'
import { TLSSocket } from 'node:tls'
import { FeedError } from '../../errors/feed-error.ts'
import { checkNames } from '../../http/check-parameters.ts'
import { isFromThisMachine } from '../../http/from-here.ts'

const mostBytes = 512 * 1024

/** A page of another site cannot send this header without a permission that is never given. */
export const ownHeader = 'x-changefeed-console'

/** Whether the path, with or without parameters, is that of a live tail, which HEAD cannot follow. */
export function isStream(path: string): boolean {
  return path.split('?', 1)[0]?.endsWith('/messages') === true
}

/** Whether a request that does something was made by our own page, or by a program that is no browser. */
export function isOwnRequest({ headers }: IncomingMessage): boolean {
  if (headers[ownHeader] === undefined) return false
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin') return false
  const { origin } = headers
  if (origin === undefined) return true
  return URL.parse(origin)?.host === headers.host
}

/** Whether nobody on the way can have read it. */
export function isPrivate(request: IncomingMessage): boolean {
  return isEncrypted(request) || isFromThisMachine(request)
}

export function isEncrypted({ socket }: IncomingMessage): boolean {
  return socket instanceof TLSSocket
}

/** Reads the body, which is a JSON object with these members. */
export async function readBody(
  request: IncomingMessage,
  known: readonly string[],
): Promise<Readonly<Record<string, unknown>>> {
  const body = await objectIn(request)
  checkNames(Object.keys(body), known, 'member')
  return body
}

async function objectIn(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const bytes = await bytesOf(request)
  if (bytes.length === 0) return {}
  try {
    const body: unknown = JSON.parse(bytes.toString('utf8'))
    if (typeof body === 'object' && body !== null && !Array.isArray(body))
      return body as Readonly<Record<string, unknown>>
  } catch {
    // What it contains may be a secret, so the error does not show it.
  }
  throw new FeedError('FEED_OPTION', 'the body is not a JSON object', {
    hint: 'a body is written as {"name": "value"}',
  })
}

/** What is beyond the limit is read and thrown away: a client that still writes would not see the answer of a closed connection. */
function bytesOf(request: IncomingMessage): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const chunks: Buffer[] = []
  let length = 0
  request.on('data', (chunk: Buffer) => {
    length += chunk.length
    if (length <= mostBytes) chunks.push(chunk)
    else reject(new FeedError('FEED_OPTION', `the body is larger than ${mostBytes / 1024} KiB`, { sqlstate: '54000' }))
  })
  request.on('end', () => resolve(Buffer.concat(chunks)))
  request.on('error', reject)
  return promise
}

export function textIn(body: Readonly<Record<string, unknown>>, name: string): string {
  const value = body[name]
  if (typeof value === 'string') return value
  throw new FeedError('FEED_OPTION', `"${name}" is missing in the body, or is not a text`)
}

export function optionalTextIn(body: Readonly<Record<string, unknown>>, name: string): string | undefined {
  return body[name] === undefined ? undefined : textIn(body, name)
}

/** A whole number among the parameters of a URL. */
export function numberIn(
  url: URL,
  name: string,
  { fallback, most }: { readonly fallback: number; readonly most: number },
): number {
  const text = url.searchParams.get(name)
  if (text === null) return fallback
  if (!/^\d{1,15}$/.test(text))
    throw new FeedError('FEED_OPTION', `${name} is not a whole number`, {
      hint: `a whole number is written with digits alone: ${name}=${Math.min(fallback, most)}`,
    })
  return Math.min(Number(text), most)
}
