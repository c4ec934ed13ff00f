#!/usr/bin/env node
// Runs the Node that this project runs on, with the arguments given.
import { findNode } from './find-node.js'
import { run } from './run.js'

run(findNode(), process.argv.slice(2))
