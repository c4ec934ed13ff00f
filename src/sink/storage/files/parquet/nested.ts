// Arrays and composite values as columns. Parquet has a column for each value that is no list and no group, and its levels say what of the
// lists and groups around it is there:
//
//   array of int4      0: NULL  1: no elements  2: an element that is NULL  3: an element
//   (a int4, b text)   0: NULL  1: an attribute that is NULL                2: an attribute; in both columns
//
// A list in a list, in a group and so on has further levels after those of what is around it.

import { attributesOf, CompositeText } from '../../../../core/composite-text.ts'
import type { FileColumn } from '../../../../core/file-column.ts'
import type { CompositeField } from '../../../../core/table.ts'
import { FeedError } from '../../../../errors/feed-error.ts'
import { Column } from './column.ts'
import { parseArray } from './parse-array.ts'
import { parquetType } from './types.ts'

/** What takes the value of a row. A column that is no list and no group takes it itself. */
export interface Field {
  /** In the order of the schema. */
  readonly columns: readonly Column[]
  add(bytes: Buffer, start: number, end: number): void
  addNull(): void
}

export function fieldOf(column: FileColumn): Field {
  const node = nodeOf({ ...column, path: [column.name], level: 0, lists: 0 })
  return node.tag === 'leaf' ? node.column : new NestedField(node)
}

class NestedField implements Field {
  readonly columns: readonly Column[]
  readonly #node: Node

  constructor(node: Node) {
    this.columns = columnsOf(node)
    this.#node = node
  }

  add(bytes: Buffer, start: number, end: number): void {
    append(this.#node, bytes.subarray(start, end), 0)
  }

  addNull(): void {
    for (const column of this.columns) column.addNull()
  }
}

/** `level`: that of what holds the value, if it is there. */
type Node =
  | { readonly tag: 'leaf'; readonly level: number; readonly column: Column }
  | {
      readonly tag: 'list'
      readonly level: number
      readonly element: Node
      readonly delimiter: string
      /** Its number among the lists around a value, from 1 on. */
      readonly list: number
      readonly columns: readonly Column[]
    }
  | {
      readonly tag: 'group'
      readonly level: number
      readonly fields: readonly Node[]
      /** Where the attributes are in a value: now, and before the type was changed; -1: it had no such attribute. */
      readonly orders: readonly (readonly number[])[]
      readonly columns: readonly Column[]
    }

interface Place extends FileColumn {
  readonly path: readonly string[]
  readonly level: number
  readonly lists: number
}

function nodeOf({ shape, path, level, lists }: Place): Node {
  const type = parquetType(shape)
  switch (type.tag) {
    case 'leaf':
      return { tag: 'leaf', level, column: new Column({ path, leaf: type.leaf, maxLevel: level + 1, lists }) }
    case 'list': {
      const { element: of, delimiter } = type
      const list = lists + 1
      const name = 'element'
      const element = nodeOf({ name, shape: of, path: [...path, 'list', name], level: level + 2, lists: list })
      return { tag: 'list', level, element, delimiter, list, columns: columnsOf(element) }
    }
    case 'group': {
      const fields = type.fields.map((field) =>
        nodeOf({ ...field, path: [...path, field.name], level: level + 1, lists }),
      )
      const orders = [type.fields, ...type.former].map((list) => orderOf(list, type.fields))
      return { tag: 'group', level, fields, orders, columns: fields.flatMap(columnsOf) }
    }
  }
}

function columnsOf(node: Node): readonly Column[] {
  return node.tag === 'leaf' ? [node.column] : node.columns
}

/** For each attribute of the list, where it is among the present ones; -1: it is gone, or was of another type. */
function orderOf(list: readonly CompositeField[], present: readonly CompositeField[]): readonly number[] {
  const typeOf = ({ shape }: CompositeField): string => JSON.stringify(shape)
  return list.map((field) => present.findIndex((other) => other.name === field.name && typeOf(other) === typeOf(field)))
}

/** Appends a value to its columns. `repeat`: it is not the first one of its row, but another element of this list. */
function append(node: Node, text: Buffer | undefined, repeat: number): void {
  if (text === undefined) return appendMissing(columnsOf(node), node.level, repeat)
  switch (node.tag) {
    case 'leaf':
      return node.column.add(text, 0, text.length, repeat)
    case 'list': {
      const elements = parseArray(text.toString(), node.delimiter)
      if (elements.length === 0) appendMissing(node.columns, node.level + 1, repeat)
      for (const [i, element] of elements.entries())
        append(node.element, element === null ? undefined : Buffer.from(element), i === 0 ? repeat : node.list)
      return
    }
    case 'group': {
      const value = new CompositeText()
      if (!value.read(text, 0, text.length)) throw new FeedError('FEED_ROW', 'a composite value does not parse')
      const order = attributesOf(value, node.orders)
      if (order === undefined) throw otherAttributes(value.count, node.fields.length)
      for (const [i, field] of node.fields.entries()) append(field, textOf(value, order.indexOf(i)), repeat)
    }
  }
}

/** `index`: -1 for an attribute that the value does not have. */
function textOf(value: CompositeText, index: number): Buffer | undefined {
  if (index < 0 || value.isNull(index)) return undefined
  return value.bytesOf(index).subarray(value.startOf(index), value.endOf(index))
}

function appendMissing(columns: readonly Column[], level: number, repeat: number): void {
  for (const column of columns) column.addMissing(level, repeat)
}

function otherAttributes(count: number, known: number): FeedError {
  return new FeedError('FEED_ROW', `a composite value has ${count} fields, and its type is known with ${known}`, {
    hint: 'the type was changed while rows were written with it; start the changefeed again with an initial scan',
  })
}
