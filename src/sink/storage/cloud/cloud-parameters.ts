// What the parameters of all clouds have in common.

import { FeedError } from '../../../errors/feed-error.ts'
import type { SinkParameters } from '../../sink-parameters.ts'

type Parameters = SinkParameters<string>

export function readAuth<Auth extends string>(parameters: Parameters, known: readonly Auth[]): Auth | undefined {
  const written = parameters.text('AUTH')
  if (written === undefined || written === '') return undefined
  const found = known.find((auth) => auth === written.toLowerCase())
  if (found === undefined)
    throw parameters.refused(`unsupported value ${written} for AUTH`, `it is ${known.join(' or ')}`)
  return found
}

/** Returns a key in base64, or another text in which a plus sign that was not escaped has arrived as a blank. */
export function readKey(parameters: Parameters, name: string): string | undefined {
  const text = parameters.text(name)?.replaceAll(' ', '+')
  return text === '' ? undefined : text
}

/** Throws if one of the parameters is given, which would do nothing. */
export function refuseUnused(parameters: Parameters, names: readonly string[], because: string): void {
  const given = names.find((name) => parameters.text(name) !== undefined)
  if (given !== undefined) throw parameters.refused(`${given} has no use ${because}`, `leave out ${given}`)
}

/** Reads the URL of a far end, which may be written without `https://`. */
export function readEndpoint(parameters: Parameters, name: string): string | undefined {
  const written = parameters.text(name)
  if (written === undefined || written === '') return undefined
  const hint = `for example ${name}=https://storage.example.com`
  // In `host:9000` the host is no scheme.
  const [, scheme] = /^([a-z][a-z0-9+.-]*):(?!\d)/i.exec(written) ?? []
  if (scheme !== undefined && !/^https?:\/\/[^/\\]/i.test(written)) {
    throw parameters.refused(
      /^https?$/i.test(scheme) ? `${name} is no URL of a host` : `${name} is no URL of http or https`,
      hint,
    )
  }
  try {
    const url = new URL(scheme === undefined ? `https://${written}` : written)
    if (url.port === '0') throw parameters.refused(`${name} has port 0, at which nothing can listen`, hint)
    if (url.username === '' && url.password === '' && url.search === '' && url.hash === '') {
      return url.href.replace(/\/$/, '')
    }
  } catch (error) {
    if (error instanceof FeedError) throw error
    // The message of Node would repeat the text.
  }
  throw parameters.refused(`${name} is no URL of a host`, hint)
}

export function addressOf(url: string): { readonly host: string; readonly port: number } {
  const { hostname, port, protocol } = new URL(url)
  const usual = protocol === 'https:' ? 443 : 80
  return { host: hostname, port: port === '' ? usual : Number(port) }
}

export function plainNotices(endpoint: string | undefined, name: string): readonly string[] {
  if (endpoint?.startsWith('http:') !== true) return []
  return [`${name} is not https: whoever listens on the network can read the rows`]
}
