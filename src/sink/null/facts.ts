// null:// takes every message, option and format, and keeps nothing.

import type { SinkFacts } from '../sink-facts.ts'

export const nullSink: SinkFacts = {
  tag: 'null',
  label: 'null',
  schemes: ['null'],
  isSchemeEnough: true,
  options: 'all',
  reference: { summary: '`null://` discards all messages and has no parameters.' },
  readSpec: ({ parameters }) => {
    parameters.end('null', [])
    return { tag: 'null' }
  },
  open: () => import('./open.ts'),
}
