// What docs/reference/sink-parameters.md says about the storage sink.

import type { SinkReference } from '../sink-facts.ts'
import { kinds } from './kinds.ts'
import { commonParameters } from './parameters.ts'

export const storageReference: SinkReference = {
  summary: 'What the files of a storage sink are called and have in them is in the [guide](../guide/storage.md).',
  uri: {
    examples: kinds.map(({ example }) => example),
    about: 'Values are percent-encoded.',
    parameters: {
      ...commonParameters,
      ...Object.fromEntries(
        kinds.flatMap(({ parameters, schemes }) =>
          Object.entries(parameters).map(([name, facts]) => [name, { schemes, ...facts }]),
        ),
      ),
    },
  },
}
