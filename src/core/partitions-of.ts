// The tables of a partitioned table by the catalogue alone. pg_partition_tree() waits for locks on partitions, and so for whoever
// has locked one of them exclusively.

/** A subquery: `relid` is `table`, an expression of an oid, and all of its partitions at every level. */
export function partsOf(table: string): string {
  return `WITH RECURSIVE part (relid) AS (SELECT ${table} UNION ALL SELECT i.inhrelid FROM part JOIN pg_catalog.pg_inherits i ON i.inhparent OPERATOR(pg_catalog.=) part.relid JOIN pg_catalog.pg_class p ON p.oid OPERATOR(pg_catalog.=) i.inhrelid WHERE p.relispartition AND NOT i.inhdetachpending) SELECT relid FROM part`
}
