// Reads the parameters AUTH, CREDENTIALS and ASSUME_ROLE of URIs of Google Cloud. The key file comes from whoever writes the
// statement, so only kinds of it are taken that name no file and no URL of our machine. No error repeats a part of it.

import { createPrivateKey } from 'node:crypto'
import type { SinkAddress } from './sink-facts.ts'
import type { ParameterFacts, SinkParameters } from './sink-parameters.ts'

export type GoogleKey =
  /** What the machine of the server has: GOOGLE_APPLICATION_CREDENTIALS, gcloud, the metadata service. */
  | { readonly tag: 'implicit' }
  | { readonly tag: 'service-account'; readonly email: string; readonly key: string }
  | {
      readonly tag: 'user'
      readonly clientId: string
      readonly clientSecret: string
      readonly refreshToken: string
    }

export interface GoogleCredentials {
  readonly key: GoogleKey
  /** The service accounts whose rights are used, each one through the previous one. The last one does the work. */
  readonly assumeRoles: readonly string[]
}

export const googleParameters = {
  AUTH: {
    default: '`specified`',
    about:
      '`specified`: `CREDENTIALS` holds the key. `implicit`: the server uses the credentials of its machine, as Google’s own programs find them (`GOOGLE_APPLICATION_CREDENTIALS`, `gcloud`, the metadata service, workload identity).',
  },
  CREDENTIALS: {
    value: 'base64',
    isSecret: true,
    about: 'The JSON key file of a service account, for `AUTH=specified`: `base64 -w 0 key.json`.',
  },
  ASSUME_ROLE: {
    value: 'list',
    about:
      'E-mail address of a service account whose rights are used. With several, separated by commas, each one is assumed through the previous one.',
  },
} as const satisfies Readonly<Record<string, ParameterFacts>>

type Parameters = SinkParameters<keyof typeof googleParameters>

/** `auth`: for sinks that know other values, too. */
export function readGoogleCredentials(
  parameters: Parameters,
  auth = parameters.text('AUTH') ?? 'specified',
): GoogleCredentials {
  if (auth !== 'specified' && auth !== 'implicit') {
    throw parameters.refused(`unsupported value ${auth} for AUTH`, 'it is specified or implicit')
  }
  const text = parameters.base64('CREDENTIALS', 'utf8')
  const assumeRoles = parameters.list('ASSUME_ROLE')
  for (const role of assumeRoles) {
    if (!/^[\w.:-]+@[\w.-]+$/.test(role))
      throw parameters.refused(
        'param ASSUME_ROLE must be the e-mail address of a service account, or several with commas',
      )
  }
  if (auth === 'implicit') {
    if (text !== undefined)
      throw parameters.refused('CREDENTIALS is only a valid parameter for AUTH=specified', 'leave out one of the two')
    return { key: { tag: 'implicit' }, assumeRoles }
  }
  if (text === undefined || text === '') {
    throw parameters.refused(
      'missing credentials parameter',
      'CREDENTIALS is the JSON key file of a service account in base64 (base64 -w 0 key.json); AUTH=implicit uses the credentials of the machine of the server',
    )
  }
  return { key: readGoogleKey(text, (message, hint) => parameters.refused(message, hint)), assumeRoles }
}

/** `refused` makes the error of a text that is no such key file. */
export function readGoogleKey(
  text: string,
  refused: (message: string, hint?: string) => Error,
  where = 'CREDENTIALS',
): GoogleKey {
  const members = jsonObject(text)
  if (members === undefined) {
    throw refused(
      where === 'CREDENTIALS' ? 'param CREDENTIALS must be a JSON key file in base64' : `${where} is no JSON key file`,
      where === 'CREDENTIALS' ? 'base64 -w 0 key.json gives the value' : undefined,
    )
  }
  const need = (name: string): string => {
    const value = members[name]
    if (typeof value === 'string' && value !== '') return value
    throw refused(`the key file in ${where} has no ${name}`)
  }
  const type = members['type']
  if (type === 'service_account') {
    const key = need('private_key')
    if (!isPrivateKey(key)) throw refused(`the private_key of the key file in ${where} is no PEM key`)
    return { tag: 'service-account', email: need('client_email'), key }
  }
  if (type === 'authorized_user') {
    return {
      tag: 'user',
      clientId: need('client_id'),
      clientSecret: need('client_secret'),
      refreshToken: need('refresh_token'),
    }
  }
  // The others name files, programs and URLs, which the server would read, run and ask on behalf of whoever wrote the statement.
  throw refused(
    `the key file in ${where} must be of type service_account or authorized_user`,
    'other kinds work with AUTH=implicit, for which GOOGLE_APPLICATION_CREDENTIALS of the server names the file',
  )
}

/** Returns the machines that issue tokens. The credentials of the server's machine are a matter of the server. */
export function googleTokenAddresses({ key, assumeRoles }: GoogleCredentials): readonly SinkAddress[] {
  const hosts = [
    ...(key.tag === 'implicit' ? [] : ['oauth2.googleapis.com']),
    ...(assumeRoles.length === 0 ? [] : ['iamcredentials.googleapis.com']),
  ]
  return hosts.map((host) => ({ host, port: 443 }))
}

function jsonObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    // The message of Node repeats the text.
    return undefined
  }
}

function isPrivateKey(pem: string): boolean {
  try {
    return createPrivateKey(pem).type === 'private'
  } catch {
    return false
  }
}
