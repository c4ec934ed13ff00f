// The part of a connection that is used by code which only runs queries.

export interface Queries {
  query(sql: string): Promise<(string | null)[][]>
}
