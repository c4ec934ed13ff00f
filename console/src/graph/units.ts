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

const decimal = Array.from({ length: 16 }, (_, i) => [1, 2, 5].map((n) => n * 10 ** i)).flat()
const binary = Array.from({ length: 50 }, (_, i) => 2 ** i)
const second = 1e9
const times = [
  ...decimal.filter((n) => n < second),
  ...[1, 2, 5, 10, 15, 30].flatMap((n) => [n * second, n * 60 * second]),
  ...[1, 2, 3, 6, 12, 24, 48, 96, 192].map((n) => n * 3600 * second),
].sort((a, b) => a - b)

/** The distances that the lines of a scale may have, so that there are round numbers at them. */
export function distancesOf(unit: Unit): number[] {
  switch (unit) {
    case 'bytes':
    case 'bytes-per-second':
      return binary
    case 'duration':
      return times
    case 'per-second':
    case 'per-minute':
      return [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, ...decimal]
    case 'count':
      return decimal
  }
}

/** What a scale shows at least, where all values are 0. */
export function leastOf(unit: Unit): number {
  return unit === 'duration' ? second : unit.startsWith('bytes') ? 1024 : 1
}
