// The credentials of a client of S3: the keys of the URI or those of the server, and then the roles to assume, one with the other. The
// library asks for them again shortly before they end.

import { fromNodeProviderChain, fromTemporaryCredentials } from '@aws-sdk/credential-providers'
import { isAmazon, type S3Credentials, type S3Location } from './location.ts'
import { NoCredentials } from './s3-trouble.ts'

/** The way in which the library asks for credentials. */
export type Provider = ReturnType<typeof fromNodeProviderChain>
type RoleOptions = Parameters<typeof fromTemporaryCredentials>[0]

export interface CredentialsOptions {
  readonly region: string
  readonly requestHandler: NonNullable<NonNullable<RoleOptions['clientConfig']>['requestHandler']>
}

export function credentialsOf(location: S3Location, { region, requestHandler }: CredentialsOptions): Provider {
  const { roles, endpoint } = location
  // Services other than Amazon have their token service at the same address.
  const tokenEndpoint = endpoint !== undefined && !isAmazon(endpoint) ? { endpoint } : {}
  let provider = baseOf(location.credentials, { requestHandler })
  for (const { arn, externalId } of roles) {
    provider = fromTemporaryCredentials({
      masterCredentials: provider,
      params: {
        RoleArn: arn,
        RoleSessionName: 'pg-changefeed',
        ...(externalId === undefined ? {} : { ExternalId: externalId }),
      },
      clientConfig: { region, maxAttempts: 1, requestHandler, ...tokenEndpoint },
    })
  }
  return async (options) => {
    try {
      return await provider(options)
    } catch (error) {
      throw new NoCredentials(error)
    }
  }
}

function baseOf(credentials: S3Credentials, connections: Pick<CredentialsOptions, 'requestHandler'>): Provider {
  // The connections are for the token service of Amazon, which a web identity is shown to.
  if (credentials.tag === 'implicit')
    return fromNodeProviderChain({ ignoreCache: true, maxRetries: 0, clientConfig: connections })
  const { id, secret, sessionToken } = credentials
  return async () => ({
    accessKeyId: id,
    secretAccessKey: secret,
    ...(sessionToken === undefined ? {} : { sessionToken }),
  })
}
