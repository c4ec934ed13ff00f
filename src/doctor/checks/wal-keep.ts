import { numberOf, sizeText, durationText } from '../amounts.ts'
import { expectedRate } from '../facts/wal-rate.ts'
import { ok, warning, type ServerCheck } from '../finding.ts'

const mebibyte = 1024 * 1024
/** A night, in which nobody sees that our server is down. */
const leastSeconds = 12 * 3600
/** What is measured in a moment may be a burst. */
const leastSecondsNow = 3600
const daySeconds = 86_400
const leastAdviceBytes = 10 * 1024 * mebibyte

export const walKeep: ServerCheck = {
  id: 'wal_keep',
  about: 'max_slot_wal_keep_size limits what a slot can keep, and lasts for hours at the present rate of WAL.',
  judge({ server, rate, provider }) {
    const perSecond = expectedRate(rate)
    const keep = numberOf(server, 'max_slot_wal_keep_size') ?? -1
    const advice = Math.ceil(Math.max(leastAdviceBytes, perSecond * daySeconds) / (1024 * mebibyte))
    const remedy = `${provider.setting('max_slot_wal_keep_size', `${advice}GB`, 'reload')}; and have that much space free`
    const pace = `${sizeText(perSecond)} of WAL in a second`
    if (keep < 0)
      return warning(
        `max_slot_wal_keep_size is without limit: if our server stays away, WAL grows until the disk is full, and then PostgreSQL stops (at present ${pace})`,
        remedy,
      )
    const bytes = keep * mebibyte
    const size = `max_slot_wal_keep_size = ${sizeText(bytes)}`
    if (perSecond === 0) return ok(`${size} lasts long: no WAL is written now`)
    const lasts = `${size} lasts ${durationText(bytes / perSecond)} at ${pace}`
    const isShort = bytes / rate.now < leastSecondsNow || bytes / (rate.average ?? 0) < leastSeconds
    return isShort ? warning(`${lasts}; after that changes are lost`, remedy) : ok(lasts)
  },
}
