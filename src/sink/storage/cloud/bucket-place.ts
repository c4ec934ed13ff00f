// The place in the URI of a bucket or container: its name, and then a folder in it.

import type { UriParts } from '../../sink-facts.ts'
import { percentDecoded } from '../../percent-decoded.ts'

export interface BucketPlace {
  readonly bucket: string
  /** In front of the names of all objects, without a slash at either end; empty: they are at the top. */
  readonly folder: string
}

export interface BucketWords {
  /** What the message says if the name is missing. */
  readonly missing: string
  readonly example: string
}

/** Names of buckets of all three clouds; what else they want is said by the far end. */
const bucketName = /^[A-Za-z0-9$][A-Za-z0-9._-]{0,221}$/

export function readBucketPlace({ place, parameters }: UriParts, { missing, example }: BucketWords): BucketPlace {
  const [bucket = '', ...path] = place.split('/')
  const hint = `for example '${example}'`
  if (bucket === '') throw parameters.refused(missing, hint)
  if (!bucketName.test(bucket)) {
    // The text may be a password that is not escaped.
    throw parameters.refused('the name of the bucket or container has characters that such a name cannot have', hint)
  }
  const folders = path.map(percentDecoded).filter((folder) => folder !== '' && folder !== '.')
  if (folders.some((folder) => folder === '..' || /[\p{Cc}]/u.test(folder))) {
    throw parameters.refused('a folder in a bucket or container has no .. and no control characters', hint)
  }
  return { bucket, folder: folders.join('/') }
}

export function objectKey({ folder }: BucketPlace, name: string): string {
  return folder === '' ? name : `${folder}/${name}`
}

export function shownPlace(scheme: string, { bucket, folder }: BucketPlace): string {
  return `${scheme}://${objectKey({ bucket, folder: bucket }, folder).replace(/\/$/, '')}`
}
