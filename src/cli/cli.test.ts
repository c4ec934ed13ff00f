import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { commandName } from '../core/command-line.ts'
import { program } from '../../test/server/program.ts'

test('every command lists its flags, and help names every command', async () => {
  const { code, stdout } = await program(['--help'])
  assert.equal(code, 0)
  const names = [...stdout.matchAll(/^ {2}([\w-]+) /gm)].map(([, name = '']) => name)
  assert.deepEqual(names, [
    'start-single-node',
    'start',
    'sql',
    'quit',
    'doctor',
    'demo',
    'debug',
    'setup-sql',
    'uninstall',
    'version',
  ])
  await Promise.all(
    names.flatMap((name) =>
      [
        [name, '--help'],
        [name, '-h'],
        ['help', name],
      ].map(async (argv) => {
        const help = await program(argv)
        assert.deepEqual([help.code, help.stderr], [0, ''], name)
        assert.ok(
          help.stdout.includes(name === 'version' ? 'pg-changefeed' : `Usage: ${commandName()} ${name}`),
          help.stdout,
        )
      }),
    ),
  )
})

const refused: readonly (readonly [argv: readonly string[], stderr: string])[] = [
  [['start-single'], 'ERROR: unknown command "start-single"\nHINT: did you mean "start-single-node"?\n'],
  [
    ['start', '--insecure'],
    `ERROR: which PostgreSQL?\nHINT: name it: --postgres=postgres://ROLE@HOST:5432/DATABASE; "${commandName()} start-single-node" brings its own\n`,
  ],
  [['kwit'], 'ERROR: unknown command "kwit"\nHINT: did you mean "quit"?\n'],
  [['backup'], `ERROR: unknown command "backup"\nHINT: "${commandName()} --help" lists the commands\n`],
  [
    ['start-single-node', '--insecure', '--lissten-addr=x'],
    `ERROR: unknown flag --lissten-addr; did you mean --listen-addr?\nHINT: "${commandName()} start-single-node --help" lists the flags\n`,
  ],
  ...(
    [
      [['start-single-node', '--insecure', '--store'], '--store needs a value'],
      [['start-single-node', '--insecure', '-s'], '--store needs a value'],
      [['start-single-node', '--insecure=yes'], '--insecure takes no value'],
      [['start-single-node', '--store', '--insecure'], '--store needs a value'],
      [['start-single-node', 'here'], 'unexpected argument "here"'],
    ] as const
  ).map(
    ([argv, said]) =>
      [argv, `ERROR: ${said}\nHINT: "${commandName()} start-single-node --help" lists the flags\n`] as const,
  ),
  ...['start-single-node --insecure', 'demo'].map((command) => {
    const said = 'ERROR: --log-level=loud: valid levels are debug, info, warn, error'
    const hint = `HINT: "${commandName()} ${command.split(' ')[0]} --help" lists the flags`
    return [[...command.split(' '), '--log-level=loud'], `${said}\n${hint}\n`] as const
  }),
  [
    ['start-single-node', '--insecure', '--log-format=xml'],
    `ERROR: --log-format=xml: valid formats are json, text, crdb-v1\nHINT: "${commandName()} start-single-node --help" lists the flags\n`,
  ],
  [['demo', '--log-format=text'], 'ERROR: the demo prints a log only with --log-level\nHINT: add --log-level=info\n'],
  [['sql', '-x'], `ERROR: unknown flag -x\nHINT: "${commandName()} sql --help" lists the flags\n`],
  [['demo', '--sql-port=a'], 'ERROR: --sql-port: "a" is not a port\nHINT: ports go from 0 (a free one) to 65535\n'],
  [
    ['demo', '--http-port=65536'],
    'ERROR: --http-port: port 65536 is out of range\nHINT: ports go from 0 (a free one) to 65535\n',
  ],
  [['quit', '--host=a', '--store=b'], 'ERROR: --store and --host both name a server\nHINT: name it by one\n'],
  [
    ['quit', '--host=localhost:1'],
    `ERROR: cannot connect to localhost:1: nothing listens there\nHINT: is the server running? ${commandName()} start-single-node --insecure --background\n`,
  ],
  [
    ['sql', '--insecure', '--host=no-such-host.invalid', '-e', 'SELECT 1'],
    'ERROR: cannot connect to no-such-host.invalid:26257: the name no-such-host.invalid does not resolve to an address\nHINT: check how it is written\n',
  ],
  [
    ['quit', '--insecure', '--store=/nonexistent/store'],
    'ERROR: no server runs on the store /nonexistent/store\nHINT: name it with --store, --host or --http-addr\n',
  ],
]
for (const [argv, stderr] of refused) {
  test(`changefeed ${argv.join(' ')} says what is wrong and what to do`, async () => {
    assert.deepEqual(await program(argv), { code: 1, stdout: '', stderr })
  })
}

test('a reader of the help who leaves is no error', async () => {
  const { code, stderr } = await new Promise<{ code: number | null; stderr: string }>((resolve) => {
    const main = fileURLToPath(new URL('../main.ts', import.meta.url))
    const child = spawn('sh', [
      '-c',
      '(sleep 0.5; "$0" "$1" --help; echo "code $?" >&2) | true',
      process.execPath,
      main,
    ])
    let text = ''
    child.stderr.setEncoding('utf8').on('data', (part: string) => (text += part))
    child.on('close', (status) => resolve({ code: status, stderr: text }))
  })
  assert.deepEqual({ code, stderr }, { code: 0, stderr: 'code 0\n' })
})
