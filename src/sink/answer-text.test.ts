import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { describeAnswer } from './answer-text.ts'

const answer = (text: string | Buffer, encoding?: string) => ({
  status: 500,
  retryAfter: undefined,
  body: Buffer.from(text),
  encoding,
})

test('the text of an answer is shown without the words of the request, in one line, and not too long', () => {
  const sent = () => ['{"after": {"name": "Ann", "id": 7}}', 'Bearer t0k-en']
  for (const [text, shown] of [
    ['', '(no text)'],
    ['\u0000\u0001', '(no text)'],
    ['no\n such  tenant', 'no such tenant'],
    ['ANN has id 7, and t0k-en is wrong', '… has … …, and …-… is wrong'],
    ['Annabel 77', 'Annabel 77'],
    [
      '<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title><style>a { b: c }</style></head><body><h1>502 Bad Gateway</h1>nginx<!-- x --></body></html>',
      '502 Bad Gateway 502 Bad Gateway nginx',
    ],
    ['a < b, and b > c', 'a < b, and b > c'],
  ] as const)
    assert.equal(describeAnswer(answer(text), sent), `500 Internal Server Error: ${shown}`)
  assert.ok(describeAnswer(answer('x '.repeat(5000)), sent).length < 240)
  assert.equal(describeAnswer({ ...answer(''), status: 599 }, sent), '599 of no known meaning: (no text)')
})

test('a word that is cut is not shown', () => {
  const text = `${'Ann '.repeat(999)}Annsecret`
  assert.doesNotMatch(
    describeAnswer(answer(text), () => ['Ann', 'Annsecret']),
    /Ann/,
  )
})

test('the text of a compressed answer is read, and one of which a part is missing is left out', () => {
  const body = gzipSync('out of order')
  assert.equal(
    describeAnswer(answer(body, 'gzip'), () => []),
    '500 Internal Server Error: out of order',
  )
  for (const [part, encoding] of [
    [body.subarray(0, 20), 'gzip'],
    [body, 'br'],
  ] as const)
    assert.equal(
      describeAnswer(answer(part, encoding), () => []),
      '500 Internal Server Error: (no text)',
    )
})
