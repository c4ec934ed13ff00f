// Refuses values that are well formed but would do harm without an error: a retention that keeps nothing, or a list of hosts that
// allows none or all, or a certificate that is none. The error says what was probably meant.

import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { parseDuration } from '../core/duration.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { SettingName } from './known-settings.ts'
import { formatSize, parseSize } from './setting-values.ts'

interface Danger {
  readonly what: string
  readonly hint: string
}

const leastLogBytes = 64 * 2 ** 20
const leastRetentionNanos = 60_000_000_000n

const checks: Partial<Record<SettingName, (text: string) => Danger | undefined>> = {
  'changefeed.changelog.max_size': (text) => {
    const bytes = parseSize(text) ?? 0
    if (bytes === 0 || bytes >= leastLogBytes) return undefined
    return {
      what: `${text} is too small: changefeeds that are a moment behind would lose changes`,
      hint: `at least ${formatSize(leastLogBytes)}, such as '20 GiB'; 0 is no limit`,
    }
  },
  'changefeed.changelog.retention': (text) => {
    const read = parseDuration(text)
    if (read.tag !== 'ok' || read.nanos >= leastRetentionNanos) return undefined
    return {
      what: `${text} is too short: changefeeds that are a moment behind would lose changes`,
      hint: "at least '1m'; the default is '25h'",
    }
  },
  'changefeed.sink.allowed_hosts': (text) => {
    if (text === '') return undefined
    const entries = text.split(',').map((entry) => entry.trim())
    const wrong = entries.find((entry) => !isHostPattern(entry))
    if (wrong === undefined) return undefined
    return {
      what: wrong === '' ? 'an entry of the list is empty' : `"${wrong}" names no machine`,
      hint: "a list of host, host:port or *.suffix, separated by commas, such as 'kafka.example.com:9092, *.internal'; RESET it to allow all machines",
    }
  },
  'obs.metrics_scrape.default_visibility': (text) => {
    if (['all', 'support', 'essential'].includes(text)) return undefined
    return {
      what: `there is no visibility "${text}": no metric would be shown`,
      hint: "'all', 'support' or 'essential'",
    }
  },
  'cloudstorage.http.custom_ca': (text) => {
    if (text === '' || isCertificate(text)) return undefined
    return {
      what: 'the text is no PEM certificate, so no changefeed could write files over https',
      hint: "the content of the file, with its lines: '-----BEGIN CERTIFICATE----- …', not its name; RESET it to trust no other authority",
    }
  },
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined
  } catch {
    return false
  }
}

const hostPattern = /^(?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?\.?(?::\d{1,5})?$/i

function isHostPattern(entry: string): boolean {
  const [, bracketed] = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(entry) ?? []
  return isIP(bracketed ?? entry) !== 0 || hostPattern.test(entry)
}

/** `text` is the canonical text of the value; `position` is 1-based. */
export function refuseDangerous(name: SettingName, text: string, position: number | undefined): void {
  const danger = checks[name]?.(text)
  if (danger === undefined) return
  throw new FeedError('FEED_SETTING', `${name} cannot be set: ${danger.what}`, { hint: danger.hint, position })
}
