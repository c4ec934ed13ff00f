// A table without a primary key has the index of its replica identity as its key. When a changefeed needs REPLICA IDENTITY FULL,
// PostgreSQL forgets which index that was, and the list of watched tables remembers it: a later changefeed finds the same key.

import type { BackendQuery } from '../../pg-server/local-statement.ts'
import type { Catalogue, ResolvedTarget } from '../../plan/catalogue.ts'
import { rememberedKey } from '../../source-schema/remembered-key.ts'

/** `queryIn` has the rights of the server. */
export async function withRememberedKeys(
  catalogue: Catalogue,
  queryIn: (database: string) => BackendQuery,
): Promise<Catalogue> {
  const targets: ResolvedTarget[] = []
  for (const target of catalogue.targets) {
    const isCandidate = target.tag === 'table' && target.primaryKey.length === 0 && target.identity === 'f'
    const key = isCandidate ? await rememberedKey(queryIn(target.database), target.relid) : []
    targets.push(key.length > 0 && target.tag === 'table' ? { ...target, primaryKey: key, keyless: null } : target)
  }
  return { ...catalogue, targets }
}
