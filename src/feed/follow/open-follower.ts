// Makes a follower of the log for a feed.

import { SchemaHistory } from '../../decode/schema-history.ts'
import type { FeedRun } from '../feed-run.ts'
import { LogFollower, type FollowOptions } from './follow-log.ts'
import { quietWaitMs } from './quiet-wait.ts'

export type FollowerOptions = Pick<
  FollowOptions,
  'reader' | 'after' | 'endTime' | 'stopsAtSchemaChange' | 'changes' | 'advanced' | 'signal'
>

export function openFollower({ spec, log, save }: FeedRun, options: FollowerOptions): LogFollower {
  const { targets, diff } = spec
  const quietMs = quietWaitMs({ ...spec, endTime: options.endTime }, save !== undefined)
  return new LogFollower({ ...options, log, schemas: new SchemaHistory(), targets, diff, quietMs })
}
