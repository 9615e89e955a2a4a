// build/ahead: the page asks along with the entry for what the entry would only ask for when it runs: the room's screen; by
// public/theme.js, which knows the language, the words; and what asks the node (src/ahead.ts) runs as soon as it is here.
export default function ahead() {
  return {
    name: 'ahead',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler(html, { bundle }) {
        const chunks = Object.values(bundle ?? {}).filter((chunk) => chunk.type === 'chunk');
        const named = (name) => chunks.find((chunk) => chunk.name === name);
        const words = ['en', 'ru'].map((lang) => [lang, chunks.find((chunk) => chunk.facadeModuleId?.endsWith(`/locales/${lang}.ts`))]);
        const room = named('RoomView'), line = named('line');
        if (!room || !line || words.some(([, chunk]) => !chunk)) throw new Error('ahead: the build has other pieces now: see build/ahead.mjs');
        if (line.imports.length) throw new Error(`ahead: what asks the node waits for ${line.imports}`);
        const files = [room.fileName, ...room.imports.filter((file) => !html.includes(`src="/${file}"`) && file !== line.fileName)];
        const styles = new Set(files.flatMap((file) => [...(bundle[file]?.viteMetadata?.importedCss ?? [])]));
        const link = (attrs) => ({ tag: 'link', attrs, injectTo: 'head' });
        const meta = (attrs) => ({ tag: 'meta', attrs: { name: 'ahead', ...attrs }, injectTo: 'head-prepend' });
        const tag = `<script type="module" crossorigin src="/${line.fileName}">`;
        if (!html.includes(tag)) throw new Error('ahead: the page does not begin with what asks the node');
        const tags = [
          ...words.map(([lang, chunk]) => meta({ content: `/${chunk.fileName}`, lang })),
          ...files.filter((file) => !html.includes(`"/${file}"`)).map((file) => link({ rel: 'modulepreload', crossorigin: true, href: `/${file}` })),
          ...[...styles].map((file) => link({ rel: 'stylesheet', crossorigin: true, href: `/${file}` })),
        ];
        return { html: html.replace(tag, tag.replace('module"', 'module" async')), tags };
      },
    },
  };
}
