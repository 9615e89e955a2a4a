/** composer/keys: under which names drafts are kept: what is typed in a room, and what waits while one edits there. */
export const draftKey = (room: string): string => room;
export const setAsideKey = (room: string): string => `${room}/aside`;
