// What a server shows when all is well, and in trouble of every kind for which there is an alert.

import type { Scenario, SeriesValue } from './promtool.ts'

const always =
  (value: number): SeriesValue =>
  () =>
    value
/** Goes on by so much in a minute. */
const growing =
  (perMinute: number): SeriesValue =>
  (minute) =>
    minute * perMinute
/** Is `value` from a minute on, and before another minute. */
const between =
  (from: number, to: number, value: number, otherwise?: number): SeriesValue =>
  (minute) =>
    minute >= from && minute < to ? value : otherwise

const minuteNanos = 60e9
/** The first minute is that of 1970. */
const daySeconds = 24 * 3600
const up = 'up{job="changefeed"}'
const commitLatency = (le: string): string => `changefeed_commit_latency_bucket{le="${le}"}`
const pausedJobs = 'jobs_changefeed_currently_paused'
const sinkFailures = 'changefeed_sink_failed_requests{sink="kafka"}'
const ofDatabase = (name: string): string => `${name}{database="shop"}`

/** Of a server that has run for a while, so its counters are not 0. */
const healthy: Readonly<Record<string, SeriesValue>> = {
  [up]: always(1),
  'changefeed_source_slot_wal_status{database="shop",wal_status="reserved"}': always(1),
  [ofDatabase('changefeed_source_slot_retained_bytes')]: always(50e6),
  [ofDatabase('changefeed_source_slot_reading_age_seconds')]: always(3),
  [ofDatabase('changefeed_source_slot_lag_seconds')]: always(0.4),
  [ofDatabase('changefeed_changelog_wait_nanos')]: growing(0.01 * minuteNanos),
  // A checkpoint every half minute.
  'changefeed_checkpoint_lag{job_id="1",scope="default"}': (minute) => ((minute * 60) % 31) * 1e9,
  jobs_changefeed_protected_age_sec: (minute) => (minute * 60) % 31,
  [commitLatency('5e+08')]: growing(6000),
  [commitLatency('6e+11')]: growing(6000),
  [commitLatency('1.2e+12')]: growing(6000),
  [commitLatency('+Inf')]: growing(6000),
  [sinkFailures]: always(7),
  jobs_changefeed_resume_retry_error: always(5),
  jobs_changefeed_resume_failed: always(2),
  jobs_changefeed_expired_pts_records: always(1),
  [pausedJobs]: always(0),
  security_certificate_expiration_node: always(90 * daySeconds),
  security_certificate_expiration_client_ca: always(900 * daySeconds),
}

/** `series`: what is another than when all is well. */
function scenario(name: string, series: Scenario['series'], firing: Scenario['firing']): Scenario {
  return { name, series: { ...healthy, ...series }, firing }
}

const slow = (perMinute: readonly number[]): Scenario['series'] =>
  Object.fromEntries(
    ['5e+08', '6e+11', '1.2e+12', '+Inf'].map((le, i) => [commitLatency(le), growing(perMinute[i] ?? 0)]),
  )

