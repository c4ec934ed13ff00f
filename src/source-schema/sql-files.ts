// The SQL files of this room, in the order in which they run, and the values that are filled into them. The files are read when
// they are first needed.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { programReplaced } from '../errors/replaced-program.ts'
import { ourLockWait } from './explain-lock.ts'
import { fillSql } from './fill-sql.ts'
import { formerFunctions, functionNames } from './functions.ts'
import { nameArray, ourEventTriggers, ourTables, publication, publicationMark } from './names.ts'
import { hasOurSchemaSql, isUntouchedSql, publicationIsOurs, roleIsOurs, sessionIsOurs } from './ownership.ts'
import { installedVersionSql, markOf, schemaVersion } from './version.ts'

/** The files of an installation, which one transaction of a superuser runs. They may run again and again. */
export const installFiles = [
  'install-lock',
  'refuse-newer',
  'refuse-others',
  'schema',
  'find-unseen',
  'release',
  'drop-event-triggers',
  'tables',
  'write-guard',
  'former-functions',
  'describe',
  'types',
  'publication',
  'watching',
  'identity',
  'locks',
  'partitions',
  'look-at',
  'on-ddl',
  'on-publication',
  'describe-again',
  'create-event-triggers',
  'create-publication',
  'belong',
  'mark',
] as const

export type SqlFile = (typeof installFiles)[number] | 'remove'

/** Returns the text of a file, with nothing filled in. */
export function readSqlFile(name: SqlFile): string {
  const replaced = programReplaced()
  if (replaced !== undefined) throw replaced
  return readFileSync(new URL(`./sql/${name}.sql`, import.meta.url), 'utf8')
}

const texts = {
  publication,
  publication_mark: publicationMark,
  tables: nameArray(ourTables),
  functions: nameArray([...functionNames, ...formerFunctions]),
  event_triggers: nameArray(ourEventTriggers),
  lock_wait: ourLockWait,
  version: String(schemaVersion),
}

const expressions = {
  schema_is_ours: hasOurSchemaSql,
  publication_is_ours: publicationIsOurs,
  role_is_ours: roleIsOurs,
  session_is_ours: sessionIsOurs,
  event_trigger_is_untouched: isUntouchedSql,
  installed_version: installedVersionSql,
}

/** Returns the SQL that runs, with all values filled in. */
export function sqlOf(files: readonly SqlFile[], mark: string = installMark()): string {
  return files.map((name) => fillSql(readSqlFile(name), { texts: { ...texts, mark }, expressions })).join('\n')
}

let ownMark: string | undefined

/** The comment on the schema that says that exactly these files have run. The fingerprint is that of the SQL without its mark. */
export function installMark(): string {
  ownMark ??= markOf(createHash('sha256').update(sqlOf(installFiles, '')).digest('hex'))
  return ownMark
}
