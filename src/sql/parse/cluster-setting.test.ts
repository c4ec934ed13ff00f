import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failureOf, parseOne } from '../../../test/support/parse-one.ts'

const name = 'kv.rangefeed.enabled'

test('SET CLUSTER SETTING takes = or TO, and a value of any kind', () => {
  const set = (value: string): unknown => {
    const statement = parseOne(`SET CLUSTER SETTING ${name} ${value}`)
    assert.ok(statement?.tag === 'set-cluster-setting')
    assert.deepEqual([statement.name, statement.position], [name, 20])
    const { position: _, ...rest } = statement.value ?? { tag: 'default', position: 0 }
    return rest
  }
  assert.deepEqual(set('= true'), { tag: 'word', text: 'true' })
  assert.deepEqual(set("TO '10s'"), { tag: 'string', text: '10s' })
  assert.deepEqual(set('=-1.5'), { tag: 'number', text: '-1.5' })
  assert.deepEqual(set('= $1'), { tag: 'placeholder', index: 1 })
  assert.deepEqual(set('= DEFAULT'), { tag: 'default' })
  assert.deepEqual(set('to default'), { tag: 'default' })
})

test('a setting is named in any case, or as one quoted name', () => {
  for (const written of ['KV.Rangefeed.ENABLED', '"kv.rangefeed.enabled"', 'kv . rangefeed . enabled']) {
    assert.deepEqual(parseOne(`RESET CLUSTER SETTING ${written}`), {
      tag: 'reset-cluster-setting',
      name,
      position: 22,
    })
    assert.deepEqual(parseOne(`SHOW CLUSTER SETTING ${written}`), { tag: 'show-cluster-setting', name, position: 21 })
  }
})

test('SHOW CLUSTER SETTINGS shows the public ones or all', () => {
  const shown = { tag: 'show-cluster-settings', all: false }
  assert.deepEqual(parseOne('SHOW CLUSTER SETTINGS'), shown)
  assert.deepEqual(parseOne('SHOW PUBLIC CLUSTER SETTINGS'), shown)
  assert.deepEqual(parseOne('SHOW ALL CLUSTER SETTINGS'), { ...shown, all: true })
  assert.deepEqual(parseOne('SHOW CLUSTER SETTING ALL'), { ...shown, all: true })
})

test('what does not parse says where', () => {
  const table: [string, string][] = [
    ['SET CLUSTER SETTING', ''],
    [`SET CLUSTER SETTING ${name}`, ''],
    [`SET CLUSTER SETTING ${name} true`, 'true'],
    [`SET CLUSTER SETTING ${name} =`, ''],
    [`SET CLUSTER SETTING ${name} = a b`, 'b'],
    [`SET CLUSTER SETTING ${name} = 1, 2`, ', 2'],
    [`SET CLUSTER SETTING ${name}. = 1`, '= 1'],
    ["SET CLUSTER SETTING 'a' = 1", "'a' = 1"],
    ['RESET CLUSTER SETTING', ''],
    [`RESET CLUSTER SETTING ${name} = 1`, '= 1'],
    ['SHOW CLUSTER SETTING', ''],
    [`SHOW CLUSTER SETTING ${name} x`, 'x'],
    ['SHOW CLUSTER SETTINGS x', 'x'],
    ['SHOW ALL CLUSTER SETTINGS x', 'x'],
  ]
  for (const [sql, at] of table) {
    const failure = failureOf(sql)
    assert.deepEqual([failure.sqlstate, failure.at], ['42601', at], sql)
  }
})
