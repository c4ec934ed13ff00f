// What docs/reference/sink-parameters.md says about the storage sink.

import type { SinkReference } from '../sink-facts.ts'
import type { ParameterFacts } from '../sink-parameters.ts'
import { kinds } from './kinds.ts'
import { commonParameters } from './parameters.ts'

export const storageReference: SinkReference = {
  summary: 'What the files of a storage sink are called and have in them is in the [guide](../guide/storage.md).',
  uri: {
    examples: kinds.map(({ example }) => example),
    about: 'Values are percent-encoded.',
    parameters: {
      ...commonParameters,
      ...ownParameters(),
    },
  },
}

/** Those of the kinds. A name that several kinds have means something else in each. */
function ownParameters(): Readonly<Record<string, ParameterFacts>> {
  const found = new Map<string, ParameterFacts>()
  for (const { parameters, schemes } of kinds) {
    for (const [name, facts] of Object.entries(parameters)) {
      const other = found.get(name)
      found.set(name, other === undefined ? { schemes, ...facts } : joined(other, { schemes, ...facts }))
    }
  }
  return Object.fromEntries(found)
}

function joined(one: ParameterFacts, other: ParameterFacts): ParameterFacts {
  const about = ({ schemes = [], about: text }: ParameterFacts): string =>
    text.startsWith('For `') ? text : `For \`${schemes[0]}\`: ${text}`
  return {
    schemes: [...(one.schemes ?? []), ...(other.schemes ?? [])],
    ...(one.value === other.value && one.value !== undefined ? { value: one.value } : {}),
    ...(one.isSecret === true || other.isSecret === true ? { isSecret: true } : {}),
    about: `${about(one)} ${about(other)}`,
  }
}
