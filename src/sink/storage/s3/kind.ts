// s3://bucket/path: objects in a bucket of Amazon S3, or of another service that speaks its protocol.

import type { UriParts } from '../../sink-facts.ts'
import type { SinkParameters } from '../../sink-parameters.ts'
import { readBucketPlace, shownPlace } from '../cloud/bucket-place.ts'
import { plainNotices, readAuth, readEndpoint, readKey, refuseUnused } from '../cloud/cloud-parameters.ts'
import type { StorageKind } from '../storage-kind.ts'
import {
  addressesOf,
  isAmazon,
  type S3Credentials,
  type S3Encryption,
  type S3Location,
  type S3Role,
} from './location.ts'
import { s3Parameters } from './parameters.ts'

export const s3: StorageKind<S3Location> = {
  tag: 's3',
  label: 'S3',
  schemes: ['s3'],
  example: 's3://bucket/path?AWS_ACCESS_KEY_ID=…&AWS_SECRET_ACCESS_KEY=…&AWS_REGION=…',
  parameters: s3Parameters,
  readLocation,
  shownAs: (location) => shownPlace('s3', location),
  notices: ({ endpoint }) => plainNotices(endpoint, 'AWS_ENDPOINT'),
  addresses: addressesOf,
  isImplicit: ({ credentials }) => credentials.tag === 'implicit',
  ownServer: ({ endpoint }) => (endpoint === undefined ? undefined : 'custom endpoints for S3'),
  open: () => import('./open.ts'),
}

function readLocation(uri: UriParts): S3Location {
  const { parameters } = uri
  const place = readBucketPlace(uri, {
    missing: 'empty host component; s3 URI must specify a target bucket',
    example: 's3://bucket/path?AUTH=implicit',
  })
  const endpoint = readEndpoint(parameters, 'AWS_ENDPOINT')
  const isPathStyle = parameters.bool('AWS_USE_PATH_STYLE') ?? (endpoint !== undefined && !isAmazon(endpoint))
  const region = parameters.text('AWS_REGION')
  const storageClass = parameters.text('S3_STORAGE_CLASS')
  const encryption = readEncryption(parameters)
  return {
    tag: 's3',
    ...place,
    credentials: readCredentials(parameters),
    roles: readRoles(parameters),
    ...(region === undefined || region === '' ? {} : { region: checkedRegion(region, parameters) }),
    ...(endpoint === undefined ? {} : { endpoint }),
    isPathStyle,
    ...(parameters.bool('AWS_SKIP_CHECKSUM') === true ? { skipsChecksum: true } : {}),
    ...(storageClass === undefined || storageClass === '' ? {} : { storageClass }),
    ...(encryption === undefined ? {} : { encryption }),
  }
}

function readCredentials(parameters: SinkParameters<string>): S3Credentials {
  const auth = readAuth(parameters, ['specified', 'implicit'])
  if (auth === 'implicit') {
    refuseUnused(
      parameters,
      ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'],
      'with AUTH=implicit, for which the server has credentials of its own',
    )
    return { tag: 'implicit' }
  }
  const id = readKey(parameters, 'AWS_ACCESS_KEY_ID')
  const secret = readKey(parameters, 'AWS_SECRET_ACCESS_KEY')
  const sessionToken = readKey(parameters, 'AWS_SESSION_TOKEN')
  if (id === undefined) throw missing('AWS_ACCESS_KEY_ID', parameters)
  if (secret === undefined) throw missing('AWS_SECRET_ACCESS_KEY', parameters)
  return { tag: 'keys', id, secret, ...(sessionToken === undefined ? {} : { sessionToken }) }
}

function missing(name: string, parameters: SinkParameters<string>): Error {
  return parameters.refused(
    `AUTH is set to 'specified', but ${name} is not set`,
    `give ${name}, or AUTH=implicit to use the credentials of the server`,
  )
}

function readRoles(parameters: SinkParameters<string>): readonly S3Role[] {
  return (parameters.text('ASSUME_ROLE') ?? '')
    .split(',')
    .filter((written) => written.trim() !== '')
    .map((written) => {
      const [arn = '', ...rest] = written.trim().split(';')
      const [, externalId] = /^external_id=(.+)$/.exec(rest.join(';')) ?? []
      if (!/^arn:[a-z-]+:iam::/.test(arn) || (rest.length > 0 && externalId === undefined)) {
        throw parameters.refused(
          `ASSUME_ROLE has ${JSON.stringify(written.trim())}, which is no role`,
          'a role is written as arn:aws:iam::123456789012:role/name, and may be followed by ;external_id=…, percent-encoded',
        )
      }
      return { arn, ...(externalId === undefined ? {} : { externalId }) }
    })
}

function readEncryption(parameters: SinkParameters<string>): S3Encryption | undefined {
  const mode = parameters.text('AWS_SERVER_ENC_MODE')
  if (mode === 'aws:kms') {
    const keyId = parameters.text('AWS_SERVER_KMS_ID')
    if (keyId !== undefined && keyId !== '') return { mode, keyId }
    throw parameters.refused('AWS_SERVER_KMS_ID param must be set when using aws:kms server side encryption mode.')
  }
  refuseUnused(parameters, ['AWS_SERVER_KMS_ID'], 'without AWS_SERVER_ENC_MODE=aws:kms')
  if (mode === undefined || mode === 'AES256') return mode === undefined ? undefined : { mode }
  throw parameters.refused(
    `unsupported server encryption mode ${mode}. Supported values are \`aws:kms\` and \`AES256\`.`,
  )
}

/** A region becomes a part of the name of a host. */
function checkedRegion(region: string, parameters: SinkParameters<string>): string {
  if (/^[a-z0-9-]+$/i.test(region)) return region
  throw parameters.refused(`AWS_REGION ${JSON.stringify(region)} is no region`, 'for example AWS_REGION=eu-central-1')
}
