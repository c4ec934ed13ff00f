// The query parameters of a URI, most often that of a sink. A sink reads those that it knows, one by one; what is left then is an error.

import { nearestName } from '../core/nearest-name.ts'
import { FeedError } from '../errors/feed-error.ts'

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/

/** How a file or a text becomes what is wanted. */
const base64Hint = 'encode it with: base64 -w 0 FILE, or printf %s TEXT | base64 -w 0'

export interface ParameterFacts {
  /** The schemes that have the parameter; undefined: all schemes of the sink. */
  readonly schemes?: readonly string[]
  /** How the value is written; undefined: as text. */
  readonly value?: 'bool' | 'base64' | 'list'
  readonly default?: string
  /** SHOW JOBS prints `redacted` in place of the value. */
  readonly isSecret?: true
  /** False if the parameter is refused until a later version. */
  readonly built?: false
  /** What the parameter does, in sentences of the reference page. */
  readonly about: string
}

/** Returns the names of the parameters that are not refused. */
export function builtParameters(table: Readonly<Record<string, ParameterFacts>>): readonly string[] {
  return Object.entries(table).flatMap(([name, { built }]) => (built === false ? [] : [name]))
}

export class SinkParameters<Name extends string> {
  readonly #values: Map<string, string>
  readonly #all: URLSearchParams
  readonly #position: number

  constructor(query: string, position: number) {
    this.#all = new URLSearchParams(query)
    this.#values = new Map(this.#all)
    this.#position = position
  }

  text(name: Name): string | undefined {
    const value = this.#values.get(name)
    if (value !== undefined && this.#all.getAll(name).some((other) => other !== value))
      throw this.refused(
        `param ${name} is given more than once`,
        'only one of its values could count: leave out the others',
      )
    this.#values.delete(name)
    return value
  }

  bool(name: Name): boolean | undefined {
    const value = this.text(name)
    if (value === undefined) return undefined
    const folded = value.toLowerCase()
    if (['true', 't', '1'].includes(folded)) return true
    if (['false', 'f', '0'].includes(folded)) return false
    throw this.refused(`param ${name} must be a bool`, `${name}=true or ${name}=false`)
  }

  /** Returns the members of a list with commas or blanks. The parameter may be given several times. */
  list(name: Name): readonly string[] {
    this.#values.delete(name)
    return this.#all.getAll(name).flatMap((text) => text.split(/[\s,]+/).filter((item) => item !== ''))
  }

  /** Decodes base64 in the standard alphabet or that of URLs. A plus sign that was not escaped arrives as a blank. */
  base64(name: Name, encoding: 'latin1' | 'utf8' = 'latin1'): string | undefined {
    const value = this.text(name)
    if (value === undefined) return undefined
    const standard = value.replaceAll(' ', '+').replaceAll('-', '+').replaceAll('_', '/')
    if (!base64.test(standard))
      throw this.refused(`param ${name} must be base 64 encoded`, `${base64Hint}, and percent-encode it`)
    return Buffer.from(standard, 'base64').toString(encoding)
  }

  /** Returns the parameters that were not read, for a sink that passes them on to its far end. */
  rest(): URLSearchParams {
    return new URLSearchParams([...this.#all].filter(([name]) => this.#values.has(name)))
  }

  /** Throws if a name is close to a known one. To be called before values are read: otherwise the one that was meant would be missing. */
  checkSpelling(whose: string, known: readonly string[]): void {
    const names = [...this.#values.keys()].filter((name) => !known.includes(name))
    const misspelt = names.filter((name) => nearestName(name, known) !== undefined)
    if (misspelt.length > 0) throw this.#unknown(misspelt, whose, known)
  }

  /** Throws if a parameter is left that was not read. `known`: names to propose in its place. */
  end(whose: string, known: readonly string[]): void {
    const names = [...this.#values.keys()]
    if (names.length > 0) throw this.#unknown(names, whose, known)
  }

  #unknown(names: readonly string[], whose: string, known: readonly string[]): FeedError {
    const sorted = names.toSorted()
    const meant = sorted.flatMap((name) => nearestName(name, known) ?? [])
    return this.refused(
      `unknown ${whose} query parameters: [${sorted.join(', ')}]`,
      meant.length > 0
        ? `did you mean ${meant.join(', ')}?`
        : known.length > 0
          ? `the parameters are ${known.toSorted().join(', ')}`
          : 'leave out what follows the question mark',
    )
  }

  refused(message: string, hint?: string): FeedError {
    return new FeedError('FEED_OPTION', message, { position: this.#position, hint })
  }
}
