// Checks the settings that allow changefeeds.

import { FeedError } from '../errors/feed-error.ts'

export interface Prerequisites {
  /** feature.changefeed.enabled */
  readonly featureEnabled: boolean
  /** kv.rangefeed.enabled */
  readonly rangefeedEnabled: boolean
}

export function checkPrerequisites(settings: Prerequisites): void {
  if (!settings.featureEnabled) {
    throw new FeedError('FEED_DISABLED', 'feature CHANGEFEED was disabled by the database administrator', {
      hint: 'SET CLUSTER SETTING feature.changefeed.enabled = true',
    })
  }
  if (!settings.rangefeedEnabled) {
    throw new FeedError('FEED_STATE', 'rangefeeds require the kv.rangefeed.enabled setting', {
      hint: 'SET CLUSTER SETTING kv.rangefeed.enabled = true',
      detail: 'an admin allows changefeeds once for the whole server (docs/reference/settings.md)',
    })
  }
}
