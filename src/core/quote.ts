// Names and strings as parts of SQL: of statements that we run, and of statements that we show to somebody who may run them.

/** A name in a statement that we run. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** A string in a statement that we run. It reads the same whatever the session's standard_conforming_strings says. */
export function quoteString(text: string): string {
  return `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
}

/** A name in a statement that we show: quoted only where it must be, as people write it. */
export function shownName(name: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(name) ? name : quoteName(name)
}

/** A string in a statement that we show, as people write it. */
export function shownString(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
