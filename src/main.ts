// The program: its first argument names a command, the rest is the command's.

import { hangUpWithParent } from './cli/hang-up.ts'
import { keepCompiled } from './core/compile-cache.ts'

hangUpWithParent()
keepCompiled()
const { rememberProgram } = await import('./errors/replaced-program.ts')
rememberProgram()
const { runCommand } = await import('./cli/cli.ts')
process.exitCode = await runCommand(process.argv.slice(2))
