// Settings in PostgreSQL, with a copy in memory.
//
// `get` is synchronous and reads the copy. `set` and `reset` resolve when PostgreSQL has committed; listeners run after
// that, in the order of subscription, and only if the value has changed. A store writes one setting at a time. Values that another
// server has written are read by the next `reload`.

import { Serial } from '../async/serial.ts'
import type { State } from '../core/state.ts'
import { knownSettings, settingNames, type AnyValue, type SettingName, type SettingValue } from './known-settings.ts'
import { factsOfSetting } from './settings.ts'
import { readValue } from './setting-values.ts'

export type SettingListener = (name: SettingName, value: AnyValue) => void

export class SettingsStore {
  readonly #state: State
  /** The canonical texts of the settings that PostgreSQL has a row of, which are those that are not at their default. */
  #texts: ReadonlyMap<SettingName, string> = new Map()
  readonly #values = new Map<SettingName, AnyValue>()
  readonly #listeners = new Set<SettingListener>()
  readonly #serial = new Serial()

  private constructor(state: State) {
    this.#state = state
    for (const name of settingNames) this.#values.set(name, defaultOf(name))
  }

  /** Creates the table if it is missing, and reads it. */
  static async open(state: State): Promise<SettingsStore> {
    const { query, schema } = state
    // Asking first keeps the "already exists" notices of IF NOT EXISTS out of the log of every start.
    const [[table, namespace] = []] = await query(
      `SELECT to_regclass('${schema}.settings')::text, to_regnamespace('${schema}')::text`,
      [],
    )
    if (table == null) {
      if (namespace == null) await query(`CREATE SCHEMA IF NOT EXISTS ${schema}`, [])
      await query(
        `CREATE TABLE IF NOT EXISTS ${schema}.settings (
          name text PRIMARY KEY, value text NOT NULL, updated_at timestamptz NOT NULL DEFAULT now())`,
        [],
      )
    }
    const store = new SettingsStore(state)
    await store.reload()
    return store
  }

  get<Name extends SettingName>(name: Name): SettingValue<Name> {
    return this.#values.get(name) as SettingValue<Name>
  }

  /** Returns the text that SHOW prints. */
  text(name: SettingName): string {
    return this.#texts.get(name) ?? knownSettings[name].default
  }

  /** `value` is a canonical text, as `readSetStatement` returns it; undefined resets the setting. */
  async set(name: SettingName, value: string | undefined): Promise<void> {
    const { query, schema } = this.#state
    await this.#serial.run(async () => {
      if (value === undefined) {
        await query(`DELETE FROM ${schema}.settings WHERE name = $1`, [name])
      } else {
        await query(
          `INSERT INTO ${schema}.settings (name, value) VALUES ($1, $2)
           ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = now()`,
          [name, value],
        )
      }
      const texts = new Map(this.#texts)
      if (value === undefined) texts.delete(name)
      else texts.set(name, value)
      this.#adopt(texts)
    })
  }

  reset(name: SettingName): Promise<void> {
    return this.set(name, undefined)
  }

  async reload(): Promise<void> {
    const { query, schema } = this.#state
    await this.#serial.run(async () => {
      const rows = await query(`SELECT name, value FROM ${schema}.settings`, [])
      const texts = new Map<SettingName, string>()
      // A name this version does not know stays in the table: another version wrote it.
      for (const [name, value] of rows) {
        if (name !== null && name !== undefined && Object.hasOwn(knownSettings, name)) {
          texts.set(name as SettingName, value ?? '')
        }
      }
      this.#adopt(texts)
    })
  }

  /** Returns a function that ends the subscription. */
  onChange(listener: SettingListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #adopt(texts: ReadonlyMap<SettingName, string>): void {
    const changed: SettingName[] = []
    this.#texts = texts
    for (const name of settingNames) {
      const text = texts.get(name)
      const value = text === undefined ? defaultOf(name) : readValue(factsOfSetting(name).kind, text)
      if (this.#values.get(name) === value) continue
      this.#values.set(name, value)
      changed.push(name)
    }
    for (const name of changed) {
      for (const listener of this.#listeners) listener(name, this.#values.get(name) as AnyValue)
    }
  }
}

function defaultOf(name: SettingName): AnyValue {
  return readValue(knownSettings[name].kind, knownSettings[name].default)
}
