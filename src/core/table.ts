// What a watched table looked like at one moment, as PostgreSQL's catalogue described it in the transaction that made
// it so. `changefeed.describe(oid)` in the source database writes this very JSON (see src/source-schema); it
// travels through the WAL and the changelog as a schema record, so that rows always meet the description they had.

export interface TableDescription {
  readonly relid: number
  readonly database: string
  readonly schema: string
  readonly name: string
  /** Live, non-generated-virtual columns in attribute order. */
  readonly columns: readonly ColumnDescription[]
  /** Column names of the primary key in index order; empty when the table has none. */
  readonly primaryKey: readonly string[]
  /** The primary key is checked at the end of a transaction only, so that until then several rows may have it. */
  readonly deferrableKey?: boolean | undefined
  /** How often ALTER TABLE has written every row anew, with values that may be other ones. */
  readonly rewrites?: number | undefined
  /** pg_class.relreplident: d(efault), n(othing), f(ull), i(ndex). */
  readonly identity: 'd' | 'n' | 'f' | 'i'
  /** It is a partitioned table: its rows are those of its leaves, and stand in the log under the oids of these. */
  readonly partitioned?: boolean | undefined
  /** The partitioned tables of which it is a partition, from its parent to the root. Missing or empty: it is none. */
  readonly ancestors?: readonly number[] | undefined
  /** The transaction in which it was last attached as a partition when it may have had rows: another number says that it was again. */
  readonly attached?: number | undefined
  /** Changes of it since it was attached may stand in the log before this description, so only who reads its rows now misses nothing. */
  readonly passedOver?: true | undefined
  /** The partitioned tables of which the rows behind it may be: the next description makes it their partition, which is read then, or their feeds end. */
  readonly owedTo?: readonly number[] | undefined
  /** Where it was last seen that it may have been unlogged for a moment, so that changes of it are missing in front: another number says that again. */
  readonly unlogged?: number | undefined
  /** True in the last description of a table: it was dropped by that transaction. */
  readonly dropped?: boolean | undefined
  /** From which rows of the catalogue the description was made, where nobody but us reads the catalogue (src/ingest/readings). */
  readonly catalogue?: CatalogueRows | undefined
}

export interface CatalogueRows {
  /** The oid of the constraint that is the primary key; 0: there is none. */
  readonly key: number
  /** pg_class.relfilenode. */
  readonly file: number
  /** pg_class.reltoastrelid. */
  readonly toast?: number | undefined
  /** The memberships of publications that name the table. */
  readonly named?: readonly number[] | undefined
  /** It is in our publication itself, whatever it is a partition of. Descriptions of earlier versions do not say. */
  readonly member?: true | undefined
  /** The numbers of the columns and the transactions that wrote their rows of pg_attribute. */
  readonly columns: string
  /** Of a partition and of each of its ancestors: the parent, and the transaction that attached it there. */
  readonly attachedBy?: string | undefined
  /** The attributes of composite types, by the oid of the type: the present ones, and those that it had before. */
  readonly types?: Readonly<Record<string, readonly (readonly AttributeRow[])[]>> | undefined
  /** The position in the WAL at which these attributes were seen. */
  readonly typesAt?: number | undefined
}

/** An attribute of a composite type, with the transaction that wrote its row of the catalogue. Its name is null if it was dropped. */
export type AttributeRow = readonly [attnum: number, name: string | null, type: number, xid: number]

export interface ColumnDescription {
  readonly name: string
  /** pg_attribute.attnum: stays the same when the column is renamed. */
  readonly attnum: number
  readonly typeOid: number
  /** pg_attribute.atttypmod, or the modifier that a domain gives; -1: none. Descriptions of earlier versions do not have that of a domain. */
  readonly typmod: number
  /** format_type(): for messages, and for definitions of columns (column-definition.ts). */
  readonly typeName: string
  readonly shape: TypeShape
  readonly notNull: boolean
  readonly hasDefault: boolean
  /** Stored generated column (published from PostgreSQL 18 on). */
  readonly generated: boolean
  /**
   * What rows have in this column that were written before it was added: the text of pg_attribute.attmissingval; null: they have
   * NULL, or were written anew since then. Descriptions of earlier versions, and of partitioned tables, do not say.
   */
  readonly missing?: string | null | undefined
  /** pg_attribute.attidentity of an identity column: generated always or by default. */
  readonly identity?: 'a' | 'd' | undefined
}

/** How values of a type print; domains are already replaced by their base type. */
export type TypeShape =
  | {
      readonly tag: 'scalar'
      /** pg_type.typname of a type in pg_catalog (`int8`, `jsonb`, …) or any other name. */ readonly name: string
    }
  | { readonly tag: 'enum' }
  | { readonly tag: 'range' }
  | { readonly tag: 'array'; readonly element: TypeShape; readonly delimiter: string }
  | {
      readonly tag: 'composite'
      readonly fields: readonly CompositeField[]
      /** Lists of attributes that the type had before, all of other lengths: rows may still come that were written then. */
      readonly former?: readonly (readonly CompositeField[])[] | undefined
    }

export interface CompositeField {
  readonly name: string
  readonly shape: TypeShape
}
