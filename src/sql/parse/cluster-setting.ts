// SET CLUSTER SETTING name ('=' | TO) (value | DEFAULT)
// RESET CLUSTER SETTING name
// SHOW CLUSTER SETTING name
// SHOW [ALL | PUBLIC] CLUSTER SETTINGS
// name := part ('.' part)*

import type { ResetClusterSetting, SetClusterSetting, ShowClusterSetting, ShowClusterSettings } from '../ast.ts'
import type { Cursor } from './cursor.ts'

/** Parses what follows SET CLUSTER SETTING. */
export function parseSetClusterSetting(cursor: Cursor): SetClusterSetting {
  const { position } = cursor
  const name = cursor.dotted().join('.')
  if (!cursor.acceptOp('=')) cursor.expect('to')
  const value = cursor.accept('default') ? undefined : cursor.value()
  cursor.expectEnd()
  return { tag: 'set-cluster-setting', name, value, position }
}

/** Parses what follows RESET CLUSTER SETTING. */
export function parseResetClusterSetting(cursor: Cursor): ResetClusterSetting {
  const { position } = cursor
  const name = cursor.dotted().join('.')
  cursor.expectEnd()
  return { tag: 'reset-cluster-setting', name, position }
}

/** Parses what follows SHOW CLUSTER SETTING. */
export function parseShowClusterSetting(cursor: Cursor): ShowClusterSetting | ShowClusterSettings {
  const { position } = cursor
  const name = cursor.dotted().join('.')
  cursor.expectEnd()
  return name === 'all' ? { tag: 'show-cluster-settings', all: true } : { tag: 'show-cluster-setting', name, position }
}

/** Parses what follows SHOW [ALL | PUBLIC] CLUSTER SETTINGS. */
export function parseShowClusterSettings(cursor: Cursor, all: boolean): ShowClusterSettings {
  cursor.expectEnd()
  return { tag: 'show-cluster-settings', all }
}
