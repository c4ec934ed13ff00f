// A query whose rows are handed on as they come, as the server wrote them: text, not JavaScript values. Built on the
// query object of node-postgres, whose handlers see every message.

import pg from 'pg'
import type { Column } from './formats.ts'

export interface ResultHandlers {
  columns(columns: readonly Column[]): void
  row(values: readonly (string | null)[]): void
  /** One statement is done. `returnedRows`: it had columns. */
  complete(commandTag: string, returnedRows: boolean): void
}

/** The part of node-postgres' query that it calls with messages. */
interface QueryMessages {
  handleRowDescription(message: { fields: readonly { name: string; dataTypeID: number }[] }): void
  handleDataRow(message: { fields: readonly (string | null)[] }): void
  handleCommandComplete(message: { text: string }, connection: unknown): void
  handleError(error: Error, connection: unknown): void
  handleReadyForQuery(connection: unknown): void
}

/** Settles when the server is ready again; throws the server's error. */
export function streamQuery(client: pg.Client, sql: string, handlers: ResultHandlers): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const query = new pg.Query(sql)
  const messages = query as unknown as QueryMessages
  let hasColumns = false
  let failure: Error | undefined
  messages.handleRowDescription = ({ fields }) => {
    hasColumns = true
    handlers.columns(fields.map(({ name, dataTypeID }) => ({ name, typeOid: dataTypeID })))
  }
  messages.handleDataRow = ({ fields }) => handlers.row(fields)
  messages.handleCommandComplete = ({ text }) => {
    handlers.complete(text, hasColumns)
    hasColumns = false
  }
  messages.handleError = (error) => {
    failure ??= error
    // Without a connection no ReadyForQuery comes.
    if (!('code' in error) || /^(?:FATAL|PANIC)$/.test((error as pg.DatabaseError).severity ?? '')) reject(error)
  }
  messages.handleReadyForQuery = () => {
    if (failure === undefined) resolve()
    else reject(failure)
  }
  client.query(query)
  return promise
}
