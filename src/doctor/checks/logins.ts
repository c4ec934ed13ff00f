import { askForScram, unaskedWarning } from '../../postgres/login/unasked.ts'
import { ok, warning, type ServerCheck } from '../finding.ts'

export const logins: ServerCheck = {
  id: 'logins',
  about:
    'PostgreSQL asks our role for a password, as it has to ask clients, who log in through our server: without `--insecure`, our server refuses clients whom PostgreSQL lets in unasked.',
  judge({ isUnasked, server: { role } }) {
    if (!isUnasked) return ok('PostgreSQL checks who logs in')
    return warning(unaskedWarning(role), askForScram)
  },
}
