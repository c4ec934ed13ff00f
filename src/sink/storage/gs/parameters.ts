// The parameters of gs:// URIs.

import { googleParameters } from '../../google-credentials.ts'
import type { ParameterFacts } from '../../sink-parameters.ts'

export const gsParameters = {
  ...googleParameters,
  AUTH: {
    about: `${googleParameters.AUTH.about} \`default\`, or without AUTH: the key file in the setting \`cloudstorage.gs.default.key\`, and without one as \`implicit\`.`,
  },
} as const satisfies Readonly<Record<string, ParameterFacts>>
