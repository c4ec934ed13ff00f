// The words in angle brackets of a case: values that a statement gave (`RETURNING rowid -- = id0`), moments, and what a
// message may hold whatever it is.

import { formatHlc, type Hlc } from '../../src/core/hlc.ts'

const hlcPattern = String.raw`\d{19}\.\d{10}`
const hourNanos = 3_600_000_000_000n

export class Placeholders {
  readonly #values = new Map<string, string>()

  set(name: string, value: string): void {
    this.#values.set(name, value)
  }

  /** In statements: every placeholder must be known. */
  fill(text: string): string {
    return text.replace(/<([\w ]+)>/g, (whole, name: string) => {
      const ago = /^(\d+) hours ago$/.exec(name)?.[1]
      if (ago !== undefined) return formatHlc(hoursFromNow(-BigInt(ago)))
      const value = this.#values.get(name)
      if (value === undefined) throw new Error(`nothing gave a value for ${whole}`)
      return value
    })
  }

  /** An expected message as a pattern; what is not known may be any timestamp. */
  pattern(text: string): RegExp {
    const parts = text.split(/<([\w ]+)>/)
    const source = parts.map((part, index) => (index % 2 === 0 ? RegExp.escape(part) : this.#partPattern(part)))
    return new RegExp(`^${source.join('')}$`)
  }

  /** Gives each placeholder `<same …>` of an expected message that came the timestamp with which it came. */
  learn(expected: string, came: string): void {
    const names: string[] = []
    const source = expected.split(/<(same [\w ]+)>/).map((part, index) => {
      if (index % 2 === 0) return this.pattern(part).source.slice(1, -1)
      names.push(part)
      return `(${this.#partPattern(part)})`
    })
    const values = new RegExp(`^${source.join('')}$`).exec(came)?.slice(1) ?? []
    for (const [index, name] of names.entries()) this.set(name, values[index] ?? '')
  }

  /** An expected error: a regular expression already, but for the placeholders. */
  errorPattern(text: string): RegExp {
    return new RegExp(text.replace(/<([\w ]+)>/g, (_whole, name: string) => this.#partPattern(name)))
  }

  #partPattern(name: string): string {
    const value = this.#values.get(name)
    return value === undefined ? hlcPattern : RegExp.escape(value)
  }
}

export function hoursFromNow(hours: bigint): Hlc {
  return { wall: BigInt(Date.now()) * 1_000_000n + hours * hourNanos, logical: 0 }
}
