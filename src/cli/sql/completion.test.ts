import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseOne } from '../../../test/support/parse-one.ts'
import { complete } from './completion.ts'

const asked: string[] = []
const ask = (sql: string): Promise<string[][]> => {
  asked.push(sql)
  return Promise.resolve([['office_dogs'], ['office_cats'], ['shop.orders']])
}

const cases: readonly (readonly [text: string, found: readonly string[], word: string])[] = [
  ['expe', ['EXPERIMENTAL CHANGEFEED FOR '], 'expe'],
  ['SELECT 1; show q', ['SHOW QUERIES'], 'show q'],
  ['unwatch t', ['UNWATCH TABLE '], 'unwatch t'],
  ['EXPERIMENTAL CHANGEFEED FOR office_d', ['office_dogs'], 'office_d'],
  ['CREATE CHANGEFEED FOR TABLE a, office_', ['office_dogs', 'office_cats'], 'office_'],
  ['SELECT * FROM shop.', ['shop.orders'], 'shop.'],
  ['EXPERIMENTAL CHANGEFEED FOR a WITH upd', ['updated'], 'upd'],
  ["CREATE CHANGEFEED FOR a INTO 'null://' WITH resolved = '1s', mvcc", ['mvcc_timestamp'], 'mvcc'],
  ['SET CLUSTER SETTING kv.rangefeed.en', ['kv.rangefeed.enabled'], 'kv.rangefeed.en'],
]
for (const [text, found, word] of cases) {
  test(`Tab completes ${text}`, async () => assert.deepEqual(await complete(text, ask), [found, word]))
}

test('an option that is not built is not offered', async () => {
  assert.deepEqual(await complete('EXPERIMENTAL CHANGEFEED FOR a WITH key_col', ask), [[], 'key_col'])
})

test('a quote in what is typed does not leave the text of the query', async () => {
  await complete("SELECT * FROM o'", ask)
  assert.ok(asked.every((sql) => !sql.includes("o'")))
})

test('a statement that is not built is not offered', async () => {
  const [offered] = await complete('', ask)
  assert.ok(offered.length > 20)
  for (const text of offered) assert.doesNotMatch(refusal(text), /not supported/, text)
})

/** What the parser says about the text; a text that goes on may lack something. */
function refusal(text: string): string {
  try {
    parseOne(text)
    return ''
  } catch (error) {
    return (error as Error).message
  }
}
