import { laterParameters, rowTextParameters } from '../../postgres/source-connection.ts'
import { listText } from '../amounts.ts'
import { ok, type ServerCheck } from '../finding.ts'

const pinned: ReadonlySet<string> = new Set(
  [...Object.keys(rowTextParameters), ...Object.keys(laterParameters)].map((name) => name.toLowerCase()),
)

export const settings: ServerCheck = {
  id: 'settings',
  about:
    'Settings of the role or the database that would change the text of rows, or end our sessions, are set back in each of our sessions.',
  judge({ server: { ownSettings } }) {
    const hostile = ownSettings.filter((setting) => pinned.has((setting.split('=')[0] ?? '').toLowerCase()))
    if (hostile.length === 0) return ok('no setting of the role or the database changes what we read')
    return ok(`set back in our sessions: ${listText(hostile, 10)}`)
  },
}
