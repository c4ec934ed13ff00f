// The version of what is stored of a job. A payload and a progress are JSON objects with a member `version`; records of
// version 1 have none. Payloads and progresses count their versions separately.
//
// A record needs a new version as soon as a server of the present version would read it wrongly: when a member or a value
// was added that an older server would ignore, was renamed, or means something else. Every version that was ever written
// stays readable, and records.test.ts holds an example of each. A record of a later version is refused and stays as it
// is: its job waits for a server that can read it (later-records.ts).

import { FeedError } from '../errors/feed-error.ts'
import { fromJson, toJson } from './job-json.ts'

/** The versions that this program writes, which are also the last ones that it reads. The names are those of the columns. */
export const recordVersions = { payload: 4, progress: 4 } as const

export type RecordName = keyof typeof recordVersions

/** A condition in SQL: this program can read both records of a row of `changefeed.jobs`. */
export const isReadable = `(${Object.entries(recordVersions)
  .map(([name, version]) => `coalesce(${name}::jsonb -> 'version', '1') <= '${version}'`)
  .join(' AND ')})`

/** A record as text: the members and the present version. */
export function writeRecord(name: RecordName, members: object): string {
  return toJson({ version: recordVersions[name], ...members })
}

export interface VersionedMembers {
  readonly version: number
  /** The members of the record, which depend on its version. */
  readonly members: unknown
}

/** Reads the text of a record; throws when its version is later than the present one. `job`: id of the job, for the error. */
export function readRecord(name: RecordName, text: string, job: string): VersionedMembers {
  const { version = 1, ...members } = fromJson<{ readonly version?: number }>(text)
  const last = recordVersions[name]
  if (version > last) {
    throw new FeedError(
      'FEED_STATE',
      `job ${job} was written by a later version of pg-changefeed: its ${name} has version ${version}, and this program reads versions up to ${last}`,
      {
        hint: `start the version of pg-changefeed that wrote it, or a later one, and the job goes on; CANCEL JOB ${job} ends it`,
      },
    )
  }
  return { version, members }
}
