// The program: its first argument names a command, the rest is the command's.

import { runCommand } from './cli/cli.ts'
import { hangUpWithParent } from './cli/hang-up.ts'

hangUpWithParent()
process.exitCode = await runCommand(process.argv.slice(2))
