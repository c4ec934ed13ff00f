// The parameters of s3:// URIs.

import type { ParameterFacts } from '../../sink-parameters.ts'

export const s3Parameters = {
  AUTH: {
    default: '`specified`',
    about:
      '`specified`: with the keys in the URI. `implicit`: with the credentials of the server: its environment, its files of AWS, a web identity, or the role of the instance or container.',
  },
  AWS_ACCESS_KEY_ID: { about: 'The access key.' },
  AWS_SECRET_ACCESS_KEY: { isSecret: true, about: 'Its secret. `+` and `/` are written `%2B` and `%2F`.' },
  AWS_SESSION_TOKEN: { isSecret: true, about: 'The session token of temporary keys.' },
  AWS_REGION: {
    about:
      'The region of the bucket. Without it, that of the environment of the server or `us-east-1`; Amazon says where the bucket is, unless `changefeed.sink.allowed_hosts` is set.',
  },
  AWS_ENDPOINT: { about: 'The URL of a service other than Amazon that speaks S3: `https://minio.example.com:9000`.' },
  AWS_USE_PATH_STYLE: {
    value: 'bool',
    about:
      'The bucket is in the path of requests (`true`) or in the name of the host (`false`). Without it: in the path with `AWS_ENDPOINT`, except for hosts of Amazon.',
  },
  AWS_SKIP_CHECKSUM: {
    value: 'bool',
    default: '`false`',
    about: 'Sends no CRC32 of the objects, for services that do not know it.',
  },
  ASSUME_ROLE: {
    value: 'list',
    about:
      'The ARN of a role to assume; several with commas: each one assumes the next, and the last one writes. `;external_id=…` may follow each.',
  },
  S3_STORAGE_CLASS: {
    default: '`STANDARD`',
    about: 'The storage class of the objects: `STANDARD_IA`, `INTELLIGENT_TIERING` …',
  },
  AWS_SERVER_ENC_MODE: { about: 'Encryption at the far end: `AES256`, or `aws:kms` with `AWS_SERVER_KMS_ID`.' },
  AWS_SERVER_KMS_ID: { about: 'The key of KMS: its id or its ARN.' },
} as const satisfies Readonly<Record<string, ParameterFacts>>
