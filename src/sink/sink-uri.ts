// What the scheme of a sink URI says: which sink it belongs to. Not all sinks can be used yet; the others are known so that
// their options are checked by the right rules. Also here: which parts of a URI may be shown.

import { nearestName } from '../core/nearest-name.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { SinkFacts, UriParts } from './sink-facts.ts'
import { SinkParameters } from './sink-parameters.ts'
import { sinks } from './sinks.ts'

export interface SinkUri extends UriParts {
  readonly facts: SinkFacts
}

/** uri := scheme :// place [? parameters]. Undefined: the statement has no INTO. */
export function readSinkUri(uri: string | undefined, position: number): SinkUri {
  const [, written, place = '', query = ''] = /^([a-z][a-z0-9+.-]*):\/\/([^?]*)\??(.*)$/is.exec(uri ?? '') ?? []
  // What SHOW JOBS prints can be run again.
  const scheme = (written ?? schemeAlone(uri) ?? '').toLowerCase()
  const facts = sinks.find(({ schemes, oldSchemes = [] }) =>
    uri === undefined ? schemes.length === 0 : schemes.includes(scheme) || oldSchemes.includes(scheme),
  )
  if (facts !== undefined) return { facts, scheme, place, parameters: new SinkParameters(query, position) }
  if (scheme === '') {
    throw new FeedError('FEED_OPTION', `no scheme found for sink URL "${redactSinkUri(uri ?? '')}"`, {
      hint: "a sink is written as 'scheme://host:port?parameters', for example 'kafka://localhost:9092'",
      position,
    })
  }
  const wrong = sinks.flatMap(({ wrongSchemes = {} }) => Object.entries(wrongSchemes)).find(([name]) => name === scheme)
  if (wrong !== undefined) throw new FeedError('FEED_OPTION', wrong[1], { position })
  const meant = nearestName(
    scheme,
    sinks.flatMap(({ schemes }) => schemes),
  )
  const hint = meant === undefined ? undefined : `did you mean "${meant}"?`
  throw new FeedError('FEED_OPTION', `unsupported sink: ${scheme}`, { position, hint })
}

function schemeAlone(uri = ''): string | undefined {
  const [, scheme] = /^([^:]+):$/.exec(uri) ?? []
  return isWhole(scheme) ? scheme : undefined
}

/** `scheme:` is a whole URI of a sink. */
function isWhole(scheme = ''): boolean {
  return sinks.some(({ isSchemeEnough, schemes }) => isSchemeEnough === true && schemes.includes(scheme.toLowerCase()))
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
const secretParameters: ReadonlySet<string> = new Set(
  sinks.flatMap(({ secrets = [], reference }) => [
    ...secrets,
    ...Object.entries(reference?.uri?.parameters ?? {}).flatMap(([name, { isSecret }]) =>
      isSecret === true ? [name] : [],
    ),
  ]),
)

/** A URI as SHOW JOBS prints it: the user and the secrets are gone, the rest is as written. */
export function showSinkUri(uri: string): string {
  // As CockroachDB prints a URI that has a scheme and nothing else.
  const [, bare] = /^([^:]+):\/\/$/.exec(uri) ?? []
  if (isWhole(bare)) return `${bare?.toLowerCase()}:`
  return withoutUser(uri).replace(/([?&])([^=&]*)=[^&]*/g, (written, mark: string, name: string) =>
    secretParameters.has(decodedName(name).toLowerCase()) ? `${mark}${name}=redacted` : written,
  )
}

/** A name may be percent-encoded, and still be the name of a secret. */
function decodedName(name: string): string {
  return new URLSearchParams(`${name}=`).keys().next().value ?? ''
}