export const scenarios: readonly Scenario[] = [
  scenario('all is well', {}, { 5: [], 30: [], 120: [] }),
  scenario(
    'the server is started again, twice, and counts from 0',
    Object.fromEntries(
      Object.keys(healthy)
        .filter((name) => !name.startsWith('changefeed_source_slot_wal_status'))
        .map((name) => {
          const value = healthy[name] as SeriesValue
          const isAway = (minute: number): boolean => (minute >= 10 && minute < 11) || (minute >= 20 && minute < 21)
          const isCounter = value === healthy[sinkFailures] || /(?:errors?|retries|failed|records)$/.test(name)
          if (name === up) return [name, (minute: number) => (isAway(minute) ? 0 : 1)]
          return [name, (minute: number) => (isAway(minute) ? undefined : isCounter && minute > 10 ? 0 : value(minute))]
        }),
    ),
    { 11: [], 12: [], 21: [], 30: [], 60: [] },
  ),
  scenario(
    'the server is down',
    { [up]: between(10, 60, 0, 1) },
    { 11: [], 13: ['ChangefeedServerDown'], 59: ['ChangefeedServerDown'], 61: [] },
  ),
  scenario(
    'the slot is about to be lost, and then is',
    {
      'changefeed_source_slot_wal_status{database="shop",wal_status="reserved"}': between(0, 10, 1),
      'changefeed_source_slot_wal_status{database="shop",wal_status="extended"}': between(10, 20, 1),
      'changefeed_source_slot_wal_status{database="shop",wal_status="unreserved"}': between(20, 30, 1),
      'changefeed_source_slot_wal_status{database="shop",wal_status="lost"}': between(30, 40, 1),
    },
    { 19: [], 21: ['ChangefeedSlotAboutToBeLost'], 39: ['ChangefeedSlotAboutToBeLost'] },
  ),
  scenario(
    'the slot lasts for hours, and then for minutes',
    {
      [ofDatabase('changefeed_source_slot_left_seconds')]: (minute) =>
        minute < 10 ? undefined : 5 * 3600 - minute * 180,
    },
    {
      9: [],
      13: [],
      16: ['ChangefeedSlotHasHoursLeft'],
      79: ['ChangefeedSlotHasHoursLeft'],
      83: ['ChangefeedSlotHasHoursLeft', 'ChangefeedSlotHasMinutesLeft'],
    },
  ),
  scenario(
    'an open transaction keeps WAL',
    { [ofDatabase('changefeed_source_slot_retained_bytes')]: growing(2 * 1024 ** 3) },
    { 20: [], 27: ['ChangefeedSlotKeepsMuchWal'] },
  ),
  scenario(
    'PostgreSQL is out of reach, and then does not answer as it did',
    {
      [ofDatabase('changefeed_source_slot_reading_age_seconds')]: (minute) => (minute < 10 ? 3 : (minute - 10) * 60),
      [ofDatabase('changefeed_source_slot_lag_seconds')]: (minute) => (minute < 10 ? 0.4 : (minute - 10) * 60),
      // Another error every minute.
      'changefeed_ingest_failing{database="shop",code="FEED_SOURCE_DOWN",sqlstate="08006"}': (minute) =>
        minute >= 10 && Math.floor(minute) % 2 === 0 ? 1 : undefined,
      'changefeed_ingest_failing{database="shop",code="FEED_SOURCE_DOWN",sqlstate="57P03"}': (minute) =>
        minute >= 10 && Math.floor(minute) % 2 === 1 ? 1 : undefined,
    },
    {
      11: [],
      13: [],
      16: ['ChangefeedIngestFailing', 'ChangefeedSourceNotRead'],
      26: ['ChangefeedIngestFailing', 'ChangefeedSourceBehind', 'ChangefeedSourceNotRead'],
    },
  ),
  scenario(
    'PostgreSQL is started again',
    {
      [ofDatabase('changefeed_source_slot_reading_age_seconds')]: between(10, 11, 60, 3),
      'changefeed_ingest_failing{database="shop",code="FEED_SOURCE_DOWN",sqlstate="57P01"}': between(10, 11, 1),
      changefeed_error_retries: between(10, 60, 6, 5),
    },
    { 11: [], 16: [], 30: [] },
  ),
  scenario(
    'a job falls behind, and nears the end of what is kept',
    {
      'changefeed_checkpoint_lag{job_id="1",scope="default"}': growing(minuteNanos * 20),
      jobs_changefeed_protected_age_sec: growing(60 * 20),
    },
    {
      9: [],
      42: ['ChangefeedBehind'],
      72: ['ChangefeedBehind', 'ChangefeedNearsRetention'],
    },
  ),
  scenario('every tenth change takes more than ten minutes to its sink', slow([5400, 5400, 6000, 6000]), {
    9: [],
    12: ['ChangefeedCommitLatency', 'ChangefeedCommitLatencyLong'],
  }),
  scenario(
    'every fiftieth change takes a little more than ten minutes to its sink',
    // By interpolation between ten and twenty minutes.
    slow([5880, 5880, 6000, 6000].map((n, i) => (i === 1 ? 5940 - 1 : n))),
    { 9: [], 12: ['ChangefeedCommitLatency'] },
  ),
  scenario(
    'a sink has failed for a moment',
    { [sinkFailures]: (minute) => (minute < 10 ? 7 : minute < 10.5 ? 8 : minute < 11 ? 9 : 12) },
    { 11: [], 14: [], 15.5: [], 16: [], 20: [], 30: [] },
  ),
  scenario(
    'a sink is down for a quarter of an hour',
    { [sinkFailures]: (minute) => 7 + 2 * Math.min(15, Math.max(0, minute - 10)) },
    { 15: [], 22: ['ChangefeedSinkInTrouble'], 25: ['ChangefeedSinkInTrouble'], 32: [] },
  ),
  scenario(
    'jobs are tried again a few times, and then very often',
    { jobs_changefeed_resume_retry_error: (minute) => (minute < 20 ? minute : 20 + (minute - 20) * 10) },
    { 19: [], 40: ['ChangefeedRetries'] },
  ),
  scenario(
    'a job is paused',
    { [pausedJobs]: between(10, 100, 1, 0) },
    {
      20: [],
      26: ['ChangefeedPaused'],
      69: ['ChangefeedPaused'],
      71: ['ChangefeedPaused', 'ChangefeedPausedLong'],
      101: [],
    },
  ),
  scenario(
    'a job fails because its changes are gone',
    {
      jobs_changefeed_resume_failed: between(10, 200, 3, 2),
      jobs_changefeed_expired_pts_records: between(10, 200, 2, 1),
    },
    { 9: [], 11: ['ChangefeedExpired', 'ChangefeedFailed'], 40: ['ChangefeedExpired'], 80: [] },
  ),
  scenario(
    'the first job with a label fails before its label was ever scraped, and scopes are shown without totals',
    {
      'changefeed_failures{scope="default"}': always(0),
      'changefeed_failures{scope="orders"}': (minute) => (minute < 10 ? undefined : 1),
      jobs_changefeed_resume_failed: between(10, 200, 1, 0),
    },
    { 9: [], 11: ['ChangefeedFailed'] },
  ),
  scenario(
    'the disk of the changelog is too slow',
    { [ofDatabase('changefeed_changelog_wait_nanos')]: growing(0.8 * minuteNanos) },
    { 8: [], 20: ['ChangefeedDiskIsSlow'] },
  ),
  scenario(
    'the certificate ends, and is replaced',
    { security_certificate_expiration_node: between(20, 200, 90 * daySeconds, daySeconds + 600) },
    {
      5: ['ChangefeedCertificateEndsSoon'],
      15: ['ChangefeedCertificateEnds', 'ChangefeedCertificateEndsSoon'],
      21: [],
    },
  ),
  scenario(
    'an authority of the clients ends',
    { security_certificate_expiration_client_ca: always(13 * daySeconds) },
    { 5: ['ChangefeedClientAuthorityEndsSoon'] },
  ),
]
