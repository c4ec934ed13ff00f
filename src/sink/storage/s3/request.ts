// The requests of a client of S3, which may change its connection and its credentials between two of them.

import type { PutObjectCommandInput, S3Client } from '@aws-sdk/client-s3'

/** Calls `send` with the client of the moment. */
export type Send = <Answer>(
  send: (client: S3Client, options: { readonly abortSignal: AbortSignal }) => Promise<Answer>,
  signal: AbortSignal,
) => Promise<Answer>

/** What an object is called, and how the far end keeps it. */
export type ObjectHead = Pick<
  PutObjectCommandInput,
  'ContentType' | 'ChecksumAlgorithm' | 'StorageClass' | 'ServerSideEncryption' | 'SSEKMSKeyId'
> & { readonly Bucket: string; readonly Key: string }
