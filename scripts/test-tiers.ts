// What a test file needs, as the end of its name says.

/** From those that need nothing to those that take longest. */
export const tiers = ['pure', 'pg', 'kafka', 'crash'] as const

export type Tier = (typeof tiers)[number]

/** `x.test.ts` is pure; `x.pg.test.ts`, `x.kafka.test.ts` and `x.crash.test.ts` say their tier. */
export function tierOf(file: string): Tier {
  const [, named] = /\.(\w+)\.test\.ts$/.exec(file) ?? []
  return tiers.find((tier) => tier === named) ?? 'pure'
}
