import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failureOf, parseOne } from '../../../test/support/parse-one.ts'

test('options of roles become memberships, and other options stay where they are', () => {
  for (const [sql, sent] of [
    ['CREATE USER joe WITH CONTROLCHANGEFEED', 'CREATE USER joe WITH  IN ROLE changefeed'],
    [
      `create role "J o" LOGIN controljob PASSWORD 'controljob' CONTROLCHANGEFEED`,
      `create role "J o" LOGIN  PASSWORD 'controljob'  IN ROLE controljob, changefeed`,
    ],
    ['CREATE USER joe NOCONTROLJOB LOGIN', 'CREATE USER joe  LOGIN'],
    ['CREATE USER joe CONTROLJOB ROLE viewjob', 'CREATE USER joe  ROLE viewjob IN ROLE controljob'],
    ['ALTER USER joe WITH CONTROLJOB VIEWJOB', 'GRANT controljob, viewjob TO "joe"'],
    ['ALTER ROLE "J""o" NOCREATECHANGEFEED', 'REVOKE changefeed FROM "J""o"'],
    ['GRANT SYSTEM CONTROLJOB, VIEWJOB TO a, "B"', 'GRANT controljob, viewjob TO "a", "B"'],
    ['GRANT SYSTEM VIEWACTIVITY, CANCELQUERY TO a', 'GRANT pg_read_all_stats, pg_signal_backend TO "a"'],
    ['ALTER USER a NOCANCELQUERY', 'REVOKE pg_signal_backend FROM "a"'],
    ['REVOKE SYSTEM VIEWJOB FROM a', 'REVOKE viewjob FROM "a"'],
  ] as const) {
    const parsed = parseOne(sql)
    assert.ok(parsed?.tag === 'role-options', sql)
    assert.equal(parsed.sql, sent)
    const named = parsed.roles.filter((role) => sent.includes(role))
    assert.deepEqual(parsed.roles, named, 'the roles are those of the sent text')
  }
})

test('what has no such option is PostgreSQL’s', () => {
  for (const sql of [
    'CREATE USER controljob',
    'CREATE ROLE a IN ROLE controljob, changefeed',
    'CREATE ROLE a ROLE controljob',
    'ALTER ROLE a RENAME TO controljob',
    'ALTER USER controljob LOGIN',
    'GRANT changefeed TO a',
    'REVOKE changefeed FROM a',
    'ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO changefeed',
  ])
    assert.equal(parseOne(sql), undefined, sql)
})

test('options that cannot be told apart from each other are refused', () => {
  for (const sql of [
    'ALTER ROLE a CONTROLJOB NOVIEWJOB',
    'ALTER ROLE a CONTROLJOB LOGIN',
    'CREATE USER a CONTROLJOB IN ROLE b',
    'GRANT SYSTEM EXTERNALCONNECTION TO a',
    'GRANT SYSTEM CONTROLJOB',
    'GRANT CHANGEFEED ON t',
    'ALTER DEFAULT PRIVILEGES GRANT CHANGEFEED ON TABLES TO a',
  ])
    assert.throws(() => parseOne(sql), /syntax error|no default privilege/, sql)
})

test('a system privilege that is mistyped is suggested', () => {
  assert.match(
    failureOf('GRANT SYSTEM VIEWJOBS TO a').hint ?? '',
    /^did you mean VIEWJOB\? the system privileges are CONTROLJOB/,
  )
  assert.match(failureOf('GRANT SYSTEM NOTHING TO a').hint ?? '', /^the system privileges are CONTROLJOB/)
})
