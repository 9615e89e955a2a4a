// build/ahead: the page asks for the room's screen along with the entry, which would only ask for it when it runs.
export default function ahead() {
  return {
    name: 'ahead',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler(html, { bundle }) {
        const room = Object.values(bundle ?? {}).find((chunk) => chunk.type === 'chunk' && chunk.name === 'RoomView');
        if (!room) return html;
        const css = [...(room.viteMetadata?.importedCss ?? [])];
        return [
          ...[room.fileName, ...room.imports.filter((file) => !html.includes(file))].map((file) => ({ tag: 'link', attrs: { rel: 'modulepreload', crossorigin: true, href: `/${file}` }, injectTo: 'head' })),
          ...css.map((file) => ({ tag: 'link', attrs: { rel: 'stylesheet', crossorigin: true, href: `/${file}` }, injectTo: 'head' })),
        ];
      },
    },
  };
}
