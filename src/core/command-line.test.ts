import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { commandName, shellWord } from './command-line.ts'

test('a message names the command that the user has', () => {
  assert.equal(commandName({}), 'changefeed')
  assert.equal(commandName({ npm_command: 'exec', npm_lifecycle_event: 'npx' }), 'npx changefeed')
  assert.equal(commandName({ npm_command: 'run-script', npm_lifecycle_event: 'start' }), 'npx changefeed')
})

test('a shell reads every quoted word back as it was', () => {
  for (const word of ['plain/path-1.2', 'two words', "it's", '$HOME', 'a"b', '*', ''])
    assert.equal(execFileSync('sh', ['-c', `printf %s ${shellWord(word)}`], { encoding: 'utf8' }), word)
  assert.equal(shellWord('/var/lib/changefeed'), '/var/lib/changefeed')
})
