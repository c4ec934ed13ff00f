// Never objects: for places that need a validator where there is nothing to check.

import type { Validator } from './validator.ts'

export const noOpValidator: Validator = {
  noteRow: () => {},
  noteResolved: () => {},
  failures: () => [],
}
