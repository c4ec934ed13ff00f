import { pgEpochMicros } from '../core/hlc.ts'

/** SQL for a time as PostgreSQL has it on the wire: microseconds since 2000-01-01, as a bigint. */
export function pgMicrosSql(time: string): string {
  return `((extract(epoch FROM ${time}) * 1000000)::bigint - ${pgEpochMicros})`
}
