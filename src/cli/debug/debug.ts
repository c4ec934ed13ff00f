// changefeed debug: commands that show what is in the files of a store, for finding the cause of trouble.

import { commandName } from '../../core/command-line.ts'
import { nearestName } from '../../core/nearest-name.ts'
import { UsageError } from '../usage-error.ts'

const help = (): string => `Usage: ${commandName()} debug <command> [flags]

  log      print what is in a changelog

"${commandName()} debug log --help" lists the flags.
`

export async function debug([name, ...rest]: readonly string[]): Promise<number> {
  if (name === 'log') {
    const { debugLog } = await import('./log.ts')
    return await debugLog(rest).catch((error: unknown) => {
      if (!(error instanceof UsageError) || error.hint !== undefined) throw error
      throw new UsageError(error.message, `"${commandName()} debug log --help" lists the flags`)
    })
  }
  if (name === undefined || name === '--help' || name === '-h') {
    process.stdout.write(help())
    return name === undefined ? 1 : 0
  }
  const hint =
    nearestName(name, ['log']) === undefined ? `"${commandName()} debug --help" lists the commands` : undefined
  throw new UsageError(`unknown command "debug ${name}"`, hint ?? 'did you mean "debug log"?')
}
