// The payload of a job as it is stored:
//
//   version 1   { spec, onError }: the spec is the FeedSpec, its sink is encrypted or, where it is older, in plain text
//   version 2   { version, spec, onError }: the same with a version
//
// The version of the payload is also that of the sink inside the encrypted text. SQL reads `spec.sink` of a payload
// (`SealedPayloads.sealAll`).

import type { FeedSpec, SinkSpec } from '../core/feed-spec.ts'
import type { StoredPayload } from './jobs.ts'
import type { SealedSink } from './payload-seal.ts'
import { readRecord, writeRecord } from './record-version.ts'

export interface PayloadRecord extends StoredPayload {
  readonly spec: Omit<FeedSpec, 'sink'> & { readonly sink: SinkSpec | SealedSink }
}

export function writePayload(payload: PayloadRecord): string {
  return writeRecord('payload', payload)
}

/** Reads a payload of any version. `job` is the id of the job, for errors. */
export function readPayload(text: string, job: string): PayloadRecord {
  // Both versions have the same members.
  return readRecord('payload', text, job).members as PayloadRecord
}
