/**
 * app/trusted: the one place that says which scripts may be loaded as workers.
 *
 * Under `require-trusted-types-for 'script'` a worker's address must come from a policy: ours lets only this page's
 * own origin through.
 */
interface Policy {
  createScriptURL(url: string): unknown;
}
interface Factory {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): Policy;
}

function sameOrigin(url: string): string {
  if (new URL(url, location.href).origin !== location.origin) throw new TypeError('a script from elsewhere');
  return url;
}

const factory = (globalThis as { trustedTypes?: Factory }).trustedTypes;
const policy: Policy = factory?.createPolicy('neuralchat', { createScriptURL: sameOrigin }) ?? { createScriptURL: sameOrigin };

/** The address of a script of ours, as `new Worker` and `serviceWorker.register` take it. */
export const ownScript = (url: string): string => policy.createScriptURL(url) as string;
