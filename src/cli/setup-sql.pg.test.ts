// From a database of somebody to a role of few rights and back, by the commands alone.

import assert from 'node:assert/strict'
import test from 'node:test'
import { program } from '../../test/server/program.ts'
import { AttachedUnderTest } from '../../test/support/attached-under-test.ts'
import { PostgresServerUnderTest } from '../../test/support/postgres-server.ts'

test('setup-sql prepares a database, a changefeed of the role reads it, and uninstall takes everything back', async () => {
  await using server = await PostgresServerUnderTest.start({ auth: 'scram-sha-256' })
  await server.sql('CREATE DATABASE shop')
  await server.sql(
    `CREATE TABLE orders (id int PRIMARY KEY, note text); INSERT INTO orders VALUES (1, 'a'); CREATE TABLE keyless (n int)`,
    'shop',
  )
  const url = server.url('shop')
  const refused = await program(['setup-sql', '--tables=orders,keyless', `--postgres=${url}`])
  assert.equal(refused.code, 1)
  assert.equal(refused.stdout, '')
  assert.match(refused.stderr, /public\.keyless must not be published.*\nHINT: .*ADD PRIMARY KEY/)
  const printed = await program(['setup-sql', '--tables=orders', `--postgres=${url}`])
  assert.equal(printed.code, 0, printed.stderr)
  assert.match(printed.stdout, /^-- Prepares database shop .*\n-- {3}public\.orders\n/)
  assert.match(
    printed.stdout,
    /^-- {3}public\.orders gets REPLICA IDENTITY FULL, because its values may be stored out of line/m,
  )
  await server.sql(printed.stdout.replace(/^\\.*$/gm, ''), 'shop')
  await server.setPassword('cdc')

  const role = server.url('shop', 'cdc')
  {
    await using attached = await AttachedUnderTest.start({ source: server.source('shop', 'cdc') })
    const password = await server.setPassword('postgres')
    const client = await attached.connect({ user: 'postgres', password, database: 'shop' })
    await client.query('SET CLUSTER SETTING kv.rangefeed.enabled = true')
    const { rows } = await client.query<{ key: Buffer }>(
      `EXPERIMENTAL CHANGEFEED FOR orders WITH initial_scan = 'only'`,
    )
    assert.equal(rows[0]?.key.toString(), '[1]')
    await client.end()
    const busy = await program(['uninstall', `--postgres=${role}`, '--yes'])
    assert.equal(busy.code, 1)
    assert.match(
      busy.stdout,
      /Would remove:\n {2}replication slot "pg_changefeed_\d+"\n.*\nNeeded: a server reads its slot/,
    )
    assert.match(busy.stderr, /nothing was changed\nHINT: .*--force/)
  }
  const dry = await program(['uninstall', `--postgres=${role}`])
  assert.equal(dry.code, 0, dry.stderr)
  assert.match(dry.stdout, /Nothing was changed; --yes does it\./)
  const done = await program(['uninstall', `--postgres=${role}`, '--yes'])
  assert.equal(done.code, 0, done.stderr)
  assert.match(
    done.stdout,
    /Removes:\n {2}replication slot.*\n {2}jobs, settings and privileges in schema changefeed_state.*\nDone\.\nStays/,
  )
  const undo = /undo it:\n\n([^]*)\n\n/.exec(done.stdout)?.[1] ?? ''
  assert.match(undo, /^DROP PUBLICATION IF EXISTS pg_changefeed;\n[^]*DROP ROLE cdc;$/)
  await server.sql(undo, 'shop')
  const again = await program(['uninstall', `--postgres=${server.url('shop')}`])
  assert.match(again.stdout, /^Nothing of ours is in database "shop"\.\n$/)
})

test('setup-sql says what is missing on its command line', async () => {
  for (const [argv, says] of [
    [[], /which tables\?/],
    [['--tables=t'], /which database\?/],
    [['--tables=t', '--database=d', '--diff=u'], /--diff names a table/],
    [['--tables=a.b.c', '--database=d'], /is no name of a table/],
  ] as const) {
    const { code, stderr, stdout } = await program(['setup-sql', ...argv])
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, says)
  }
})
