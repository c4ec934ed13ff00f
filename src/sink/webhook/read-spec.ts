// Reads `webhook-https://[user:password@]host[:port]/path?parameters` and the options of a webhook. Parameters that are not ours
// belong to the URL of the endpoint.

import { parseDuration } from '../../core/duration.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { isPrivateAddress } from '../../net/metadata-address.ts'
import { isIP } from 'node:net'
import { readFlush, readRetry } from '../batching/read-batch-config.ts'
import { checkCertificates, readCertificates } from '../certificates.ts'
import { ConfigObject } from '../config-object.ts'
import type { UriParts, WrittenSink } from '../sink-facts.ts'
import type { SinkParameters } from '../sink-parameters.ts'
import { readHeaders } from './read-headers.ts'
import { webhookConfigFields, type WebhookParameter } from './parameters.ts'
import type { WebhookSinkSpec, WebhookTls } from './spec.ts'
import { hasScheme } from '../has-scheme.ts'
import { percentDecoded } from '../percent-decoded.ts'

type Parameters = SinkParameters<WebhookParameter>

const defaultTimeoutMs = 3000
/** A timer of Node cannot take longer: 24 days. */
const maxTimeoutMs = 2 ** 31 - 1

export function readSpec({ option, headers, ...uri }: WrittenSink): WebhookSinkSpec {
  const { url, user, tls } = readUri(uri)
  const { text, position = 0 } = option('webhook_sink_config') ?? {}
  const config = ConfigObject.read({ name: 'webhook_sink_config', text, position, fields: webhookConfigFields })
  const lowerCase = (name: string): string | undefined => option(name)?.text?.toLowerCase()
  const compression = lowerCase('compression')
  return {
    tag: 'webhook',
    url,
    tls,
    headers: readHeaders({ authorization: option('webhook_auth_header'), extra: headers, user }),
    format: lowerCase('format') === 'csv' ? 'csv' : 'json',
    ...(option('csv_header') === undefined ? {} : { csvHeader: true }),
    compression: compression === 'gzip' || compression === 'zstd' ? compression : 'none',
    timeoutMs: readTimeoutMs(option('webhook_client_timeout')?.text),
    flush: readFlush(config.object('Flush')),
    retry: readRetry(config.object('Retry')),
  }
}

interface WebhookUri {
  readonly url: string
  /** `user:password`, decoded; empty: there is none. */
  readonly user: string
  readonly tls: WebhookTls
}

function readUri({ scheme, place, parameters }: UriParts): WebhookUri {
  const tls = readTls(parameters)
  const isPlain = scheme === 'webhook-http'
  const mayBePlain = parameters.bool('insecure_plain_http') ?? false
  if (isPlain && !mayBePlain) {
    throw parameters.refused(
      'this sink requires webhook-https',
      'for an endpoint on this machine or in a private network, webhook-http:// with the parameter insecure_plain_http=true does without encryption',
    )
  }
  const url = readUrl(isPlain ? 'http' : 'https', place, parameters)
  if (isPlain) checkPlain(url, tls, parameters)
  const user =
    url.username === '' && url.password === '' ? '' : `${percentDecoded(url.username)}:${percentDecoded(url.password)}`
  url.username = ''
  url.password = ''
  url.search = parameters.rest().toString()
  return { url: url.href, user, tls }
}

function readUrl(scheme: 'http' | 'https', place: string, parameters: Parameters): URL {
  if (hasScheme(place)) {
    throw parameters.refused(
      'the sink URI has a scheme after its own',
      `for example 'webhook-${scheme}://hooks.example.com/changes'`,
    )
  }
  // A URL with more slashes before its host is read as if it had two.
  const url = /^[/\\]/.test(place) ? null : URL.parse(`${scheme}://${place}`)
  if (url === null || url.hostname === '') {
    throw parameters.refused(
      'the sink URI names no endpoint',
      "for example 'webhook-https://hooks.example.com/changes'; special characters of a password are percent-encoded",
    )
  }
  if (url.port === '0') throw parameters.refused('the sink URI has port 0, at which nothing can listen')
  if (url.hash !== '') {
    throw parameters.refused('a webhook sink URI has no fragment', 'a # in a path or a parameter is written %23')
  }
  return url
}

function readTls(parameters: Parameters): WebhookTls {
  const verify = parameters.bool('insecure_tls_skip_verify') !== true
  const certificates = readCertificates(parameters)
  checkCertificates(certificates, parameters)
  return { ...certificates, verify }
}

/** A name is checked when its address is known. */
function checkPlain({ hostname }: URL, { ca, cert, verify }: WebhookTls, parameters: Parameters): void {
  const address = hostname.replace(/^\[|\]$/g, '')
  if (isIP(address) !== 0 && !isPrivateAddress(address)) throw plainRefused(address)
  if (ca !== undefined || cert !== undefined || !verify) {
    throw parameters.refused('the parameters of TLS are not for webhook-http://', 'use webhook-https://')
  }
}

export function plainRefused(address: string): FeedError {
  const message = `webhook-http:// reaches only this machine and private networks, and ${address} is an address elsewhere`
  return new FeedError('FEED_PRIVILEGE', message, { hint: 'use webhook-https://' })
}

/** The option was checked before. */
function readTimeoutMs(text: string | undefined): number {
  if (text === undefined) return defaultTimeoutMs
  const read = parseDuration(text)
  return read.tag === 'ok' ? Math.min(Math.max(1, Number(read.nanos) / 1e6), maxTimeoutMs) : defaultTimeoutMs
}
