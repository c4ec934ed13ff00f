// All kinds of storage, in one list. A new kind is a folder with its `kind.ts`, and a line here.

import { laterVersion } from '../../errors/later-version.ts'
import { azure } from './azure/kind.ts'
import { gs } from './gs/kind.ts'
import { http } from './http/kind.ts'
import { nodelocal } from './nodelocal/kind.ts'
import { s3 } from './s3/kind.ts'
import type { StorageKind, StorageLocation } from './storage-kind.ts'

export const kinds: readonly StorageKind[] = [nodelocal, http, s3, gs, azure]

/** `scheme` has no `experimental-` in front. */
export function kindOfScheme(scheme: string): StorageKind {
  const found = kinds.find(({ schemes, oldSchemes = [] }) => schemes.includes(scheme) || oldSchemes.includes(scheme))
  if (found === undefined) throw laterVersion('sink', scheme)
  return found
}

export function kindOfLocation({ tag }: StorageLocation): StorageKind {
  const found = kinds.find((kind) => kind.tag === tag)
  if (found === undefined) throw laterVersion('sink', tag)
  return found
}

export function plainScheme(scheme: string): string {
  return scheme.replace(/^experimental-/, '')
}
