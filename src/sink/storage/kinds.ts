// All kinds of storage, in one list. A new kind is a folder with its `kind.ts`, and a line here.

import { nodelocal } from './nodelocal/kind.ts'
import type { StorageKind } from './storage-kind.ts'

export const kinds: readonly StorageKind[] = [nodelocal]

export function kindOfScheme(scheme: string): StorageKind | undefined {
  return kinds.find(({ schemes, oldSchemes = [] }) => schemes.includes(scheme) || oldSchemes.includes(scheme))
}
