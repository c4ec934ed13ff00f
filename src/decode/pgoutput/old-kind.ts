// What an update or delete message contains of the old row: nothing, the key columns, or the whole row.

export type OldKind = 'none' | 'key' | 'full'

export const oldTag = { key: 0x4b, full: 0x4f, new: 0x4e } as const
