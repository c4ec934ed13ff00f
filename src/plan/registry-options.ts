// Reads the options of schemas that are registered. The value of confluent_schema_registry is `URL{,URL}[?parameters]`, where a
// URL is `http[s]://[user:password@]host[:port][/path]`. Several URLs are those of one registry, and have one user.

import { durationHint, parseDuration } from '../core/duration.ts'
import type { FeedTarget, RegistrySpec } from '../core/feed-spec.ts'
import { maxTopicLength, wholeTopicName } from '../core/kafka-name.ts'
import type { FeedError } from '../errors/feed-error.ts'
import { checkCertificates, readCertificates, type Certificates } from '../sink/certificates.ts'
import { builtParameters, SinkParameters, type ParameterFacts } from '../sink/sink-parameters.ts'
import { redactSinkUri, showSinkUri } from '../sink/sink-uri.ts'
import { notYet, optionError } from './option-errors.ts'
import type { GivenOption, GivenOptions } from './read-options.ts'

export const registryParameters = {
  ca_cert: {
    value: 'base64',
    default: 'the certificate authorities that Node.js trusts',
    isSecret: true,
    about: 'PEM certificate of an authority that is trusted in addition; needs `https`.',
  },
  client_cert: {
    value: 'base64',
    isSecret: true,
    about: 'PEM certificate of this client; needs `client_key` and `https`.',
  },
  client_key: { value: 'base64', isSecret: true, about: 'Unencrypted PEM key of `client_cert`.' },
  timeout: { default: '`30s`', about: 'How long a request may take, a duration of at most `1h`.' },
} as const satisfies Readonly<Record<string, ParameterFacts>>

type Parameters = SinkParameters<keyof typeof registryParameters>

/** Returns the value of confluent_schema_registry without its secrets. */
export function showRegistry(text: string): string {
  return showSinkUri(text, ['timeout'])
}

const longestTimeoutMs = 3_600_000
const example = "a schema registry is written as 'http://host:8081', with a path if it has one"

/** Returns undefined if the statement names no registry. */
export function registryOf(given: GivenOptions): RegistrySpec | undefined {
  const option = given.get('confluent_schema_registry')
  return option === undefined ? undefined : readRegistry(option)
}

/** Returns `avro_schema_prefix`, which is a namespace and the beginning of a name. */
export function avroPrefixOf(given: GivenOptions): string | undefined {
  const option = given.get('avro_schema_prefix')
  const text = option?.text
  if (text === undefined || text === '') return undefined
  if (/^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/.test(text)) return text
  throw optionError(
    option,
    `avro_schema_prefix ${JSON.stringify(text)} is no namespace of Avro`,
    'it has letters, digits and underscores, begins with no digit, and may have several parts with dots between them',
  )
}

/** Refuses subjects that would be cut, because two tables could have the same ones then. */
export function checkSubjects(given: GivenOptions, targets: readonly FeedTarget[]): void {
  const registry = given.get('confluent_schema_registry')
  if (registry === undefined) return
  const option = given.get('avro_schema_prefix') ?? given.get('full_table_name') ?? registry
  const prefix = avroPrefixOf(given) ?? ''
  for (const { topic, tableName } of targets) {
    const { length } = wholeTopicName(prefix + topic)
    if (length <= maxTopicLength) continue
    throw optionError(
      option,
      `the subjects of table "${tableName}" would have a name of ${length} characters, and the most are ${maxTopicLength}`,
      `${option === registry ? 'rename the table' : 'shorten avro_schema_prefix, or leave full_table_name out'}; a character other than letters, digits, dot, underscore and hyphen is written as an escape such as _u2603_`,
    )
  }
}

