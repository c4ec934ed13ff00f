// Quotes names and strings for SQL: for statements that we run, and for statements that a message shows to a user.

/** Quotes a name for a statement that we run. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** Quotes a string for a statement that we run. The result means the same with either value of standard_conforming_strings. */
export function quoteString(text: string): string {
  return `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
}

/** Quotes a name for a statement that we show, if it needs quotes at all. */
export function shownName(name: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(name) ? name : quoteName(name)
}

/** Quotes a string for a statement that we show. */
export function shownString(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
