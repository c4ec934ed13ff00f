// Where the objects of a changefeed go in S3, for what reads URIs and for the client, which is loaded later.

import type { SinkAddress } from '../../sink-facts.ts'
import type { BucketPlace } from '../cloud/bucket-place.ts'
import { addressOf } from '../cloud/cloud-parameters.ts'
import type { StorageLocation } from '../storage-kind.ts'

export interface S3Location extends StorageLocation, BucketPlace {
  readonly tag: 's3'
  readonly credentials: S3Credentials
  /** Each one is assumed with the credentials of the one before. */
  readonly roles: readonly S3Role[]
  readonly region?: string | undefined
  /** A URL without a slash at its end; undefined: Amazon's. */
  readonly endpoint?: string | undefined
  readonly isPathStyle: boolean
  readonly skipsChecksum?: true | undefined
  readonly storageClass?: string | undefined
  readonly encryption?: S3Encryption | undefined
}

export type S3Credentials =
  | { readonly tag: 'implicit' }
  | {
      readonly tag: 'keys'
      readonly id: string
      readonly secret: string
      readonly sessionToken?: string | undefined
    }

export interface S3Role {
  readonly arn: string
  readonly externalId?: string | undefined
}

export type S3Encryption = { readonly mode: 'AES256' } | { readonly mode: 'aws:kms'; readonly keyId: string }

export function isAmazon(endpoint: string): boolean {
  return /(?:^|\.)amazonaws\.com(?:\.cn)?$/.test(new URL(endpoint).hostname)
}

/** That of the environment is known only where the client is opened. */
export const defaultRegion = 'us-east-1'

/** For buckets in the names of hosts, too, these are Amazon's hosts without the bucket. */
export function addressesOf({ endpoint, region = defaultRegion, roles }: S3Location): readonly SinkAddress[] {
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'
  const storage = endpoint === undefined ? { host: `s3.${region}.${domain}`, port: 443 } : addressOf(endpoint)
  const asksAmazon = roles.length > 0 && (endpoint === undefined || isAmazon(endpoint))
  return asksAmazon ? [storage, { host: `sts.${region}.${domain}`, port: 443 }] : [storage]
}
