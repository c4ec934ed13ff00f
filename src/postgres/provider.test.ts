import assert from 'node:assert/strict'
import { test } from 'node:test'
import { recogniseProvider, type ProviderMarks } from './provider.ts'

const marks = (of: Partial<ProviderMarks>): ProviderMarks => ({ settings: [], roles: [], functions: [], ...of })

test('a provider is recognised by what only its servers have, and a remedy names its parameters', () => {
  const cases: readonly (readonly [Partial<ProviderMarks>, string, RegExp, RegExp])[] = [
    [{}, 'postgresql', /^ALTER SYSTEM SET wal_level = 'logical', then restart/, /^ALTER ROLE cdc REPLICATION$/],
    [{ roles: ['rds_superuser'] }, 'rds', /rds\.logical_replication = 1/, /^GRANT rds_replication TO cdc$/],
    [
      { settings: ['rds.extensions'], functions: ['aurora_version'] },
      'aurora',
      /cluster parameter group/,
      /rds_replication/,
    ],
    [{ roles: ['cloudsqlsuperuser'] }, 'cloudsql', /cloudsql\.logical_decoding = on/, /REPLICATION/],
    [{ settings: ['alloydb.iam_authentication'] }, 'alloydb', /alloydb\.logical_decoding/, /REPLICATION/],
    [{ settings: ['azure.extensions'] }, 'azure', /server parameter wal_level/, /REPLICATION/],
    [{ roles: ['neon_superuser'] }, 'neon', /settings of the project/, /console/],
    [{ roles: ['supabase_admin'] }, 'supabase', /Supabase/, /as role postgres/],
    [{ roles: ['avnadmin'] }, 'aiven', /advanced configuration/, /avnadmin/],
    [{ roles: ['_crunchyrepl'] }, 'crunchy', /configuration of the cluster/, /REPLICATION/],
  ]
  for (const [of, id, logical, replication] of cases) {
    const provider = recogniseProvider(marks(of))
    assert.equal(provider.id, id)
    assert.match(provider.logical, logical)
    assert.match(provider.replication('cdc'), replication)
    assert.match(provider.setting('max_wal_senders', '14', 'restart'), /max_wal_senders/)
  }
})

test('the names of roles are quoted where they need it', () => {
  assert.equal(recogniseProvider(marks({})).replication('My Role'), 'ALTER ROLE "My Role" REPLICATION')
})
