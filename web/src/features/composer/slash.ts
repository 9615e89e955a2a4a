/** composer/slash: what begins with one slash is a command, with two a text that begins with one. */
export const isCommand = (text: string): boolean => /^\/(?!\/)/.test(text);
