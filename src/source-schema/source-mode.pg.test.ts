// Which databases something is installed in, and which are read as a DBA has prepared them.

import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { TestPostgres } from '../../test/support/postgres-under-test.ts'
import { versionOfTests } from '../../test/support/servers/server-of-tests.ts'
import { openRawConnection } from '../postgres/raw-connection.ts'
import { readySource } from './source-mode.ts'

let server: TestPostgres
before(async () => {
  server = await TestPostgres.start()
})
after(async () => {
  await server[Symbol.asyncDispose]()
})

const schemas = `SELECT count(*)::text FROM pg_namespace WHERE nspname = 'changefeed'`

test('a superuser installs; a database that is prepared is left as it is, also by a superuser', async () => {
  await using db = await server.database()
  await using connection = await openRawConnection({ source: db.source })
  await assert.rejects(readySource(connection, { mayInstall: false }), {
    sqlstate: '42704',
    hint: /changefeed setup-sql/,
  })
  await db.sql('CREATE PUBLICATION pg_changefeed')
  assert.equal(await readySource(connection, { mayInstall: false }), 'prepared')
  await db.sql(`COMMENT ON PUBLICATION pg_changefeed IS 'pg-changefeed: prepared by a script of changefeed setup-sql'`)
  assert.equal(await readySource(connection, {}), 'prepared')
  assert.deepEqual(await db.sql(schemas), [['0']])
  await db.sql('DROP PUBLICATION pg_changefeed')
  assert.equal(await readySource(connection, {}), 'installed')
  assert.equal(await readySource(connection, {}), 'installed')
  assert.deepEqual(await db.sql(schemas), [['1']])
  await assert.rejects(readySource(connection, { mayInstall: false }), {
    code: 'FEED_START',
    hint: /changefeed uninstall/,
  })
})

test('what is installed for a role is not read by a role that may not use it, who hears whose it is', async () => {
  await using db = await server.database()
  await using own = await openRawConnection({ source: db.source })
  assert.equal(await readySource(own, {}), 'installed')
  await db.sql('CREATE ROLE stranger LOGIN')
  try {
    await using connection = await openRawConnection({ source: { ...db.source, user: 'stranger' } })
    await assert.rejects(readySource(connection, {}), { code: 'FEED_PRIVILEGE', message: /belongs to role "root"/ })
  } finally {
    await db.sql('DROP ROLE stranger')
  }
})

test('a member of the role that installed hears what it needs to call what is installed', async () => {
  await using db = await server.database()
  await using own = await openRawConnection({ source: db.source })
  assert.equal(await readySource(own, {}), 'installed')
  await db.sql('CREATE ROLE member LOGIN; GRANT root TO member')
  try {
    await using connection = await openRawConnection({ source: { ...db.source, user: 'member' } })
    await assert.rejects(readySource(connection, {}), {
      code: 'FEED_PRIVILEGE',
      sqlstate: '42501',
      hint: /GRANT SET ON PARAMETER deadlock_timeout TO member/,
    })
    if (versionOfTests >= 15) {
      await db.sql('GRANT SET ON PARAMETER deadlock_timeout TO member')
      assert.equal(await readySource(connection, {}), 'installed')
    }
  } finally {
    await db.sql('DROP OWNED BY member; DROP ROLE member')
  }
})

test('a role that may not create event triggers reads what is prepared, and creates nothing', async () => {
  await using db = await server.database()
  await db.sql(`CREATE ROLE lesser LOGIN; GRANT CREATE ON DATABASE ${db.source.database} TO lesser`)
  try {
    await using connection = await openRawConnection({ source: { ...db.source, user: 'lesser' } })
    await assert.rejects(readySource(connection, {}), { sqlstate: '42704', hint: /--role=lesser/ })
    await db.sql('CREATE PUBLICATION pg_changefeed')
    assert.equal(await readySource(connection, {}), 'prepared')
    assert.deepEqual(await db.sql(`${schemas} UNION ALL SELECT count(*)::text FROM pg_event_trigger`), [['0'], ['0']])
  } finally {
    await db.sql(`DROP OWNED BY lesser; DROP ROLE lesser`)
  }
})
