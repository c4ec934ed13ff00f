// What the scheme of a sink URI says: which family of sinks it belongs to, and which of its spellings are old.
// Not all can be run today; the other schemes are known so that their options are judged by the right rules. Also here:
// what of a URI may be shown.

import { nearestName } from '../core/nearest-name.ts'
import { FeedError } from '../errors/feed-error.ts'
import { secretKafkaParameters } from '../sink/kafka/parameters.ts'

export type SinkKind = 'sinkless' | 'null' | 'kafka' | 'pulsar' | 'pubsub' | 'cloud' | 'webhook' | 'sql' | 'external'

export interface SinkUri {
  readonly kind: SinkKind
  /** As written; empty without INTO. */
  readonly scheme: string
  /** To be told to the user, once. */
  readonly notice: string | undefined
}

export const sinkless: SinkUri = { kind: 'sinkless', scheme: '', notice: undefined }

const kinds: Readonly<Record<string, SinkKind>> = {
  null: 'null',
  kafka: 'kafka',
  'confluent-cloud': 'kafka',
  'azure-event-hub': 'kafka',
  pulsar: 'pulsar',
  gcpubsub: 'pubsub',
  s3: 'cloud',
  gs: 'cloud',
  azure: 'cloud',
  'azure-blob': 'cloud',
  'azure-storage': 'cloud',
  nodelocal: 'cloud',
  userfile: 'cloud',
  'file-http': 'cloud',
  'file-https': 'cloud',
  http: 'cloud',
  https: 'cloud',
  'webhook-https': 'webhook',
  'experimental-sql': 'sql',
  external: 'external',
}

const experimentalPrefix = 'experimental-'
const noLongerExperimental: ReadonlySet<string> = new Set(['s3', 'gs', 'azure', 'nodelocal', 'http', 'https'])

/** uri := scheme :// rest */
export function readSinkUri(uri: string, position: number): SinkUri {
  // What SHOW JOBS prints can be run again.
  if (/^null:$/i.test(uri)) return { kind: 'null', scheme: 'null', notice: undefined }
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(uri)?.[1]?.toLowerCase()
  if (scheme === undefined) {
    throw new FeedError('FEED_OPTION', `no scheme found for sink URL "${redactSinkUri(uri)}"`, {
      hint: "a sink is written as 'scheme://host:port?parameters', for example 'kafka://localhost:9092'",
      position,
    })
  }
  if (scheme === 'webhook-http') throw new FeedError('FEED_OPTION', 'this sink requires webhook-https', { position })

  const known = kinds[scheme]
  if (known !== undefined) return { kind: known, scheme, notice: deprecation(scheme) }

  const plain = scheme.startsWith(experimentalPrefix) ? scheme.slice(experimentalPrefix.length) : ''
  if (noLongerExperimental.has(plain)) {
    return { kind: 'cloud', scheme, notice: `${scheme} is no longer experimental, use ${plain}://` }
  }
  const meant = nearestName(scheme, Object.keys(kinds))
  const hint = meant === undefined ? undefined : `did you mean "${meant}"?`
  throw new FeedError('FEED_OPTION', `unsupported sink: ${scheme}`, { position, hint })
}

function deprecation(scheme: string): string | undefined {
  if (scheme !== 'http' && scheme !== 'https') return undefined
  return `Interpreting deprecated URI scheme ${scheme} as file-${scheme}. For webhook semantics, use webhook-${scheme}.`
}

/** `null://` takes no parameters; a misspelt or misplaced one is an error, as with every sink. */
export function checkNullSinkParameters(uri: string, position: number): void {
  refuseParameters('null', uri, [], position)
}

const sqlSinkParameters = ['sslcert', 'sslkey', 'sslmode', 'sslrootcert', 'topic_prefix']

/** So that a wrong statement hears what is wrong with it, although the sink is not built. */
export function checkSqlSinkParameters(uri: string, position: number): void {
  refuseParameters('SQL', uri, sqlSinkParameters, position)
}

function refuseParameters(sink: string, uri: string, known: readonly string[], position: number): void {
  const query = uri.indexOf('?')
  if (query < 0) return
  const given = new Set(new URLSearchParams(uri.slice(query + 1)).keys())
  const names = [...given].filter((name) => !known.includes(name)).sort()
  if (names.length === 0) return
  throw new FeedError('FEED_OPTION', `unknown ${sink} sink query parameters: [${names.join(', ')}]`, { position })
}

/** A URI fit for messages: user, password and every parameter value are gone. */
export function redactSinkUri(uri: string): string {
  return withoutUser(uri).replace(/([?&][^=&]*)=[^&]*/g, '$1=redacted')
}

/**
 * `user:password@` gone, with a scheme or without. People write passwords as they are, slashes and all, so everything
 * up to the last @ before the parameters counts as theirs.
 */
function withoutUser(uri: string): string {
  const query = uri.indexOf('?')
  const at = uri.slice(0, query < 0 ? uri.length : query).lastIndexOf('@')
  if (at < 0) return uri
  const scheme = /^[a-z][a-z0-9+.-]*:?\/\//i.exec(uri)?.[0] ?? ''
  return `${scheme}redacted${uri.slice(at)}`
}

/** Parameters that hold credentials or keys, also of sinks that are not built yet. */
const secretParameters: ReadonlySet<string> = new Set([
  ...secretKafkaParameters,
  'aws_secret_access_key',
  'aws_session_token',
  'azure_account_key',
  'azure_client_secret',
  'credentials',
])

/** A URI as SHOW JOBS prints it: the user and the secrets are gone, the rest is as written. */
export function showSinkUri(uri: string): string {
  // As CockroachDB prints a URI that has a scheme and nothing else.
  if (/^null:\/\/$/i.test(uri)) return 'null:'
  return withoutUser(uri).replace(/([?&])([^=&]*)=[^&]*/g, (written, mark: string, name: string) =>
    secretParameters.has(decodedName(name).toLowerCase()) ? `${mark}${name}=redacted` : written,
  )
}

/** A name may be percent-encoded, and still be the name of a secret. */
function decodedName(name: string): string {
  return new URLSearchParams(`${name}=`).keys().next().value ?? ''
}
