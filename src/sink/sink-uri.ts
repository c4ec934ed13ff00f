// Finds the sink of a URI by its scheme, and removes from a URI the parts that may not be shown. Sinks that are not built
// yet are found, too, so that their options are checked by the right rules.

import { nearestName } from '../core/nearest-name.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { SinkFacts, UriParts } from './sink-facts.ts'
import { SinkParameters } from './sink-parameters.ts'
import { sinks } from './sinks.ts'

export interface SinkUri extends UriParts {
  readonly facts: SinkFacts
}

/** What users write who do not know the scheme, where its name is too different to be a typing error. */
const meantBy: ReadonlyMap<string, string> = new Map([
  ['file', 'nodelocal'],
  ['webhook', 'webhook-https'],
])

/** Reads `scheme://place[?parameters]`. `uri` is undefined if the statement has no INTO. */
export function readSinkUri(uri: string | undefined, position: number): SinkUri {
  const [, place = '', query = ''] = /^[a-z][a-z0-9+.-]*:\/\/([^?]*)\??(.*)$/is.exec(uri ?? '') ?? []
  const scheme = schemeOf(uri)
  const facts = sinkOf(uri)
  if (facts !== undefined) return { facts, scheme, place, parameters: new SinkParameters(query, position) }
  if (scheme === '') {
    throw new FeedError('FEED_OPTION', `no scheme found for sink URL "${redactSinkUri(uri ?? '')}"`, {
      hint: schemeHint(uri ?? ''),
      position,
    })
  }
  const meant =
    meantBy.get(scheme) ??
    nearestName(
      scheme,
      sinks.flatMap(({ schemes }) => schemes),
    )
  const hint =
    meant === undefined
      ? `the schemes of sinks are ${sinks.flatMap(({ schemes, open }) => (open === undefined ? [] : schemes)).join(', ')}`
      : `did you mean "${meant}"?`
  throw new FeedError('FEED_OPTION', `unsupported sink: ${scheme}`, { position, hint })
}

/** Of the URI, which may hold secrets, the hint has only a scheme that we know. */
function schemeHint(uri: string): string {
  const scheme = /^([a-z][a-z0-9+.-]*)(?::\/?|\/\/)(?!\/)/i.exec(uri)?.[1]?.toLowerCase() ?? ''
  // A host may have the name of a scheme.
  const hasPort = /^[\w+.-]+:\d+(?:$|[/?,])/.test(uri)
  if (ofScheme(scheme) !== undefined && !hasPort) return `two slashes follow the colon: '${scheme}://…'`
  return "a sink is written as 'scheme://host:port?parameters', for example 'kafka://localhost:9092'"
}

/** Returns the sink of a URI, of which nothing else is read; undefined: there is none of the scheme. */
export function sinkOf(uri: string | undefined): SinkFacts | undefined {
  return uri === undefined ? sinks.find(({ schemes }) => schemes.length === 0) : ofScheme(schemeOf(uri))
}

/** Returns the scheme in lower case. SHOW JOBS prints some URIs without the slashes, and what it prints can be run again. */
function schemeOf(uri = ''): string {
  const [, written] = /^([a-z][a-z0-9+.-]*):\/\//i.exec(uri) ?? []
  return (written ?? schemeAlone(uri) ?? '').toLowerCase()
}

function ofScheme(scheme: string): SinkFacts | undefined {
  return sinks.find(({ schemes, oldSchemes = [] }) => schemes.includes(scheme) || oldSchemes.includes(scheme))
}

function schemeAlone(uri = ''): string | undefined {
  const [, scheme] = /^([^:]+):$/.exec(uri) ?? []
  return isWhole(scheme) ? scheme : undefined
}

/** Whether `scheme:` is a whole URI of a sink. */
function isWhole(scheme = ''): boolean {
  return sinks.some(({ isSchemeEnough, schemes }) => isSchemeEnough === true && schemes.includes(scheme.toLowerCase()))
}

/** Returns the URI for messages: without the user, the password, the path and the values of all parameters. */
export function redactSinkUri(uri: string): string {
  const [, head = '', path = '', query = ''] =
    /^((?:[a-z][a-z0-9+.-]*:?\/\/)?[^/?]*)([^?]*)(.*)$/is.exec(withoutUser(uri)) ?? []
  return `${head}${/^\/?$/.test(path) ? path : '/redacted'}${redactQuery(query, () => true)}`
}

/** `query` begins with a question mark, or is empty. A parameter without a value may be a secret by its name. */
function redactQuery(query: string, isSecret: (name: string) => boolean): string {
  return query.replace(/([?&])([^=&]+)(?:=([^&]*))?/g, (written, mark: string, name: string, value = '') => {
    if (!isSecret(decodedName(name))) return written
    const isNameShown = value !== '' || secretParameters.has(decodedName(name).toLowerCase())
    return isNameShown ? `${mark}${name}=redacted` : `${mark}redacted`
  })
}

/**
 * Removes `user:password@`, with a scheme or without. A password is often written without escapes, also if it contains
 * slashes, so everything up to the last @ before the parameters is removed.
 */
function withoutUser(uri: string): string {
  const query = uri.indexOf('?')
  const at = uri.slice(0, query < 0 ? uri.length : query).lastIndexOf('@')
  if (at < 0) return uri
  const scheme = /^[a-z][a-z0-9+.-]*:?\/\//i.exec(uri)?.[0] ?? ''
  return `${scheme}redacted${uri.slice(at)}`
}

/** The parameters of all sinks whose values are no secrets, in lower case: a misspelt secret is not among them. */
const harmlessParameters: ReadonlySet<string> = new Set(
  sinks.flatMap(({ reference }) =>
    Object.entries(reference?.uri?.parameters ?? {}).flatMap(([name, { isSecret }]) =>
      isSecret === true ? [] : [name.toLowerCase()],
    ),
  ),
)

/** The parameters whose values are credentials or keys, in lower case, also those of sinks that are not built yet. */
const secretParameters: ReadonlySet<string> = new Set(
  sinks.flatMap(({ secrets = [], reference }) => [
    ...secrets,
    ...Object.entries(reference?.uri?.parameters ?? {}).flatMap(([name, { isSecret }]) =>
      isSecret === true ? [name.toLowerCase()] : [],
    ),
  ]),
)

/**
 * Returns the URI as SHOW JOBS prints it: as written, but without the user and without the values of parameters that are secrets or that no sink has,
 * which may be misspelt secrets, or secrets of the far end. `harmless`: further parameters that may be shown.
 */
export function showSinkUri(uri: string, harmless: readonly string[] = []): string {
  // CockroachDB prints a URI that is only a scheme without the slashes.
  const [, bare] = /^([^:]+):\/\/$/.exec(uri) ?? []
  if (isWhole(bare)) return `${bare?.toLowerCase()}:`
  const [, head = '', place = '', query = ''] = /^([a-z][a-z0-9+.-]*:\/\/)?([^?]*)(.*)$/is.exec(withoutUser(uri)) ?? []
  const facts = ofScheme(head.slice(0, -3).toLowerCase())
  const isSecret = (name: string): boolean => {
    if (harmless.includes(name)) return false
    if (secretParameters.has(name.toLowerCase()) || !harmlessParameters.has(name.toLowerCase())) return true
    return facts?.passesParametersOn === true && facts.reference?.uri?.parameters[name] === undefined
  }
  return `${head}${facts?.showPlace?.(place) ?? place}${redactQuery(query, isSecret)}`
}

/** The name of a secret may be percent-encoded. */
function decodedName(name: string): string {
  return new URLSearchParams(`${name}=`).keys().next().value ?? ''
}
