// What a connection string says about encryption.

import { FeedError } from '../../errors/feed-error.ts'
import type { TlsSettings } from '../source-connection.ts'
import type { ParameterName, Parameters } from './parameters.ts'
import { oneOf, textOf } from './values.ts'

const modes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const
/** Modes in which a server that does not encrypt is accepted. */
const weak: ReadonlySet<string> = new Set(['allow', 'prefer'])

/** Returns undefined for a connection without encryption. */
export function readTls(parameters: Parameters): TlsSettings | undefined {
  const rootCert = textOf(parameters, 'sslrootcert')
  const isSystem = rootCert === 'system'
  const mode = oneOf(parameters, 'sslmode', modes) ?? defaultMode(parameters, isSystem)
  if (isSystem && mode !== 'verify-full') {
    throw new FeedError('FEED_OPTION', `sslrootcert=system needs sslmode=verify-full, not ${mode}`, {
      hint: 'everybody can get a certificate that the system trusts, so the name in it has to be checked',
    })
  }
  const isDirect = oneOf(parameters, 'sslnegotiation', ['postgres', 'direct'] as const) === 'direct'
  if (isDirect && (mode === 'disable' || weak.has(mode))) {
    throw new FeedError('FEED_OPTION', `sslnegotiation=direct needs sslmode=require or stronger, not ${mode}`)
  }
  if (mode === 'disable') return undefined
  const minVersion = readVersion(parameters, 'ssl_min_protocol_version')
  const maxVersion = readVersion(parameters, 'ssl_max_protocol_version')
  if (minVersion === 'TLSv1.3' && maxVersion === 'TLSv1.2') {
    throw new FeedError('FEED_OPTION', 'ssl_min_protocol_version is later than ssl_max_protocol_version')
  }
  return {
    mode,
    isDirect,
    rootCert,
    cert: textOf(parameters, 'sslcert'),
    key: textOf(parameters, 'sslkey'),
    keyPassword: textOf(parameters, 'sslpassword'),
    revocations: textOf(parameters, 'sslcrl'),
    revocationsDir: textOf(parameters, 'sslcrldir'),
    minVersion,
    maxVersion,
    certMode: oneOf(parameters, 'sslcertmode', ['disable', 'allow', 'require'] as const),
    hidesName: oneOf(parameters, 'sslsni', ['0', '1'] as const) === '0' ? true : undefined,
  }
}

function defaultMode(parameters: Parameters, isSystem: boolean): (typeof modes)[number] {
  if (isSystem) return 'verify-full'
  return oneOf(parameters, 'requiressl', ['0', '1'] as const) === '1' ? 'require' : 'prefer'
}

function readVersion(parameters: Parameters, name: ParameterName): TlsSettings['minVersion'] {
  const value = oneOf(parameters, name, ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const)
  if (value === 'TLSv1' || value === 'TLSv1.1') {
    throw new FeedError('FEED_OPTION', `${name}=${value} is not possible: connections use TLSv1.2 or later`)
  }
  return value
}
