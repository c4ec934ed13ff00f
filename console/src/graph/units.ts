// How the values of a graph are written.

import { bytes, compact, duration } from '../format.ts'

export type Unit = 'count' | 'bytes' | 'duration' | 'per-second' | 'per-minute' | 'bytes-per-second'

/** Durations are in nanoseconds. */
export function showValue(value: number, unit: Unit): string {
  switch (unit) {
    case 'bytes':
      return bytes(value)
    case 'bytes-per-second':
      return `${bytes(value)}/s`
    case 'duration':
      return duration(value / 1e6)
    case 'per-second':
      return `${compact(value)}/s`
    case 'per-minute':
      return `${compact(value)}/min`
    case 'count':
      return compact(value)
  }
}
