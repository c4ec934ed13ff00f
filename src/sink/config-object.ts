// Reads the JSON object of an option such as `kafka_sink_config`. Wrong values and unknown fields are errors: a misspelt field
// must not mean its default. The messages are those of CockroachDB, which quote Go.

import { durationHint, parseDuration } from '../core/duration.ts'
import { nearestName } from '../core/nearest-name.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { FieldFacts } from './sink-facts.ts'

/** The fields of the object itself (''), and of the objects in it. */
export type ConfigFields = Readonly<Record<string, Readonly<Record<string, FieldFacts>>>>

export interface ConfigOption {
  readonly name: string
  /** Undefined or empty: the option is not given. */
  readonly text: string | undefined
  /** For errors. */
  readonly position: number
  readonly fields: ConfigFields
}

/** A JSON object. Its members are read by name, in any case of letters, and by type. */
export class ConfigObject {
  readonly #option: ConfigOption
  readonly #members: ReadonlyMap<string, unknown>

  private constructor(option: ConfigOption, name: string, value: unknown) {
    this.#option = option
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw this.refused(`error unmarshalling json: ${name === '' ? 'the value' : name} is not an object`)
    }
    const prefix = name === '' ? '' : `${name}.`
    const fields = Object.keys(option.fields[name] ?? {})
    for (const member of Object.keys(value)) {
      if (fields.some((known) => known.toLowerCase() === member.toLowerCase())) continue
      const meant = nearestName(member, fields)
      throw this.refused(
        `unknown field ${prefix}${member} in ${option.name}`,
        meant === undefined ? `it has ${fields.join(', ')}` : `did you mean ${prefix}${meant}?`,
      )
    }
    this.#members = new Map(Object.entries(value).map(([member, its]) => [member.toLowerCase(), its]))
  }

  static read(option: ConfigOption): ConfigObject {
    const { text = '', name, position } = option
    let value: unknown = {}
    try {
      if (text !== '') value = JSON.parse(text)
    } catch (error) {
      const message = `error unmarshalling json: ${goMessage((error as Error).message, text)}`
      throw new FeedError('FEED_OPTION', message, { position, hint: `${name} is a JSON object` })
    }
    return new ConfigObject(option, '', value)
  }

  object(name: string): ConfigObject {
    return new ConfigObject(this.#option, name, this.any(name) ?? {})
  }

  any(name: string): unknown {
    return this.#members.get(name.toLowerCase()) ?? undefined
  }

  text(name: string): string | undefined {
    const value = this.any(name)
    if (value === undefined || typeof value === 'string') return value
    throw this.#wrong(name, 'a string')
  }

  integer(name: string): number | undefined {
    const value = this.any(name)
    if (value === undefined || (typeof value === 'number' && Number.isInteger(value))) return value
    throw this.#wrong(name, 'an integer')
  }

  durationMs(name: string): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const read = parseDuration(text)
    if (read.tag === 'error')
      throw this.refused(`error unmarshalling json: ${read.message}`, `${name} is a duration; ${durationHint}`)
    return Number(read.nanos) / 1e6
  }

  refused(message: string, hint?: string): FeedError {
    return new FeedError('FEED_OPTION', message, { position: this.#option.position, hint })
  }

  #wrong(name: string, wanted: string): FeedError {
    const hint = wanted === 'an integer' ? `it is written without quotes: "${name}": 100` : undefined
    return this.refused(`error unmarshalling json: ${name} is not ${wanted}`, hint)
  }
}

/** Returns what Go says about text that is no JSON. Node repeats the text, and names the character by its position. */
function goMessage(message: string, text: string): string {
  const at = /at position (\d+)/.exec(message)?.[1]
  const character = /^Unexpected token '?(.)/su.exec(message)?.[1] ?? (at === undefined ? undefined : text[Number(at)])
  if (character === undefined) return 'unexpected end of JSON input'
  return `invalid character '${character}'${at === undefined ? '' : ` at position ${at}`}`
}
