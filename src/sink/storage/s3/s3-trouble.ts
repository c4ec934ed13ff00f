// What an error of S3 means for the sink.

import { FeedError } from '../../../errors/feed-error.ts'
import { isLater, pauseOf, reasonOf, unreachable } from '../cloud/cloud-trouble.ts'
import { shownPlace } from '../cloud/bucket-place.ts'
import { foreignAnswer, type FarEnd } from '../cloud/foreign-answer.ts'
import { saidBy } from '../../said-by.ts'
import type { StorageTrouble } from '../storage-client.ts'
import type { LateError } from './late-error.ts'
import { addressesOf, type S3Location } from './location.ts'

/** The server has no credentials, or a role cannot be assumed. */
export class NoCredentials extends Error {
  constructor(cause: unknown) {
    super(isUnread(cause) ? 'the answer is none of a token service' : reasonOf(cause), { cause })
  }
}

interface S3Error extends LateError {
  /** The code of S3; absent if the error is of the library, or the answer had no body. */
  readonly Code?: unknown
  readonly $metadata?: { readonly httpStatusCode?: number }
  readonly $response?: { readonly statusCode?: number; readonly headers?: Readonly<Record<string, string>> }
  /** The region of the bucket, if the request went to another one. */
  readonly Region?: string
}

const expiredCodes: ReadonlySet<string> = new Set([
  'ExpiredToken',
  'ExpiredTokenException',
  'RequestExpired',
  'TokenRefreshRequired',
])
const wrongRegionCodes: ReadonlySet<string> = new Set([
  'AuthorizationHeaderMalformed',
  'PermanentRedirect',
  'IllegalLocationConstraintException',
])
/** Answers with a status of 4xx after which the same request may succeed. */
const laterCodes: ReadonlySet<string> = new Set([
  'RequestTimeout',
  'SlowDown',
  'Throttling',
  'ThrottlingException',
  'TooManyRequestsException',
  'RequestLimitExceeded',
  'OperationAborted',
  'RequestTimeTooSkewed',
  'IncompleteBody',
  'BadDigest',
  'XAmzContentSHA256Mismatch',
])

export function s3Trouble(thrown: unknown, location: S3Location): StorageTrouble {
  const name = shownPlace('s3', location)
  if (thrown instanceof NoCredentials) return noCredentials(thrown, location)
  const { $metadata, $response, message = '', answeredStatus } = thrown as S3Error
  const said = codeIn(thrown)
  const code = said ?? (thrown as Error).name ?? ''
  const headers = $response?.headers ?? {}
  const status = $metadata?.httpStatusCode ?? (isUnread(thrown) ? $response?.statusCode : undefined)
  const isSuccess = status !== undefined && status >= 200 && status < 300
  if (status === undefined || (isSuccess && said === undefined && !isUnread(thrown)))
    return unreachable(farEnd(location), thrown, secretsOf(location))
  // What stands before S3 may be in trouble, too, and answer with a page of its own.
  if (status < 500 && said === undefined && !isOfS3(headers)) {
    const error = foreignAnswer(farEnd(location), { status, contentType: headers['content-type'] })
    return { tag: isSuccess || isLater(status) ? 'failed' : 'refused', error, pauseMs: pauseOf(headers['retry-after']) }
  }
  const more = said !== undefined && message !== code ? saidBy(message, secretsOf(location)) : ''
  const how =
    answeredStatus === undefined
      ? [status, ...(said === undefined ? [] : [said])].join(' ')
      : `${answeredStatus} ${said === undefined ? 'and did not say whether the object is complete' : `with the error ${said}`}`
  const error = new FeedError('FEED_SINK', `${name}: S3 answered ${how}${more === '' ? '' : `: ${more}`}`, {
    hint: hintOf({ code, status, region: regionIn(thrown), location }),
  })
  if (expiredCodes.has(code)) return { tag: 'expired', error }
  // A token that was issued a moment ago, or that somebody has revoked; the server may have a newer one.
  if (code === 'InvalidToken' && isRenewable(location)) return { tag: 'expired', error }
  if (isLater(status) || isSuccess || laterCodes.has(code)) {
    return { tag: 'failed', error, pauseMs: pauseOf(headers['retry-after']) }
  }
  return { tag: 'refused', error }
}

function farEnd(location: S3Location): FarEnd {
  const { endpoint } = location
  const [{ host, port } = { host: '', port: 0 }] = addressesOf(location)
  return {
    name: shownPlace('s3', location),
    whose: 'S3',
    host,
    port,
    isTls: endpoint?.startsWith('http:') !== true,
    namedBy: endpoint === undefined ? undefined : 'AWS_ENDPOINT',
  }
}

