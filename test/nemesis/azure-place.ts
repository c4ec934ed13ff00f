// A container of Azure's emulator as a place for files.

import { join } from 'node:path'
import { azureError, type Azurite } from '../services/storage/azurite-service.ts'
import type { FolderCopy } from '../services/storage/folder-copy.ts'
import { bucketPlace } from './bucket-place.ts'
import type { FilesPlace } from './files-far-end.ts'

/** `copy`: of the container. */
export function azurePlace(azurite: Azurite, container: string, copy: FolderCopy): FilesPlace {
  const { front } = azurite
  return bucketPlace({
    name: 'azure',
    uri: (folder) => `azure-blob://${container}/${folder}?${azurite.parameters}`,
    folderOf: (folder) => join(copy.folder, folder),
    front,
    troubled: front,
    refusals: [
      [2, azureError(500, 'InternalError')],
      [1, azureError(503, 'ServerBusy')],
      [1, azureError(403, 'AuthenticationFailed')],
      [1, azureError(403, 'AuthorizationPermissionMismatch')],
    ],
  })
}
