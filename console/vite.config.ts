// Builds the console into dist/console: a page, a script and a style sheet, and a script for each page that draws graphs. Compressed copies lie
// beside them, so that the server has nothing to compress.

import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'
import { compressInto } from './compress.ts'

const compressed: Plugin = {
  name: 'compressed-copies',
  apply: 'build',
  enforce: 'post',
  generateBundle: {
    order: 'post',
    handler(_options, bundle) {
      for (const file of Object.values(bundle)) {
        const source = file.type === 'chunk' ? file.code : file.source
        for (const { fileName, bytes } of compressInto(file.fileName, source))
          this.emitFile({ type: 'asset', fileName, source: bytes })
      }
    },
  },
}

export default defineConfig({
  base: './',
  plugins: [react(), compressed],
  build: {
    outDir: process.env['CONSOLE_OUT'] ?? '../dist/console',
    emptyOutDir: true,
    // An inline image or script would need an exception in the policy of the pages.
    assetsInlineLimit: 0,
    target: 'es2024',
    modulePreload: { polyfill: false },
    // That the compression takes most of the time is meant.
    rolldownOptions: { checks: { pluginTimings: false } },
  },
  // `npm run dev` in this folder: the pages of the sources with the API of a server that runs.
  server: {
    proxy: { '/api': 'http://localhost:8080', '/_status': 'http://localhost:8080', '/health': 'http://localhost:8080' },
  },
})
