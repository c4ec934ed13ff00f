// The payload of a job as it is stored:
//
//   version 1   { spec, onError }: the spec is the FeedSpec, its sink is encrypted or, where it is older, in plain text
//   version 2   { version, spec, onError }: the same with a version
//   version 3   the spec has schemaChanges, registry and avroSchemaPrefix; the registry is encrypted
//   version 4   the spec has takesAnyBytes; a program that does not know it would print U+FFFD for what is no UTF-8
//
// The version of the payload is also that of the sink and the registry inside the encrypted texts. SQL reads `spec.sink` of a payload
// (`SealedPayloads.sealAll`).

import type { SinkSpec } from '../core/feed-spec.ts'
import type { StoredPayload } from './jobs.ts'
import type { Sealed } from './payload-seal.ts'
import { readRecord, writeRecord } from './record-version.ts'

export interface PayloadRecord extends StoredPayload {
  readonly spec: StoredPayload['spec'] & {
    readonly sink: SinkSpec | Sealed
    readonly registry?: Sealed | undefined
  }
}

export function writePayload(payload: PayloadRecord): string {
  return writeRecord('payload', payload)
}

/** Reads a payload of any version. `job` is the id of the job, for errors. */
export function readPayload(text: string, job: string): PayloadRecord {
  // What a version lacks is optional.
  return readRecord('payload', text, job).members as PayloadRecord
}
