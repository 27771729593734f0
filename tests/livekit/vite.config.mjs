// Builds the plain page of the tests with what the room itself loads.
export default {
  root: import.meta.dirname,
  base: '/',
  build: { target: 'es2022', assetsInlineLimit: 0, emptyOutDir: true, modulePreload: { polyfill: false } },
};
