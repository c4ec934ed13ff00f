// The series of which points are kept: a metric, and whose it is.

import { pointEveryMs, type SeriesOrigin } from '../../core/series.ts'

const origins: readonly SeriesOrigin[] = ['cluster', 'job', 'scope', 'database', 'sink']

export interface SeriesKey {
  /** With dots, such as `changefeed.emitted_messages`, or `changefeed.commit_latency-p99`. */
  readonly name: string
  readonly of: SeriesOrigin
  /** The id of the job, or the name of the scope, database or sink; empty for `cluster`. */
  readonly id: string
}

/** A point every ten seconds. */
export const slotMs = pointEveryMs
export const slotsPerHour = 360
export const hourMs = slotMs * slotsPerHour

export function keyText({ name, of, id }: SeriesKey): string {
  return `${name} ${of} ${id}`
}

/** Undefined: this version does not know whose series it is. */
export function readKey(text: string): SeriesKey | undefined {
  const [, name = '', word = '', id = ''] = /^(\S+) (\S+) (.*)$/s.exec(text) ?? []
  const of = origins.find((origin) => origin === word)
  return of === undefined ? undefined : { name, of, id }
}
