// Cluster settings: which ones exist, which values they may have, and their present values.
//
// In: SET, RESET and SHOW statements as plain values. Out: typed values for the program (`SettingsStore.get`), rows for
// the client (show.ts). Settings live in PostgreSQL, so that every server of a cluster sees the same values; each server
// keeps a copy in memory, so that reading one costs nothing. The room does not know what a setting is for: who needs to know of a
// change subscribes. The room opens no connection: the store gets a function that runs a query.

import { nearestName } from '../core/nearest-name.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { SetClusterSetting, Value } from '../sql/ast.ts'
import { knownSettings, settingNames, type SettingFacts, type SettingName } from './known-settings.ts'
import { refuseDangerous } from './dangerous-values.ts'
import { canonicalValue, type Written } from './setting-values.ts'

const byName: ReadonlyMap<string, SettingName> = new Map(
  settingNames.flatMap((name) =>
    [name, ...(factsOfSetting(name).aliases ?? [])].map((spelling) => [spelling, name] as const),
  ),
)

export function factsOfSetting(name: SettingName): SettingFacts {
  return knownSettings[name]
}

/** Finds a setting by its name in upper or lower case, or by its older name; throws the error for the client. `position` is 0-based. */
export function findSetting(written: string, position?: number): SettingName {
  const found = byName.get(written.toLowerCase())
  if (found !== undefined) return found
  const meant = nearestName(written.toLowerCase(), byName.keys())
  throw new FeedError('FEED_SETTING', `unknown cluster setting '${written}'`, {
    hint: meant === undefined ? 'SHOW ALL CLUSTER SETTINGS lists them' : `did you mean "${meant}"?`,
    position: position === undefined ? undefined : position + 1,
    sqlstate: '42704',
  })
}

export interface SettingChange {
  readonly name: SettingName
  /** The canonical text; undefined sets the default again. */
  readonly value: string | undefined
}

export function readSetStatement(statement: SetClusterSetting, parameters: readonly (string | null)[]): SettingChange {
  const name = findSetting(statement.name, statement.position)
  if (statement.value === undefined) return { name, value: undefined }
  const written = readWritten(name, statement.value, parameters)
  const text = canonicalValue(name, factsOfSetting(name).kind, written)
  refuseDangerous(name, text, written.position)
  return { name, value: text }
}

function readWritten(name: SettingName, value: Value, parameters: readonly (string | null)[]): Written {
  const position = value.position + 1
  if (value.tag !== 'placeholder') return { tag: value.tag, text: value.text, position }
  const bound = parameters[value.index - 1]
  if (bound === undefined) {
    const message = `no value provided for placeholder: $${value.index}`
    throw new FeedError('FEED_SYNTAX', message, { sqlstate: '42P02', position })
  }
  if (bound === null)
    throw new FeedError('FEED_SETTING', `${name} cannot be set to NULL; RESET it instead`, { position })
  // Clients send numbers as text, too. A text that is no value of the setting's type is refused later.
  return { tag: 'string', text: bound, position }
}
