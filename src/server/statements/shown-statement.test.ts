import assert from 'node:assert/strict'
import { test } from 'node:test'
import { shownStatement } from './shown-statement.ts'

test('a statement shows neither user, password nor secret, and is otherwise as typed', () => {
  const table: [sql: string, shown: string][] = [
    ['SELECT 1', 'SELECT 1'],
    [
      `CREATE CHANGEFEED FOR t  INTO 'kafka://u:p/a@b@h:9092?sasl_user=me&sasl%5Fpassword=pw' WITH updated`,
      `CREATE CHANGEFEED FOR t  INTO 'kafka://redacted@h:9092?sasl_user=me&sasl%5Fpassword=redacted' WITH updated`,
    ],
    [`CREATE CHANGEFEED FOR t INTO $$u:pw@h$$`, `CREATE CHANGEFEED FOR t INTO 'redacted@h'`],
    [
      `CREATE CHANGEFEED FOR t INTO E'null://\\x75:p@' WITH Extra_Headers = '{"k": "secret"}', "client_key"='b'`,
      `CREATE CHANGEFEED FOR t INTO 'null://redacted@' WITH Extra_Headers = 'redacted', "client_key"='redacted'`,
    ],
    [
      `CREATE CHANGEFEED FOR t WITH confluent_schema_registry = 'https://u:p@h?client_key=k'`,
      `CREATE CHANGEFEED FOR t WITH confluent_schema_registry = 'https://redacted@h?client_key=redacted'`,
    ],
    [
      `CREATE CHANGEFEED FOR t INTO 'null://' WITH webhook_auth_hedder = 'Basic abc', format = 'csv', updated`,
      `CREATE CHANGEFEED FOR t INTO 'null:' WITH webhook_auth_hedder = 'redacted', format = 'csv', updated`,
    ],
    [
      `CREATE CHANGEFEED FOR t WITH confluent_schema_registry = 'https://h?timeout=1s&tokn=x'`,
      `CREATE CHANGEFEED FOR t WITH confluent_schema_registry = 'https://h?timeout=1s&tokn=redacted'`,
    ],
    [`SELECT * FROM [SHOW JOBS] WHERE status = 'running'`, `SELECT * FROM [SHOW JOBS] WHERE status = 'running'`],
    // Comments, and one that has no end.
    [
      `CREATE CHANGEFEED FOR t -- a note\n /* kafka://u:pw@h */ INTO 'null://x'`,
      `CREATE CHANGEFEED FOR t \nINTO 'null://x'`,
    ],
    [`CREATE CHANGEFEED FOR t /*\nINTO 'kafka://u:pw@h'`, `CREATE CHANGEFEED FOR t  \n`],
    [`CREATE CHANGEFEED FOR t INTO $1`, `CREATE CHANGEFEED FOR t INTO $1`],
  ]
  for (const [sql, shown] of table) assert.equal(shownStatement(sql), shown)
})
