/** The database of one person in this browser. */
export const dbName = (user: string): string => `neuralchat-${user}`;
