import assert from 'node:assert/strict'
import { test } from 'node:test'
import { editDistance, nearestName } from './nearest-name.ts'

const names = ['updated', 'resolved', 'diff', 'envelope', 'initial_scan', 'no_initial_scan']

test('a slip of the keyboard finds the name that was meant', () => {
  assert.equal(nearestName('updatd', names), 'updated')
  assert.equal(nearestName('reolsved', names), 'resolved')
  assert.equal(nearestName('envlope', names), 'envelope')
  assert.equal(nearestName('initialscan', names), 'initial_scan')
})

test('a name that resembles nothing gets no suggestion', () => {
  assert.equal(nearestName('xyzzy', names), undefined)
  assert.equal(nearestName('ab', ['cd', 'a']), 'a')
  assert.equal(nearestName('ab', ['cd', 'x']), undefined)
})

test('two swapped letters count as one mistake', () => {
  assert.equal(editDistance('dfif', 'diff'), 1)
  assert.equal(editDistance('', 'abc'), 3)
  assert.equal(editDistance('same', 'same'), 0)
})
