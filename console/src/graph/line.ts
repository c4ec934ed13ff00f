// A line of a graph: which metric, and how its values are brought together.

export type Combination = 'avg' | 'min' | 'max' | 'sum'

export interface Line {
  readonly label: string
  /** With dots. */
  readonly metric: string
  readonly downsample?: Combination
  /** How the values of several databases, sinks and so on become one line; null: each is a line of its own. */
  readonly aggregate?: Combination | null
  readonly rate?: 'none' | 'rate' | 'non_negative'
  readonly of?: string
  readonly ids?: readonly string[]
  /** What the values are multiplied by. */
  readonly scale?: number
}
