#!/usr/bin/env node
// Hands over to the Node that this project runs on: the sources in a checkout, the compiled files in a package.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { findNode } from './find-node.js'
import { nodeFlags } from './node-flags.js'
import { run } from './run.js'

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url))
const source = path('../src/main.ts')
// src/core/compile-cache.ts says why there. It is named here, too, for the files that are loaded before that one: as long as
// a single one has to be compiled, Node holds its compiler of TypeScript, which takes 20 MB.
process.env.NODE_COMPILE_CACHE = process.env.NODE_COMPILE_CACHE || path('../node_modules/.cache/pg-changefeed')
const program = existsSync(source) ? source : path('../dist/main.js')
run(findNode(), [...nodeFlags, program, ...process.argv.slice(2)], { hangsUp: true })
