// build/ahead: the page asks along with the entry for what the entry would only ask for when it runs: the room's screen;
// and, by public/theme.js, which knows the language, for the words and for what reads the marks in texts.
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
        const room = named('RoomView'), texts = named('Markdown');
        if (!room || !texts || words.some(([, chunk]) => !chunk)) throw new Error('ahead: the build has other pieces now: see build/ahead.mjs');
        const files = [room.fileName, ...room.imports.filter((file) => !html.includes(file))];
        const styles = new Set(files.flatMap((file) => [...(bundle[file]?.viteMetadata?.importedCss ?? [])]));
        const link = (attrs) => ({ tag: 'link', attrs, injectTo: 'head' });
        const meta = (attrs) => ({ tag: 'meta', attrs: { name: 'ahead', ...attrs }, injectTo: 'head-prepend' });
        return [
          ...words.map(([lang, chunk]) => meta({ content: `/${chunk.fileName}`, lang })),
          meta({ content: `/${texts.fileName}` }),
          ...files.map((file) => link({ rel: 'modulepreload', crossorigin: true, href: `/${file}` })),
          ...[...styles].map((file) => link({ rel: 'stylesheet', crossorigin: true, href: `/${file}` })),
        ];
      },
    },
  };
}
