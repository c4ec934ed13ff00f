// What the two lags of a changefeed are, in the words of docs/guide/console.md.

export const lagTexts = {
  emit: 'How old the newest moment is up to which every change has been emitted. It is what readers of the sink notice.',
  checkpoint:
    'How old the high-water timestamp is, which is saved now and then. After a restart, the changes since then are emitted again.',
} as const
