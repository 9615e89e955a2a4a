import { fileURLToPath } from 'node:url';
import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vitest/config';
import icons from './build/icons.mjs';

export default defineConfig({
  plugins: [vue(), icons()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  define: { __VUE_OPTIONS_API__: 'false', __VUE_PROD_DEVTOOLS__: 'false' },
  test: { setupFiles: ['test/setup.ts'], environment: 'jsdom', include: ['test/unit/**/*.test.ts', 'src/**/*.test.ts'], testTimeout: 30_000 },
});
