import { ok, type ServerCheck } from '../finding.ts'

export const commitTimestamps: ServerCheck = {
  id: 'commit_timestamps',
  about: 'track_commit_timestamp is not needed: it only makes mvcc_timestamp exact in an initial scan.',
  judge({ server: { settings } }) {
    if (settings['track_commit_timestamp']?.value === 'on') return ok('track_commit_timestamp is on')
    return ok('track_commit_timestamp is off: in an initial scan, mvcc_timestamp is the time of the scan')
  },
}
