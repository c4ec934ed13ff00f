#!/usr/bin/env node
// Hands over to the Node that this project runs on: the sources in a checkout, the compiled files in a package.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { findNode } from './find-node.js'
import { run } from './run.js'

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url))
const source = path('../src/main.ts')
run(findNode(), [existsSync(source) ? source : path('../dist/main.js'), ...process.argv.slice(2)], { hangsUp: true })
