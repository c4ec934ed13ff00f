// Numbers and times as people read them. Times are UTC everywhere, as in SQL.

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

export function bytes(value: number | null | undefined): string {
  if (value == null) return '–'
  let left = Math.abs(value)
  let unit = 0
  while (left >= 1024 && unit < units.length - 1) {
    left /= 1024
    unit += 1
  }
  return `${value < 0 ? '-' : ''}${short(left)} ${units[unit]}`
}

export function count(value: number | null | undefined): string {
  if (value == null) return '–'
  return value.toLocaleString('en-US', { maximumFractionDigits: Math.abs(value) < 10 ? 2 : 0 })
}

/** With few digits: 1.2k, 3.4M. */
export function compact(value: number): string {
  const size = Math.abs(value)
  if (size >= 1e9) return `${short(value / 1e9)}G`
  if (size >= 1e6) return `${short(value / 1e6)}M`
  if (size >= 1e4) return `${short(value / 1e3)}k`
  return count(value)
}

function short(value: number): string {
  const size = Math.abs(value)
  return String(Number(value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)))
}

/** A length of time in milliseconds, with at most two parts. */
export function duration(ms: number | null | undefined): string {
  if (ms == null) return '–'
  if (ms < 1) return ms === 0 ? '0 s' : `${short(ms)} ms`
  if (ms < 1000) return `${Math.round(ms)} ms`
  const seconds = ms / 1000
  if (seconds < 60) return `${short(seconds)} s`
  const parts: readonly (readonly [number, string])[] = [
    [86_400, 'd'],
    [3600, 'h'],
    [60, 'min'],
    [1, 's'],
  ]
  const first = parts.findIndex(([length]) => seconds >= length)
  const [length = 1, name = 's'] = parts[first] ?? []
  const whole = Math.floor(seconds / length)
  const [nextLength = 1, nextName = ''] = parts[first + 1] ?? []
  const rest = Math.floor((seconds - whole * length) / nextLength)
  return rest === 0 || nextName === '' ? `${whole} ${name}` : `${whole} ${name} ${rest} ${nextName}`
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const

/** Mar 28, 2019 at 19:09 */
export function dateTime(ms: number | null | undefined): string {
  if (ms == null) return '–'
  const at = new Date(ms)
  return `${months[at.getUTCMonth()]} ${at.getUTCDate()}, ${at.getUTCFullYear()} at ${at.toISOString().slice(11, 16)}`
}

/** 19:09:50 on Mar 28th, 2019 */
export function momentText(ms: number): string {
  const at = new Date(ms)
  const day = at.getUTCDate()
  const ending =
    day % 10 === 1 && day !== 11
      ? 'st'
      : day % 10 === 2 && day !== 12
        ? 'nd'
        : day % 10 === 3 && day !== 13
          ? 'rd'
          : 'th'
  return `${at.toISOString().slice(11, 19)} on ${months[at.getUTCMonth()]} ${day}${ending}, ${at.getUTCFullYear()}`
}

export function clock(ms: number): string {
  return new Date(ms).toISOString().slice(11, 23)
}

/** How long ago it was, for times of the server. */
export function ago(ms: number | null | undefined, nowMs: number): string {
  if (ms == null) return '–'
  const passed = nowMs - ms
  return passed < 2000 ? 'just now' : `${duration(Math.round(passed / 1000) * 1000)} ago`
}

/** The system time that a timestamp of CockroachDB's kind stands for, as AS OF SYSTEM TIME and SQL print it. */
export function systemTime(decimal: string): string {
  const [wall = '0'] = decimal.split('.')
  const nanos = BigInt(wall)
  const at = new Date(Number(nanos / 1_000_000n))
  const micros = String((nanos / 1000n) % 1_000_000n).padStart(6, '0')
  return `${at.toISOString().slice(0, 10)} ${at.toISOString().slice(11, 19)}.${micros}+00:00`
}

export function msOfTimestamp(decimal: string): number {
  return Number(BigInt(decimal.split('.')[0] ?? '0') / 1_000_000n)
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`
}
