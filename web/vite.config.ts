import { fileURLToPath } from 'node:url';
import tailwind from '@tailwindcss/vite';
import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vite';
import ahead from './build/ahead.mjs';
import icons from './build/icons.mjs';
import lexer from './build/lexer.mjs';
import sheets from './build/sheets.mjs';
import worker from './build/worker.mjs';

const node = process.env.NEURALCHAT_URL ?? 'http://127.0.0.1:8080';

/** The node knows by `Origin` whose page asks: behind the proxy that is the node's own. */
const toNode = { target: node, changeOrigin: true, ws: true, headers: { origin: new URL(node).origin } };
const proxy = { '/api': toNode, '/ws': toNode, '/v1': toNode, '/.well-known': toNode };

/** What asks the node, and what it is asked for first. */
const ofLine = /\/src\/(ahead|net\/(api|token|mutex)|sync\/name)\.ts/;

/** What the room's screen draws at once, also where other screens use it. */
const ofRoom = /\/src\/(features\/(room|message)\/(?!Branching|AnswerFacts|ToProviders|WhereDetails)|features\/composer\/(Composer|keys|keyboard|length|slash|state)|stores\/(?!left|unsent)|kit\/(Button|Empty|Popover)|md\/(?!math\/|lexer\.|formulas\.))/;

export default defineConfig({
  plugins: [sheets(), vue(), tailwind({ optimize: false }), icons(), lexer(), worker(), ahead()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  define: { __VUE_OPTIONS_API__: 'false', __VUE_PROD_DEVTOOLS__: 'false', __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false' },
  build: {
    target: ['chrome123', 'firefox128', 'safari17.5'], // all know light-dark(), popovers and nesting: nothing is written twice
    assetsInlineLimit: 0, // a font or picture as data: would break the policy
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
    // what every page needs comes in one piece, not in thirty, and what a room needs in a second one
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: 'line', test: ofLine, priority: 3 }, { name: 'base', tags: ['$initial'], priority: 2 }, { name: 'room', test: ofRoom, priority: 1 }] } } },
    manifest: true, // build/lint.mjs reads what the first load is
  },
  server: { proxy },
});
