// The version of what we install in a source database. It is the comment on schema changefeed, together with a fingerprint of the
// SQL that has installed it.
//
// A later version is left alone: an older program does not know what its tables and functions mean (sql/refuse-newer.sql).
// Everything else that is not exactly what this program installs is replaced: an earlier version, or the same version with another
// fingerprint, as only developers have it.
//
// Raise the version with every change of the SQL that an older program must not replace: another signature, table, column or
// description. Add the SQL of the previous version to test/support/source-schemas.

export const schemaVersion = 4

/** Returns the comment on the schema. Versions before 2 had only a fingerprint. */
export function markOf(fingerprint: string): string {
  return `pg-changefeed source schema, version ${schemaVersion} (${fingerprint})`
}

const comment = `obj_description(to_regnamespace('changefeed'), 'pg_namespace')`

/** Returns a condition in SQL: we have written `text`, the comment of a schema. */
export const isMarkSql = (text: string): string =>
  `coalesce(${text}, '') ~ '^([0-9a-f]{64}$|pg-changefeed source schema, version [0-9]+ )'`

/** SQL: the version that is installed. */
export const installedVersionSql = `coalesce(substring(${comment} FROM '^pg-changefeed source schema, version ([0-9]{1,9}) ')::int, 1)`

/** Returns a condition in SQL: the schema has exactly this mark. */
export const hasMarkSql = (mark: string): string => `${comment} = '${mark}'`
