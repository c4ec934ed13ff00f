// file-http(s)://host:port/path: files that a web server takes with PUT. http:// and https:// are older names of the same.

import type { UriParts } from '../../sink-facts.ts'
import type { StorageKind } from '../storage-kind.ts'
import { shownUrl, type HttpLocation } from './location.ts'
import { hasScheme } from '../../has-scheme.ts'
import { percentDecoded } from '../../percent-decoded.ts'

export const http: StorageKind<HttpLocation> = {
  tag: 'http',
  label: 'HTTP',
  schemes: ['file-http', 'file-https'],
  oldSchemes: ['http', 'https'],
  example: 'file-https://[user:password@]host[:port]/path?parameter=value&…',
  parameters: {},
  readLocation,
  shownAs: shownUrl,
  notices: ({ url, authorization }) =>
    authorization !== undefined && url.startsWith('http:')
      ? ['the URI is not https: whoever listens on the network can take its password']
      : [],
  addresses: ({ url }) => {
    const { protocol, hostname, port } = new URL(url)
    const usual = protocol === 'https:' ? 443 : 80
    return [{ host: hostname, port: port === '' ? usual : Number(port) }]
  },
  ownServer: () => 'external http access',
  open: () => import('./open.ts'),
}

function readLocation({ scheme, place, parameters }: UriParts): HttpLocation {
  const protocol = scheme.endsWith('https') ? 'https' : 'http'
  if (hasScheme(place)) {
    throw parameters.refused(
      'the sink URI has a scheme after its own',
      `for example '${scheme}://files.example.com/path'`,
    )
  }
  let url
  try {
    // `http:///x` would be read as the host x.
    if (!place.startsWith('/')) url = new URL(`${protocol}://${place.replaceAll('#', '%23')}`)
  } catch {
    // The message of Node would repeat the password.
  }
  if (url === undefined || url.hostname === '') {
    throw parameters.refused('HTTP storage requires a host', `for example '${scheme}://files.example.com/path'`)
  }
  if (url.port === '0') throw parameters.refused('HTTP storage has port 0, at which nothing can listen')
  const { username, password } = url
  url.username = ''
  url.password = ''
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  if (username === '' && password === '') return { tag: 'http', url: url.href }
  const credentials = `${percentDecoded(username)}:${percentDecoded(password)}`
  return { tag: 'http', url: url.href, authorization: `Basic ${Buffer.from(credentials).toString('base64')}` }
}
