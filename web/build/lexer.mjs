// build/lexer: of marked only what reads. Its parser, renderer and hooks make HTML out of tokens, which nobody here does,
// but the file ends by making one of each, and so they would all come along.
export default function lexer() {
  return {
    name: 'lexer',
    enforce: 'pre',
    transform(code, id) {
      if (!/\/marked\.esm\.js$/.test(id)) return;
      const local = (name) => new RegExp(`[{,]([\\w$]+) as ${name}[,}]`).exec(code)?.[1];
      const ending = new RegExp(`var [\\w$]+=new ${local('Marked')?.replace('$', '\\$')};[^]*$`);
      if (!ending.test(code)) throw new Error('lexer: marked is not made as it was: see build/lexer.mjs');
      return { code: code.replace(ending, `export{${local('Lexer')} as Lexer,${local('Tokenizer')} as Tokenizer};`), map: null };
    },
  };
}
