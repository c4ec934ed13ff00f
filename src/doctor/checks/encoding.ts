import { ok, warning, type ServerCheck } from '../finding.ts'

export const encoding: ServerCheck = {
  id: 'encoding',
  about: 'The database has an encoding, so that the text of its rows can be converted to UTF-8.',
  judge({ server: { encoding: name, database } }) {
    if (name === 'UTF8') return ok('the database is in UTF8')
    if (name !== 'SQL_ASCII') return ok(`the database is in ${name}; messages are in UTF-8`)
    return warning(
      `database ${database} is in SQL_ASCII, which accepts any bytes: a row whose text is not UTF-8 ends its changefeed, with an error that names table and columns`,
      'clean the rows that are not UTF-8, or move to a database in UTF8 by pg_dump and pg_restore',
    )
  },
}
