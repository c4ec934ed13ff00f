// Describes an answer for errors and logs. An endpoint may repeat in its answer what it was sent, so words that are also in the
// request are left out: neither the value of a row nor a credential comes into a log.

import { STATUS_CODES } from 'node:http'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'

const maxTextChars = 200
/** Fewer characters than the part of an answer that is read has at least. */
const maxReadChars = 4000
const maxOutputLength = 64 * 1024
const word = /[\p{L}\p{N}_]+/gu

export interface TextAnswer {
  readonly status: number
  /** The beginning of the body. */
  readonly body: Buffer
  readonly encoding: string | undefined
}

/**
 * What the request had: its body before compression, the values of its headers, the path and the parameters of its URL. Large
 * bodies are given as they are sent, and only words in the same letters are found in them.
 */
export type Sent = readonly (string | Uint8Array)[]

/** Returns `500 Internal Server Error: text of the answer`. `sent` is called only if the answer has a text. */
export function describeAnswer(answer: TextAnswer, sent: () => Sent): string {
  const status = `${answer.status} ${STATUS_CODES[answer.status] ?? 'of no known meaning'}`
  const text = whole(withoutTags(textOf(answer)).replace(/\s+/g, ' ').trim())
  if (text === '' || !/^[\P{C}]*$/u.test(text)) return `${status}: (no text)`
  const wasSent = wordsOf(sent())
  let safe = ''
  let at = 0
  // What is not shown need not be looked for.
  for (const { 0: found, index } of text.matchAll(word)) {
    if (safe.length >= maxTextChars) break
    safe += text.slice(at, index) + (wasSent(found) ? '…' : found)
    at = index + found.length
  }
  return `${status}: ${(safe + text.slice(at)).slice(0, maxTextChars)}`
}

function wordsOf(sent: Sent): (found: string) => boolean {
  const words = new Set(
    sent.flatMap((part) => (typeof part === 'string' ? (part.toLowerCase().match(word) ?? []) : [])),
  )
  const bodies = sent.flatMap((part) =>
    typeof part === 'string' ? [] : Buffer.from(part.buffer, part.byteOffset, part.length),
  )
  return (found) => words.has(found.toLowerCase()) || bodies.some((body) => hasWord(body, found))
}

/** In a body, an escape such as `\n` may stand before a word, so only short words must stand alone to be found. */
function hasWord(body: Buffer, found: string): boolean {
  if (found.length > 3) return body.includes(found)
  const { length } = Buffer.from(found)
  for (let at = body.indexOf(found); at >= 0; at = body.indexOf(found, at + 1))
    if (!isWordByte(body[at - 1]) && !isWordByte(body[at + length])) return true
  return false
}

/** Letters beyond ASCII count as none: then too much is left out. */
function isWordByte(byte = 0): boolean {
  return (byte >= 48 && byte <= 57) || (byte >= 65 && byte <= 90) || byte === 95 || (byte >= 97 && byte <= 122)
}

/** Proxies answer with pages for people. */
function withoutTags(text: string): string {
  if (!/^\s*<(?:!doctype|html)/i.test(text)) return text
  return text.replace(/<(style|script)\b.*?<\/\1>|<!--.*?-->|<[^>]*>/gis, ' ')
}

/** Cuts a long text between words: a part of a word could be a part of a secret. */
function whole(text: string): string {
  return text.length < maxReadChars ? text : text.slice(0, maxReadChars).replace(/[\p{L}\p{N}_]*$/u, '')
}

function textOf({ body, encoding }: TextAnswer): string {
  try {
    if (encoding === undefined || encoding === 'identity') return body.toString('utf8')
    if (encoding === 'gzip') return gunzipSync(body, { maxOutputLength }).toString('utf8')
    if (encoding === 'zstd') return zstdDecompressSync(body, { maxOutputLength }).toString('utf8')
  } catch {
    // Only a part of it has come.
  }
  return ''
}
