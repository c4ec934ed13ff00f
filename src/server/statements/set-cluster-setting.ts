// SET and RESET CLUSTER SETTING.

import type { LocalStatement } from '../../pg-server/local-statement.ts'
import { findSetting, readSetStatement } from '../../settings/settings.ts'
import type { ResetClusterSetting, SetClusterSetting } from '../../sql/ast.ts'
import { typeOids } from '../../wire/type-oids.ts'
import type { ServerParts } from '../server-parts.ts'
import { requireAdmin } from './current-user.ts'

export function changeSetting(
  statement: SetClusterSetting | ResetClusterSetting,
  { settings, rights }: ServerParts,
): LocalStatement {
  const value = statement.tag === 'set-cluster-setting' ? statement.value : undefined
  return {
    parameterTypes: value?.tag === 'placeholder' ? [typeOids.text] : [],
    async run({ session, parameters }) {
      const verb = statement.tag === 'set-cluster-setting' ? 'SET' : 'RESET'
      await requireAdmin(session.queryBackend, rights, `only superusers and admins may ${verb} CLUSTER SETTING`)
      const change =
        statement.tag === 'set-cluster-setting'
          ? readSetStatement(statement, parameters)
          : { name: findSetting(statement.name, statement.position), value: undefined }
      await settings.set(change.name, change.value)
      return `${verb} CLUSTER SETTING`
    },
  }
}
