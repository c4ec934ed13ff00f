// Tests that need a schema registry: where Java or Maven is missing they are skipped and say so; in CI that is a failure.

import { registryIsMissing } from './registry-files.ts'

const missing = registryIsMissing()

/** For `test(name, { skip }, …)`. */
export const skipWithoutRegistry: string | false =
  missing !== undefined && process.env['CI'] === undefined ? `there is no schema registry to be had: ${missing}` : false
