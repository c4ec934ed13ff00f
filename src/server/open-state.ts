// Opens what the server keeps in PostgreSQL: settings, rights and jobs. Where several servers share the tables, two of them may make
// them at the same moment: one of the two is refused by PostgreSQL, and tries again.

import { setTimeout as delay } from 'node:timers/promises'
import type { State, StateQuery } from '../core/state.ts'
import { FeedError } from '../errors/feed-error.ts'
import { JobRights } from '../jobs/job-rights.ts'
import { JobStore, type JobStoreOptions } from '../jobs/job-store.ts'
import { keepToOwner } from '../jobs/keep-to-owner.ts'
import { SettingsStore } from '../settings/store.ts'

export interface OpenStateOptions extends Pick<JobStoreOptions, 'instance' | 'seal' | 'sharer'> {
  readonly state: State
  /** Asks the PostgreSQL whose roles count. */
  readonly roles: StateQuery
  /** As in `JobRightsOptions`. */
  readonly operator: string | undefined
}

export interface OpenedState {
  readonly settings: SettingsStore
  readonly rights: JobRights
  readonly store: JobStore
}

/** What PostgreSQL says if another session makes the same object at the same moment. */
const madeMeanwhile: ReadonlySet<string> = new Set(['23505', '42P06', '42P07', '42710', '42723'])
const attempts = 5
const pauseMs = 200

export async function openState(options: OpenStateOptions): Promise<OpenedState> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await open(options)
    } catch (error) {
      if (attempt === attempts || !(error instanceof FeedError) || !isMadeMeanwhile(error)) throw error
      await delay(pauseMs)
    }
  }
}

async function open({ state, roles, operator, instance, seal, sharer }: OpenStateOptions): Promise<OpenedState> {
  const settings = await SettingsStore.open(state)
  const rights = await JobRights.open({ state, roles, operator })
  const store = await JobStore.open({ state, rights, instance, seal, sharer })
  await keepToOwner(state)
  return { settings, rights, store }
}

function isMadeMeanwhile({ sqlstate, message }: FeedError): boolean {
  return madeMeanwhile.has(sqlstate) || message.includes('tuple concurrently updated')
}
