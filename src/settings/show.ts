// SHOW CLUSTER SETTING and SHOW CLUSTER SETTINGS as plain tables of text; the server turns them into a SELECT of VALUES.

import type { SettingKind, SettingName } from './known-settings.ts'
import { settingNames } from './known-settings.ts'
import { factsOfSetting } from './settings.ts'

export interface ShownTable {
  readonly columns: readonly ShownColumn[]
  readonly rows: readonly (readonly string[])[]
}

export interface ShownColumn {
  readonly name: string
  /** A PostgreSQL type that every text of the column casts to. */
  readonly type: 'text' | 'bool' | 'int8' | 'float8'
}

/** What `show` needs of the store. */
export interface SettingTexts {
  text(name: SettingName): string
}

const redacted = '<redacted>'

/** The settings as somebody sees them who is not admin. An empty secret is none. */
export function withoutSecrets(store: SettingTexts): SettingTexts {
  return {
    text(name) {
      const text = store.text(name)
      return isSecret(name) && text !== '' ? redacted : text
    },
  }
}

export function isSecret(name: SettingName): boolean {
  return factsOfSetting(name).secret === true
}

const letters: Readonly<Record<SettingKind, string>> = {
  bool: 'b',
  duration: 'd',
  float: 'f',
  int: 'i',
  size: 'z',
  string: 's',
}

const types: Readonly<Record<SettingKind, ShownColumn['type']>> = {
  bool: 'bool',
  duration: 'text',
  float: 'float8',
  int: 'int8',
  size: 'text',
  string: 'text',
}

/** One row, one column named after the setting. */
export function showSetting(name: SettingName, store: SettingTexts): ShownTable {
  return { columns: [{ name, type: types[factsOfSetting(name).kind] }], rows: [[store.text(name)]] }
}

/** SHOW CLUSTER SETTINGS lists the public ones; with ALL every one, and which are public. */
export function showSettings(all: boolean, store: SettingTexts): ShownTable {
  const text = (name: string): ShownColumn => ({ name, type: 'text' })
  const before = [text('variable'), text('value'), text('setting_type')]
  const columns = all
    ? [...before, { name: 'public', type: 'bool' } as const, text('description')]
    : [...before, text('description')]
  const rows = [...settingNames].sort().flatMap((name) => {
    const facts = factsOfSetting(name)
    if (!all && !facts.public) return []
    const start = [name, store.text(name), letters[facts.kind]]
    return [all ? [...start, String(facts.public), facts.description] : [...start, facts.description]]
  })
  return { columns, rows }
}
