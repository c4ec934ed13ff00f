// `diff` shows the row as it was before the change: for each key, the `before` of a version is the `after` of the one
// before it. A repeated version must repeat its `before` as well.

import { formatHlc, type Hlc } from '../../src/core/hlc.ts'
import type { RowNote, Validator } from './validator.ts'

export class BeforeAfterValidator implements Validator {
  readonly #failures: string[] = []
  /** Versions of each key: timestamp → after. */
  readonly #versions = new Map<string, { readonly ts: string; readonly after: string }[]>()

  noteRow({ topic, key, value, updated }: RowNote): void {
    const identity = `${topic} ${key}`
    const message = JSON.parse(value) as { after: unknown; before?: unknown }
    if (!('before' in message)) {
      this.#failures.push(`${identity}: no before in ${value}`)
      return
    }
    let versions = this.#versions.get(identity)
    if (versions === undefined) this.#versions.set(identity, (versions = []))
    const ts = formatHlc(updated)
    const seen = versions.findIndex((version) => version.ts === ts)
    const previous = versions[seen < 0 ? versions.length - 1 : seen - 1]
    const before = JSON.stringify(message.before)
    // The first version seen may be of a row that was there already; an initial scan knows none.
    if (previous !== undefined && before !== previous.after && !(seen >= 0 && before === 'null')) {
      this.#failures.push(`${identity} at ${ts}: before is ${before}, the version before it was ${previous.after}`)
    }
    if (seen < 0) versions.push({ ts, after: JSON.stringify(message.after) })
  }

  noteResolved(_partition: string, _ts: Hlc): void {}

  failures(): readonly string[] {
    return this.#failures
  }
}
