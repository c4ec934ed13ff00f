// What is needed of a connection by code that only asks queries: one connection, or several askers on one.

export interface Queries {
  query(sql: string): Promise<(string | null)[][]>
}
