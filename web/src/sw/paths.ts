/** sw/paths: which paths are the node's own and which are pages of the client, as src/server/static.c has it. */

const NODES = /^\/(api|v1|ws|test|\.[^/]*|healthz|readyz|metrics|sw\.js)(\/|$)/;

/** What the node itself answers: never out of a cache. */
export const isNodes = (path: string): boolean => NODES.test(path);

/** A path that the client's router finds a screen for. */
export const isPage = (path: string): boolean => !isNodes(path) && !path.startsWith('/assets/');