function readRegistry(option: GivenOption): RegistrySpec {
  const { text = '', position } = option
  const mark = text.indexOf('?')
  const [places, query] = mark < 0 ? [text, ''] : [text.slice(0, mark), text.slice(mark + 1)]
  // A question mark in a password: what stands before it must not be shown as a host.
  if (query.includes('@')) throw notEncoded(option, 'a question mark is written %3F')
  if (/^\s*external:/i.test(places)) throw notYet('a schema registry behind external://', position)
  const read = places.split(/,\s*(?=https?:\/\/)/i).map((place) => readPlace(place.trim(), option))
  const parameters: Parameters = new SinkParameters(query, position)
  const { ca: caCert, cert: clientCert, key: clientKey } = certificatesOf(parameters, read)
  const timeoutMs = readTimeout(parameters)
  parameters.end('schema registry', builtParameters(registryParameters))
  return { urls: read.map(({ url }) => url), ...userOf(read, option), timeoutMs, caCert, clientCert, clientKey }
}

/** Returns the notices about a registry when a changefeed starts. */
export function registryNotices({ urls, user }: RegistrySpec): readonly string[] {
  if (user === undefined || urls.every(isTls)) return []
  return ['the schema registry is not https: whoever listens on the network can take its user and password']
}

function isTls(url: string): boolean {
  return url.startsWith('https:')
}

interface Place {
  readonly url: string
  readonly user?: string
  readonly password?: string
}

function readPlace(text: string, option: GivenOption): Place {
  const [, scheme, rest = ''] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(text) ?? []
  const shown = JSON.stringify(redactSinkUri(text))
  if (scheme === undefined) throw optionError(option, `no scheme found for schema registry URL ${shown}`, example)
  if (!/^https?$/i.test(scheme)) throw optionError(option, `unsupported scheme: "${scheme.toLowerCase()}"`, example)
  // A password is often written without escapes, also if it contains slashes.
  const at = rest.lastIndexOf('@')
  const url = placeUrl(`${scheme}://${rest.slice(at + 1)}`)
  if (url === undefined) throw optionError(option, `the schema registry ${shown} is no URL`, example)
  if (at < 0) return { url }
  const [, user = '', password = ''] = /^([^:]*):?(.*)$/s.exec(rest.slice(0, at)) ?? []
  return { url, user: decoded(user, option), password: decoded(password, option) }
}

/** Returns the URL without a slash at its end. */
function placeUrl(text: string): string | undefined {
  if (!URL.canParse(text) || /[\s,#]/.test(text)) return undefined
  const { origin, pathname, port } = new URL(text)
  if (port === '0') return undefined
  return origin + pathname.replace(/\/+$/, '')
}

function decoded(text: string, option: GivenOption): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw notEncoded(option, 'a percent sign itself is written %25')
  }
}

function notEncoded(option: GivenOption, hint: string): FeedError {
  return optionError(option, 'the user or password of the schema registry is not percent-encoded correctly', hint)
}

function userOf(places: readonly Place[], option: GivenOption): Pick<RegistrySpec, 'user' | 'password'> {
  const [first, ...others] = places.filter(({ user }) => user !== undefined)
  if (first === undefined) return {}
  if (others.some(({ user, password }) => user !== first.user || password !== first.password)) {
    throw optionError(
      option,
      'the URLs of the schema registry have several users or passwords',
      'the URLs are those of one registry: write its user and password in front of the first host',
    )
  }
  return { user: first.user, password: first.password }
}

function certificatesOf(parameters: Parameters, places: readonly Place[]): Certificates {
  const certificates = readCertificates(parameters)
  checkCertificates(certificates, parameters)
  if (Object.values(certificates).some((pem) => pem !== undefined) && !places.every(({ url }) => isTls(url))) {
    throw parameters.refused('ca_cert, client_cert and client_key need https', 'write https:// in front of every host')
  }
  return certificates
}

function readTimeout(parameters: Parameters): number {
  const text = parameters.text('timeout')
  if (text === undefined) return 30_000
  const read = parseDuration(text)
  if (read.tag === 'error') throw parameters.refused(`problem parsing param timeout: ${read.message}`, durationHint)
  const ms = Math.ceil(Number(read.nanos) / 1e6)
  if (ms <= 0 || ms > longestTimeoutMs) {
    throw parameters.refused('param timeout must be a duration greater than 0, and at most 1h')
  }
  return ms
}
