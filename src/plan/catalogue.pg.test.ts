// The catalogue is read on the session's own backend, with its search_path, and the server acts on the answer with its own
// rights. So the answer must be PostgreSQL's, whatever operators the session has put before those of PostgreSQL.

import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { TestPostgres } from '../../test/support/postgres-under-test.ts'
import { askTable } from '../sql/dialect/table-facts.ts'
import { catalogueSql, resolveTargets } from './catalogue.ts'
import { tableLike, tableNear } from './table-like.ts'
import { noTableHint } from './targets.ts'

let server: TestPostgres
before(async () => {
  server = await TestPostgres.start()
})
after(async () => {
  await server[Symbol.asyncDispose]()
})

/** PostgreSQL's operators over the types of its catalogue, again in the schema `own`, where they fail. */
const shadowSql = `CREATE SCHEMA own; DO $do$ DECLARE o record; BEGIN
  FOR o IN SELECT oprname, oprleft::regtype AS l, oprright::regtype AS r, oprresult::regtype AS result FROM pg_operator
    WHERE oprkind = 'b' AND oprnamespace = 'pg_catalog'::regnamespace AND oprresult::regtype IN ('bool', 'text')
      AND ARRAY[oprleft, oprright] <@ '{oid,name,text,"\\"char\\"",int2,int4,int8,bool,_int2}'::regtype[]::oid[]
  LOOP
    EXECUTE format('CREATE OR REPLACE FUNCTION own.f_%3$s(%1$s, %2$s) RETURNS %3$s LANGUAGE plpgsql AS %4$L', o.l, o.r, o.result,
      'BEGIN RAISE EXCEPTION ''an operator of the user''; END');
    EXECUTE format('CREATE OPERATOR own.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = own.f_%s)', o.oprname, o.l, o.r, o.result);
  END LOOP;
END $do$;
CREATE TABLE own.pg_class (oid oid); CREATE TEMP TABLE pg_attribute (attname name)`

test('operators, types and tables of the session do not change what the catalogue says', async () => {
  await using db = await server.database()
  const connection = await db.connect()
  await connection.query(
    `CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE keyless (rowid int, v text); CREATE TABLE p (a int) PARTITION BY LIST (a);
     CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)`,
  )
  const names = ['t', 'keyless', 'p', 'p1', 'nothing']
  const ask = async (): Promise<unknown> => [
    await connection.query(
      catalogueSql(
        names.flatMap((name) => [
          { schema: null, name },
          { schema: 'public', name },
        ]),
        ['postgres', 'nowhere'],
      ),
    ),
    await askTable((sql) => connection.query(sql), 't'),
    await tableLike((sql) => connection.query(sql), 'KEYLESS'),
    await tableNear((sql) => connection.query(sql), { schema: null, name: 'keylss' }),
    await tableNear((sql) => connection.query(sql), { schema: 'public', name: 'keylss' }),
  ]
  await connection.query('SET search_path = pg_catalog, public')
  const before = await ask()
  await connection.query(shadowSql)
  await connection.query('SET search_path = own, pg_temp, pg_catalog, public')
  await assert.rejects(connection.query("SELECT 'a'::name = 'b'::pg_catalog.text"), /an operator of the user/)
  assert.deepEqual(await ask(), before)
  await connection.close()
})

test('a table that does not exist has a hint what was meant, of the database and the schema that were searched', async () => {
  await using db = await server.database()
  await using other = await server.database()
  const [connection, elsewhere] = [await db.connect(), await other.connect()]
  const [here = '', there = ''] = await Promise.all(
    [connection, elsewhere].map(async (one) => (await one.query('SELECT current_database()'))[0]?.[0] ?? ''),
  )
  await connection.query(
    'CREATE TABLE office_dogs (id int); CREATE TABLE "Odd Name" (id int); CREATE SCHEMA hidden; CREATE TABLE hidden.kittens (id int); CREATE TABLE ab (id int)',
  )
  await elsewhere.query('CREATE TABLE parrots (id int)')
  const hint = async (...parts: readonly string[]): Promise<string | undefined> => {
    const targets = [{ parts, family: undefined, text: parts.join('.'), position: 0 }]
    const { targets: found } = await resolveTargets(targets, here, (database) => {
      return { query: (sql) => (database === here ? connection : elsewhere).query(sql) }
    })
    const [target] = found
    return target?.tag === 'no-table' ? noTableHint(target) : target?.tag
  }
  const none = `the database "${here}" of this connection has no such table; one of another database is named as database.schema.table`
  const table: [parts: string[], hint: string][] = [
    [['office_dgos'], 'did you mean office_dogs?'],
    [['public', 'office_dgos'], 'did you mean public.office_dogs?'],
    [[here, 'office_dgos'], 'did you mean public.office_dogs?'],
    [['odd_name'], 'did you mean "Odd Name"?'],
    [['kittens'], 'did you mean hidden.kittens?'],
    // A schema that is not in the search_path was not meant.
    [['kittns'], none],
    [['hidden', 'kittns'], 'did you mean hidden.kittens?'],
    [['parrots'], none],
    [[there, 'parots'], `did you mean ${there}.public.parrots?`],
    [[there, 'public', 'cats'], `the database "${there}" has no such table`],
    // The tables of PostgreSQL are none that were meant, and two letters that both differ are no typing error.
    [['pg_clas'], none],
    [['xy'], none],
  ]
  for (const [parts, text] of table) assert.equal(await hint(...parts), text, parts.join('.'))
  await connection.close()
  await elsewhere.close()
})
