// Makes the results of SHOW CLUSTER SETTING and SHOW CLUSTER SETTINGS as tables of text, of which the server makes a SELECT.

import type { SettingKind, SettingName } from './known-settings.ts'
import { settingNames } from './known-settings.ts'
import { factsOfSetting } from './settings.ts'

export interface ShownTable {
  readonly columns: readonly ShownColumn[]
  readonly rows: readonly (readonly string[])[]
}

export interface ShownColumn {
  readonly name: string
  /** The PostgreSQL type to which all texts of the column can be cast. */
  readonly type: 'text' | 'bool' | 'int8' | 'float8'
}

/** The part of the store that `show` uses. */
export interface SettingTexts {
  text(name: SettingName): string
}

const redacted = '<redacted>'

/** Returns the settings for a role that is not admin: secret values are hidden, unless they are empty. */
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

/** Returns one row with one column, which has the name of the setting. */
export function showSetting(name: SettingName, store: SettingTexts): ShownTable {
  return { columns: [{ name, type: types[factsOfSetting(name).kind] }], rows: [[store.text(name)]] }
}

/** Lists the public settings, or with `all` every setting and whether it is public. */
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
