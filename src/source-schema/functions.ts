// Every function that we install in a source database: what it takes and returns, and which rights it needs. The bodies are in sql/;
// a test compares these lists with what PostgreSQL says is installed.

import { calledFunctions } from './called-functions.ts'
import { innerFunctions } from './inner-functions.ts'

export const functions = { ...calledFunctions, ...innerFunctions } as const

export type FunctionName = keyof typeof functions

export const functionNames = (Object.keys(functions) as readonly FunctionName[]).toSorted()

/** Functions of earlier versions that are gone. */
export const formerFunctions = ['emit'] as const
