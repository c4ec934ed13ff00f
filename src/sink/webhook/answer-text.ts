// Describes an answer for errors and logs. An endpoint may repeat in its answer what it was sent, so words that are also in the
// request are left out: neither the value of a row nor a credential comes into a log.

import { STATUS_CODES } from 'node:http'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import type { Answer } from './read-answer.ts'

const maxTextChars = 200
/** Fewer characters than the part of an answer that is read has at least. */
const maxReadChars = 4000
const maxOutputLength = 64 * 1024
const word = /[\p{L}\p{N}_]+/gu

/** What the request had: its body before compression, the values of its headers, the path and the parameters of its URL. */
export type Sent = readonly string[]

/** Returns `500 Internal Server Error: text of the answer`. `sent` is called only if the answer has a text. */
export function describeAnswer(answer: Answer, sent: () => Sent): string {
  const status = `${answer.status} ${STATUS_CODES[answer.status] ?? 'of no known meaning'}`
  const text = whole(withoutTags(textOf(answer)).replace(/\s+/g, ' ').trim())
  if (text === '' || !/^[\P{C}]*$/u.test(text)) return `${status}: (no text)`
  const words = new Set(sent().flatMap((part) => part.toLowerCase().match(word) ?? []))
  const safe = text.replace(word, (found) => (words.has(found.toLowerCase()) ? '…' : found))
  return `${status}: ${safe.slice(0, maxTextChars)}`
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

function textOf({ body, encoding }: Answer): string {
  try {
    if (encoding === undefined || encoding === 'identity') return body.toString('utf8')
    if (encoding === 'gzip') return gunzipSync(body, { maxOutputLength }).toString('utf8')
    if (encoding === 'zstd') return zstdDecompressSync(body, { maxOutputLength }).toString('utf8')
  } catch {
    // Only a part of it has come.
  }
  return ''
}