/** Whether the library could not read an answer. Its message is about its own insides. */
function isUnread(thrown: unknown): boolean {
  return thrown instanceof Error && /Deserialization error|XML parse error/.test(thrown.message)
}

/** S3 answers some requests without a body. */
function isOfS3(headers: Readonly<Record<string, string>>): boolean {
  return Object.keys(headers).some((name) => name.startsWith('x-amz-'))
}

/** Returns the region of the bucket, if the request went to another one. */
export function regionIn(thrown: unknown): string | undefined {
  const { name, $response, Region } = thrown as S3Error
  if (!wrongRegionCodes.has(name) && $response?.statusCode !== 301) return undefined
  const region = Region ?? $response?.headers?.['x-amz-bucket-region']
  return region !== undefined && /^[a-z0-9-]+$/.test(region) ? region : undefined
}

/** Whether new credentials can be fetched. */
export function isRenewable({ credentials, roles }: S3Location): boolean {
  return credentials.tag === 'implicit' || roles.length > 0
}

function noCredentials({ message, cause }: NoCredentials, location: S3Location): StorageTrouble {
  const name = shownPlace('s3', location)
  const status = (cause as S3Error | undefined)?.$metadata?.httpStatusCode
  const said = saidBy(message, secretsOf(location))
  const isRole = location.roles.length > 0
  const what = isRole ? 'a role of ASSUME_ROLE cannot be assumed' : 'the server has no credentials for AUTH=implicit'
  const hint = isRole
    ? 'the trust policy of the role must allow it to the credentials before it, with the external_id if it wants one'
    : 'they come from AWS_ACCESS_KEY_ID and the like in the environment of the server, ~/.aws, a web identity, or the role of the machine'
  const error = new FeedError('FEED_SINK', `${name}: ${what}: ${said}`, { hint })
  return { tag: status === undefined || isLater(status) ? 'expired' : 'refused', error }
}

/** Returns the code that S3 has said: what the library calls an error may be a name of its own. */
function codeIn(thrown: unknown): string | undefined {
  const { Code } = thrown as S3Error
  return typeof Code === 'string' && /^[A-Z][\w.]+$/.test(Code) ? Code : undefined
}

interface Answered {
  readonly code: string
  readonly status: number
  readonly region: string | undefined
  readonly location: S3Location
}

function hintOf({ code, status, region, location }: Answered): string | undefined {
  const { bucket, folder, encryption, credentials, roles } = location
  switch (code) {
    case 'NoSuchBucket':
      return `create the bucket ${bucket}, or correct its name; AWS_ENDPOINT and AWS_REGION say where it is looked for`
    case 'InvalidAccessKeyId':
      return 'AWS_ACCESS_KEY_ID is not known there: it may have been deleted, or AWS_ENDPOINT may be missing'
    case 'SignatureDoesNotMatch':
      return 'AWS_SECRET_ACCESS_KEY is not the secret of AWS_ACCESS_KEY_ID; in a URI + is written %2B and / is written %2F'
    case 'ExpiredToken':
    case 'ExpiredTokenException':
    case 'RequestExpired':
    case 'TokenRefreshRequired':
    case 'InvalidToken':
      return credentials.tag === 'keys' && roles.length === 0
        ? 'AWS_SESSION_TOKEN ends after some hours: create the changefeed again with other keys, or with AUTH=implicit or ASSUME_ROLE, which fetch new ones'
        : 'new credentials are fetched'
    case 'RequestTimeTooSkewed':
      return 'the clock of this machine is wrong'
    case 'AuthorizationHeaderMalformed':
    case 'PermanentRedirect':
    case 'IllegalLocationConstraintException':
      return region === undefined
        ? 'give the region of the bucket: AWS_REGION=…'
        : `the bucket is in another region: AWS_REGION=${region}`
    case 'KMS.NotFoundException':
    case 'KMS.DisabledException':
      return 'AWS_SERVER_KMS_ID names the key'
    case 'InvalidStorageClass':
      return 'S3_STORAGE_CLASS is a class that the far end has: STANDARD, STANDARD_IA, INTELLIGENT_TIERING …'
  }
  if (status === 403 || code === 'AccessDenied') {
    const files = `${bucket}/${folder === '' ? '' : `${folder}/`}*`
    const kms = encryption?.mode === 'aws:kms' ? ', and kms:GenerateDataKey and kms:Decrypt on the key' : ''
    return `the credentials need s3:PutObject and s3:AbortMultipartUpload on ${files}${kms}`
  }
  if (status >= 300 && status < 400) return 'give the region of the bucket: AWS_REGION=…'
  return undefined
}

function secretsOf({ credentials }: S3Location): readonly (string | undefined)[] {
  return credentials.tag === 'keys' ? [credentials.secret, credentials.sessionToken] : []
}
