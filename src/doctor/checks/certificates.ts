import { certificateExpiry } from '../../core/certificate-end.ts'
import { ok, warning, type ServerCheck } from '../finding.ts'

export const certificates: ServerCheck = {
  id: 'certificates',
  about: 'The certificates of our server that `--tls-cert` and `--tls-client-ca` name last for two weeks more.',
  judge({ certificates: ends, nowMs }) {
    if (ends.length === 0) return undefined
    const found = ends.flatMap((end) => certificateExpiry(end, { nowMs }) ?? [])
    if (found.length === 0) {
      const first = new Date(Math.min(...ends.map(({ endMs }) => endMs))).toISOString()
      return ok(`the certificates of our server last until ${first.slice(0, 10)}`)
    }
    // A changefeed can start all the same: only those who check the certificate cannot connect.
    return warning(
      found.map(({ error }) => error).join('; '),
      'put another one there, and send SIGHUP to the server if it runs: clients that check it cannot connect otherwise',
    )
  },
}
