// Settings as numbers, and amounts in words.

/** By name; those that the version of PostgreSQL has. */
export type Settings = Readonly<Record<string, { readonly value: string }>>

/** Returns a setting in its unit; undefined: this version does not have it. */
export function numberOf({ settings }: { readonly settings: Settings }, name: string): number | undefined {
  const setting = settings[name]
  return setting === undefined ? undefined : Number(setting.value)
}

export function sizeText(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB']
  let size = bytes
  let unit = 0
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024
    unit += 1
  }
  return `${rounded(size)} ${units[unit]}`
}

export function durationText(seconds: number): string {
  if (seconds < 1) return 'less than a second'
  const [amount, unit] =
    seconds < 120
      ? [seconds, 'second']
      : seconds < 7200
        ? [seconds / 60, 'minute']
        : seconds < 172_800
          ? [seconds / 3600, 'hour']
          : [seconds / 86_400, 'day']
  const text = rounded(amount)
  return `${text} ${unit}${text === '1' ? '' : 's'}`
}

export function countText(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}

/** The first few, and how many there are besides. */
export function listText(names: readonly string[], most = 5): string {
  const shown = names.slice(0, most).join(', ')
  return names.length > most ? `${shown} and ${names.length - most} more` : shown
}

function rounded(value: number): string {
  return value >= 10 || Number.isInteger(value) ? String(Math.round(value)) : value.toFixed(1)
}
