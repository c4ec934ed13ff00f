// The sink null:// takes every option and format, and discards all messages.

import type { SinkFacts } from '../sink-facts.ts'

export const nullSink: SinkFacts = {
  tag: 'null',
  label: 'null',
  schemes: ['null'],
  isSchemeEnough: true,
  options: 'all',
  reference: { summary: '`null://` discards all messages and has no parameters.' },
  readSpec: ({ parameters }) => {
    parameters.end('null sink', [])
    return { tag: 'null' }
  },
  open: () => import('./open.ts'),
}
