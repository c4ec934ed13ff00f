// For feeds WITH key_in_value: the value's `key` member is the message's key.

import { canonicalText, parseJson, parseMessage } from '../history/json-text.ts'
import type { RowNote, Validator } from './validator.ts'

export class KeyInValueValidator implements Validator {
  readonly #failures: string[] = []

  noteRow(row: RowNote): void {
    const inValue = parseMessage(row.value).get('key')
    if (inValue === undefined) {
      this.#failures.push(`no key in value, expected key value ${row.key}`)
      return
    }
    const found = canonicalText(inValue)
    const expected = canonicalText(parseJson(row.key))
    if (found !== expected) this.#failures.push(`key in value ${found} does not match expected key value ${expected}`)
  }

  noteResolved(): void {}

  failures(): readonly string[] {
    return this.#failures
  }
}
