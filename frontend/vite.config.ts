import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: here('.'),
  base: '/static/',
  plugins: [svelte()],
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
      input: [here('src/pages.ts'), here('src/room/main.ts')],
    },
  },
  test: {
    environment: 'jsdom',
    include: ['src/**/*.test.ts'],
    restoreMocks: true,
  },
});
