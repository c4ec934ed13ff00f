import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CompositeText } from './composite-text.ts'

const value = new CompositeText()

/** Null is NULL; undefined: it does not parse. */
function textsOf(text: string): (string | null)[] | undefined {
  const bytes = Buffer.from(`x${text}y`)
  if (!value.read(bytes, 1, bytes.length - 1)) return undefined
  return Array.from({ length: value.count }, (_, i) =>
    value.isNull(i) ? null : value.bytesOf(i).toString('utf8', value.startOf(i), value.endOf(i)),
  )
}

for (const [text, texts] of [
  ['()', [null]],
  ['(1)', ['1']],
  ['(,)', [null, null]],
  ['(1,"a b",)', ['1', 'a b', null]],
  ['("",x)', ['', 'x']],
  ['("a ""b""","c\\\\d",e)', ['a "b"', 'c\\d', 'e']],
  ['("(1,""x"")","(2,)")', ['(1,"x")', '(2,)']],
  ['(a"b,c"d,e)', ['ab,cd', 'e']],
  ['("a"b,c)', ['ab', 'c']],
  ['(a\\,b)', ['a,b']],
  ['("é,😀",ж)', ['é,😀', 'ж']],
  ['', undefined],
  ['(', undefined],
  ['(1', undefined],
  ['1)', undefined],
  ['("a)', undefined],
  ['(a,"b)', undefined],
  ['(a\\)', undefined],
] as const)
  test(`the attributes of ${JSON.stringify(text)}`, () => assert.deepEqual(textsOf(text), texts))

test('a value does not see what a larger one before it has left', () => {
  const large = `"${'x""'.repeat(60_000)}"`
  assert.deepEqual(textsOf(`(${large},"a""b")`), ['x"'.repeat(60_000), 'a"b'])
  assert.deepEqual(textsOf('("c""",d)'), ['c"', 'd'])
})
