// As a role that is only a member of one with REPLICATION: changes are read by SQL functions. On the version of the run.

import { preparedForMember } from '../server/attached.ts'
import { versionOfTests } from '../support/servers/server-of-tests.ts'
import { feedOnVersions } from './feed-on-versions.ts'

feedOnVersions({
  name: 'as a member of a role with REPLICATION',
  versions: [versionOfTests],
  options: preparedForMember,
  tableSql: preparedForMember.tableSql,
})
