// changefeed uninstall: takes back what changefeeds have put into a database. Without --yes it only says what it would do.

import { readServer } from '../postgres/connection-string/read-server.ts'
import { planRemoval, remove } from '../server/removal.ts'
import { hideUrls } from './hide-urls.ts'
import { readFlags } from './read-flags.ts'
import { UsageError } from './usage-error.ts'

const help = `Usage: changefeed uninstall --postgres=URL [flags]

Takes back what changefeeds have put into a database: slot, publication, event triggers, schemas, and replica identities that were
changed. Without --yes it says what it would do, and changes nothing.

  --postgres=URL              the database; what it does not say is taken from libpq's variables (PGHOST, …)
  --password-file=FILE        the first line of FILE is the password of the role in --postgres
  --system-url=URL            the database of jobs and settings, as changefeed start takes it (that of --postgres)
  --system-password-file=FILE the same for the role in --system-url
  --yes                       do it
  --force                     do it although a server or a job needs it: their changefeeds end (a server that runs begins anew: stop it)

Exit code: 0 done, or nothing is in the way; 1 something needs it.
`

const flags = {
  postgres: { type: 'string' },
  'password-file': { type: 'string' },
  'system-url': { type: 'string' },
  'system-password-file': { type: 'string' },
  yes: { type: 'boolean' },
  force: { type: 'boolean' },
} as const

export async function uninstallCommand(argv: readonly string[]): Promise<number> {
  const values = readFlags(argv, flags, help)
  if (values === undefined) return 0
  const { 'system-url': url } = values
  if (url === undefined && values['system-password-file'] !== undefined)
    throw new UsageError('--system-password-file needs --system-url')
  hideUrls({ '--postgres': values.postgres, '--system-url': url })
  const source = readServer(values.postgres, process.env, { passwordFile: values['password-file'] })
  const state =
    url === undefined ? source : readServer(url, process.env, { passwordFile: values['system-password-file'] })
  const { removes, leaves, undo, needed } = await planRemoval({ source, state })
  const say = (text: string): void => void process.stdout.write(`${text}\n`)
  const does = values.yes === true && (needed.length === 0 || values.force === true)
  if (removes.length === 0) say(`Nothing of ours is in database "${source.database}".`)
  else say(`${does ? 'Removes' : 'Would remove'}:\n${listed(removes)}`)
  for (const what of needed) say(`${values.force === true ? 'Although' : 'Needed:'} ${what}`)
  if (needed.length > 0 && values.force !== true) {
    process.stderr.write(
      'ERROR: it is in use, and nothing was changed\nHINT: CANCEL JOB … and stop the server first; or add --force, and their changefeeds end\n',
    )
    return 1
  }
  if (does && removes.length > 0) {
    await remove({ source, state })
    say('Done.')
  }
  if (leaves.length > 0) {
    say(`Stays, because a DBA has made it:\n${listed(leaves)}`)
    if (undo.length > 0) say(`These statements undo it:\n\n${undo.join('\n')}\n`)
  }
  if (!does && removes.length > 0) say('Nothing was changed; --yes does it.')
  return 0
}

function listed(lines: readonly string[]): string {
  return lines.map((line) => `  ${line}`).join('\n')
}
