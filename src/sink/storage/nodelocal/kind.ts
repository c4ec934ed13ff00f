// nodelocal://1/path: files in a folder of this machine, below the folder `extern` of the store.

import type { UriParts } from '../../sink-facts.ts'
import type { StorageKind } from '../storage-kind.ts'
import { shownFolder, type NodelocalLocation } from './location.ts'
import { percentDecoded } from '../../percent-decoded.ts'

export const nodelocal: StorageKind<NodelocalLocation> = {
  tag: 'nodelocal',
  label: 'nodelocal',
  schemes: ['nodelocal'],
  example: 'nodelocal://1/path?parameter=value&…',
  parameters: {},
  readLocation,
  shownAs: shownFolder,
  open: () => import('./open.ts'),
}

function readLocation({ place, parameters }: UriParts): NodelocalLocation {
  const [node = '', ...rest] = place.split('/')
  if (node !== '1' && node !== 'self') {
    throw parameters.refused(
      node === ''
        ? 'host component of nodelocal URI must be a node ID'
        : `host component of nodelocal URI must be a node ID: ${node}`,
      "this server is node 1: 'nodelocal://1/path' or 'nodelocal://self/path'",
    )
  }
  const folders = rest.map(percentDecoded).filter((folder) => folder !== '' && folder !== '.')
  if (folders.some((folder) => folder === '..' || folder.includes('/') || folder.includes('\0'))) {
    throw parameters.refused('local file access to paths outside of external-io-dir is not allowed')
  }
  return { tag: 'nodelocal', node, folders }
}
