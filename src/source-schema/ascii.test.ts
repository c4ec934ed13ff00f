import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'

test('the SQL that runs in databases of every encoding is ASCII', () => {
  const files = globSync('{sql,setup}/*.sql', { cwd: import.meta.dirname })
  assert.ok(files.length > 20)
  for (const file of files)
    assert.match(readFileSync(join(import.meta.dirname, file), 'utf8'), /^[\t\n\x20-\x7e]*$/, file)
})
