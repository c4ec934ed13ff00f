import { numberOf, sizeText, durationText } from '../amounts.ts'
import { expectedRate } from '../facts/wal-rate.ts'
import { ok, warning, type ServerCheck } from '../finding.ts'

const mebibyte = 1024 * 1024
/** A weekend is longer, a night is not. */
const leastSeconds = 12 * 3600
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
    const seconds = perSecond > 0 ? (keep * mebibyte) / perSecond : Number.POSITIVE_INFINITY
    const size = `max_slot_wal_keep_size = ${sizeText(keep * mebibyte)}`
    if (seconds < leastSeconds)
      return warning(`${size} lasts ${durationText(seconds)} at ${pace}; after that changes are lost`, remedy)
    return ok(
      `${size} lasts ${seconds === Number.POSITIVE_INFINITY ? 'long: no WAL is written now' : `${durationText(seconds)} at ${pace}`}`,
    )
  },
}
