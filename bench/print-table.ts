// Plain tables: a line of headings, then lines of values, columns as wide as they need. Numbers stand right.

export type Cell = string | number | undefined

export function printTable(headings: readonly string[], rows: readonly (readonly Cell[])[]): void {
  const texts = [headings, ...rows.map((row) => row.map(textOf))]
  const widths = headings.map((_, column) => Math.max(...texts.map((line) => line[column]?.length ?? 0)))
  for (const line of texts) {
    const cells = line.map((text, column) =>
      column === 0 ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0),
    )
    console.log(cells.join('  ').trimEnd())
  }
  console.log()
}

/** `goal`: in words. */
export function printRatio(what: string, ratio: number, goal: string): void {
  console.log(`${what.padEnd(32)} ${ratio.toFixed(2)}  (goal: ${goal})`)
}

function textOf(cell: Cell): string {
  if (cell === undefined) return ''
  if (typeof cell === 'string') return cell
  if (!Number.isFinite(cell)) return '–'
  if (Number.isInteger(cell) || Math.abs(cell) >= 1000) return String(Math.round(cell))
  return cell.toFixed(2)
}
