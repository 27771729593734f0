import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** What a browser loads for the room, viewers and calls apart, gzipped, in bytes: the build fails above it. */
const ROOM_AT_MOST = 150_000;

function weighRoom(): Plugin {
  return {
    name: 'weigh-room',
    apply: 'build',
    writeBundle(_options, bundle) {
      const room = Object.values(bundle).find((part) => part.type === 'chunk' && part.name === 'room');
      const files = new Set<string>();
      const walk = (file: string) => {
        const part = bundle[file];
        if (!part || files.has(file)) return;
        files.add(file);
        if (part.type !== 'chunk') return;
        part.imports.forEach(walk);
        part.viteMetadata?.importedCss.forEach(walk);
      };
      if (room) walk(room.fileName);
      const weigh = (file: string) => {
        const part = bundle[file]!;
        return gzipSync(part.type === 'chunk' ? part.code : part.source).length;
      };
      const bytes = [...files].reduce((sum, file) => sum + weigh(file), 0);
      if (!bytes) this.error('The room is not in the bundle.');
      if (bytes > ROOM_AT_MOST) this.error(`The room weighs ${bytes} bytes gzipped, more than ${ROOM_AT_MOST}.`);
      this.info(`The room weighs ${bytes} bytes gzipped (at most ${ROOM_AT_MOST}).`);
    },
  };
}

/** What pdf.js reads by name and asks for only where a document needs it: src/room/viewer/files.ts. */
function pdfjsFiles(): Plugin {
  const from = here('node_modules/pdfjs-dist/');
  const files = [...readdirSync(`${from}standard_fonts`).map((name) => `standard_fonts/${name}`), 'wasm/openjpeg_nowasm_fallback.js', 'wasm/LICENSE_PDFJS_OPENJPEG'];
  return {
    name: 'pdfjs-files',
    apply: 'build',
    generateBundle() {
      for (const name of files) this.emitFile({ type: 'asset', fileName: `pdfjs/${name}`, source: readFileSync(`${from}${name}`) });
    },
  };
}

export default defineConfig({
  root: here('.'),
  base: '/static/',
  plugins: [svelte(), weighRoom(), pdfjsFiles()],
  // Under vitest, Svelte must resolve to its browser build or components cannot be mounted in jsdom.
  resolve: process.env['VITEST'] ? { conditions: ['browser'] } : {},
  build: {
    outDir: here('dist'),
    emptyOutDir: true,
    manifest: 'manifest.json',
    target: 'es2022',
    // The content security policy allows nothing but our own files: no data: URLs, no inline scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      // htmx brings an eval of its own that pages.ts switches off and the policy forbids.
      checks: { eval: false },
      input: { wall: here('src/wall/main.ts'), pages: here('src/pages.ts'), room: here('src/room/main.ts'), guest: here('src/guest/main.ts'), calltest: here('src/calltest/main.ts') },
    },
  },
  test: {
    environment: 'jsdom',
    include: ['src/**/*.test.ts'],
    setupFiles: [here('src/seed.testing.ts')],
    restoreMocks: true,
    // Conditions are waited for, however busy the machine is.
    testTimeout: 30_000,
  },
});
