// As a role that may read tables which a DBA has prepared, and nothing else.

import { prepared } from '../server/attached.ts'
import { feedOnVersions } from './feed-on-versions.ts'

feedOnVersions({
  name: 'as a role of few rights',
  versions: [15, 17, 18],
  options: prepared,
  tableSql: prepared.tableSql,
})
