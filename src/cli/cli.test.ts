import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commandName } from '../core/command-line.ts'
import { program } from '../../test/server/program.ts'

test('every command lists its flags, and help names every command', async () => {
  const { code, stdout } = await program(['--help'])
  assert.equal(code, 0)
  const names = [...stdout.matchAll(/^ {2}([\w-]+) /gm)].map(([, name = '']) => name)
  assert.deepEqual(names, ['start-single-node', 'sql', 'quit', 'demo', 'version'])
  await Promise.all(
    names.flatMap((name) =>
      [
        [name, '--help'],
        [name, '-h'],
        ['help', name],
      ].map(async (argv) => {
        const help = await program(argv)
        assert.deepEqual([help.code, help.stderr], [0, ''], name)
        assert.ok(help.stdout.includes(name === 'version' ? 'pg-changefeed' : `Usage: changefeed ${name}`), help.stdout)
      }),
    ),
  )
})

const refused: readonly (readonly [argv: readonly string[], stderr: string])[] = [
  [['start'], 'ERROR: unknown command "start"\nHINT: did you mean "start-single-node"?\n'],
  [['kwit'], 'ERROR: unknown command "kwit"\nHINT: did you mean "quit"?\n'],
  [['backup'], `ERROR: unknown command "backup"\nHINT: "${commandName()} --help" lists the commands\n`],
  [
    ['start-single-node', '--insecure', '--lissten-addr=x'],
    `ERROR: unknown flag --lissten-addr; did you mean --listen-addr?\nHINT: "${commandName()} start-single-node --help" lists the flags\n`,
  ],
  [['sql', '-x'], `ERROR: unknown flag -x\nHINT: "${commandName()} sql --help" lists the flags\n`],
  [
    ['demo', '--sql-port=a'],
    `ERROR: --sql-port=a is not a port\nHINT: "${commandName()} demo --help" lists the flags\n`,
  ],
  [
    ['quit', '--insecure', '--store=/nonexistent/store'],
    'ERROR: no server runs on the store /nonexistent/store\nHINT: name it with --store or --http-addr\n',
  ],
]
for (const [argv, stderr] of refused) {
  test(`changefeed ${argv.join(' ')} says what is wrong and what to do`, async () => {
    assert.deepEqual(await program(argv), { code: 1, stdout: '', stderr })
  })
}
