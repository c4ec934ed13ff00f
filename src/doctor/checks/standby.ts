import { failure, ok, type ServerCheck } from '../finding.ts'

export const standby: ServerCheck = {
  id: 'standby',
  about: 'The server is a primary: changefeeds do not read standbys.',
  judge({ server: { isInRecovery } }) {
    if (!isInRecovery) return ok('the server is a primary')
    return failure(
      'the server is a standby, and changefeeds read the primary: a VACUUM there can destroy a slot of a standby',
      'name all servers of the cluster in --postgres, with target_session_attrs=read-write',
    )
  },
}
