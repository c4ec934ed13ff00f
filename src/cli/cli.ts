// The command line. Each command is a file with a function from its arguments to an exit code. Commands read flags and report an
// error in one line with a hint; the other rooms do the work.

import { commandName } from '../core/command-line.ts'
import { nearestName } from '../core/nearest-name.ts'
import { errorText } from './error-text.ts'
import { UsageError } from './usage-error.ts'

type Command = (argv: readonly string[]) => Promise<number>

const commands: Readonly<Record<string, { readonly about: string; readonly load: () => Promise<Command> }>> = {
  'start-single-node': {
    about: 'start a server with its own PostgreSQL',
    load: async () => (await import('./start-single-node.ts')).startSingleNode,
  },
  start: {
    about: 'start a server for a PostgreSQL that runs already',
    load: async () => (await import('./start.ts')).start,
  },
  sql: { about: 'open a SQL shell', load: async () => (await import('./sql/sql.ts')).runSql },
  quit: { about: 'stop a server', load: async () => (await import('./quit.ts')).quit },
  doctor: {
    about: 'see what a PostgreSQL of yours lacks for changefeeds',
    load: async () => (await import('./doctor.ts')).doctor,
  },
  demo: {
    about: 'see rows flow: a server, a table, a little traffic',
    load: async () => (await import('./demo.ts')).demo,
  },
  debug: {
    about: 'see what is in the files of a store',
    load: async () => (await import('./debug/debug.ts')).debug,
  },
  'setup-sql': {
    about: 'print the script with which a DBA prepares a database',
    load: async () => (await import('./setup-sql.ts')).setupSql,
  },
  uninstall: {
    about: 'take back what changefeeds have put into a database',
    load: async () => (await import('./uninstall.ts')).uninstallCommand,
  },
  version: { about: 'print the version', load: async () => (await import('./version.ts')).version },
}

export async function runCommand(argv: readonly string[]): Promise<number> {
  // It is no error if the reader of the output has gone (`| head`); each command decides what it does then.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
  // `help sql` means `sql --help`.
  const [first, ...rest] = argv[0] === 'help' && argv[1] !== undefined ? [argv[1], '--help'] : argv
  if (first === undefined || first === 'help' || first === '--help' || first === '-h') {
    process.stdout.write(usage())
    return first === undefined ? 1 : 0
  }
  const name = first === '--version' ? 'version' : first
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command === undefined) {
    const names = Object.keys(commands)
    const meant = names.find((known) => known.startsWith(name)) ?? nearestName(name, names)
    const hint = meant === undefined ? `"${commandName()} --help" lists the commands` : `did you mean "${meant}"?`
    process.stderr.write(`ERROR: unknown command "${name}"\nHINT: ${hint}\n`)
    return 1
  }
  try {
    return await (
      await command.load()
    )(rest)
  } catch (error) {
    process.stderr.write(errorText(error))
    if (error instanceof UsageError && error.hint === undefined)
      process.stderr.write(`HINT: "${commandName()} ${name} --help" lists the flags\n`)
    return 1
  }
}

function usage(): string {
  const lines = Object.entries(commands).map(([name, { about }]) => `  ${name.padEnd(18)} ${about}`)
  return `Changefeeds for PostgreSQL.\n\nUsage: ${commandName()} <command> [flags]\n\n${lines.join('\n')}\n\n"${commandName()} <command> --help" lists the flags of a command.\n`
}
