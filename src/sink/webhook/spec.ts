// A webhook sink as data: what a sink URI and the options say, read and checked. The data can be cloned into another thread.
// It contains credentials, so it must never be logged.

import type { SinkSpec } from '../../core/feed-spec.ts'
import type { BatchFlush } from '../batching/read-batch-config.ts'
import type { RetryBounds } from '../batching/retry.ts'
import type { Certificates } from '../certificates.ts'
import type { MessageHeader } from '../sink-facts.ts'
import type { BodyFormat } from './webhook-body.ts'

export interface WebhookSinkSpec extends SinkSpec {
  readonly tag: 'webhook'
  /** http: or https:, without user and password. The path and the parameters may be a credential. */
  readonly url: string
  readonly tls: WebhookTls
  /** Of every request, beside those that describe its body. */
  readonly headers: readonly MessageHeader[]
  readonly format: 'json' | 'csv'
  /** Each request begins with the names of the columns. */
  readonly csvHeader?: true
  readonly compression: 'none' | 'gzip' | 'zstd'
  /** How long a request may take. */
  readonly timeoutMs: number
  readonly flush: BatchFlush
  readonly retry: RetryBounds
}

/** Without effect with http:. */
export interface WebhookTls extends Certificates {
  readonly verify: boolean
}

export function bodyFormatOf({ format, csvHeader }: Pick<WebhookSinkSpec, 'format' | 'csvHeader'>): BodyFormat {
  return csvHeader === true ? 'csv-with-header' : format
}

/** Returns scheme, host and port, which may be logged and shown. */
export function originOf({ url }: Pick<WebhookSinkSpec, 'url'>): string {
  return new URL(url).origin
}
