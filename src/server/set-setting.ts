// SET and RESET CLUSTER SETTING.

import { FeedError } from '../errors/feed-error.ts'
import type { LocalStatement } from '../pg-server/local-statement.ts'
import { findSetting, readSetStatement } from '../settings/settings.ts'
import type { SettingsStore } from '../settings/store.ts'
import type { ResetClusterSetting, SetClusterSetting } from '../sql/ast.ts'

export function changeSetting(
  statement: SetClusterSetting | ResetClusterSetting,
  settings: SettingsStore,
): LocalStatement {
  const value = statement.tag === 'set-cluster-setting' ? statement.value : undefined
  return {
    parameterTypes: value?.tag === 'placeholder' ? [25] : [],
    columns: undefined,
    async run({ session, parameters }) {
      const verb = statement.tag === 'set-cluster-setting' ? 'SET' : 'RESET'
      const rows = await session.queryBackend('SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user')
      if (rows[0]?.[0] !== 't') {
        throw new FeedError('FEED_PRIVILEGE', `only superusers may ${verb} CLUSTER SETTING`, {
          hint: 'connect as root, or ask an administrator',
        })
      }
      const change =
        statement.tag === 'set-cluster-setting'
          ? readSetStatement(statement, parameters)
          : { name: findSetting(statement.name, statement.position), value: undefined }
      await settings.set(change.name, change.value)
      return `${verb} CLUSTER SETTING`
    },
  }
}
