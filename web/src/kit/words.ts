/** kit/words: the few words the kit says by itself. The kit knows no languages: who starts the client gives them. */
let say = (key: string): string => key;

export const setKitWords = (words: typeof say): void => void (say = words);
export const kitWords = (key: string): string => say(key);
export const closeWords = () => say('kit.close');
