// HTTP to the node: the token on every call, refreshed once when it is refused, problems as ApiError.
import { accessToken, credentials, SignedOut, whoAsks } from './token';
import type { Problem } from './types';

export class ApiError extends Error {
  /** `detail` is in the reader's language. Status 0: the node was not reached (`offline`), or not in time (`timeout`). */
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly retryAfter?: number,
  ) {
    super(detail);
    this.name = 'ApiError';
  }
}

const TIMEOUT_MS = 30_000;
let language = '';
/** What errors are to be told in. */
export function speak(locale: string): void {
  language = locale;
}

export interface CallOptions {
  /** Without a token: the door. */
  open?: boolean;
  /** Where the door's answer may leave its cookie; else as whoever is in has it. */
  credentials?: RequestCredentials;
  signal?: AbortSignal;
  timeout?: number;
  /** An answer that was asked for ahead will do; a cursor: if it was asked for once the stream was known to stand there. */
  early?: boolean | string;
}

export function pathWith(path: string, query?: object): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) if (value !== undefined && value !== null && value !== '') params.set(name, String(value));
  const text = params.toString();
  return text ? `${path}?${text}` : path;
}

/** The answer itself, for streams and files. Throws ApiError for every status of 400 and above. */
export async function request(method: string, path: string, body?: unknown, options: CallOptions = {}): Promise<Response> {
  const once = async (token: string | null) => {
    const headers: Record<string, string> = {};
    if (token !== null) headers.Authorization = `Bearer ${token}`;
    if (language) headers['Accept-Language'] = language;
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), options.timeout ?? TIMEOUT_MS);
    const signal = options.signal ? AbortSignal.any([options.signal, late.signal]) : late.signal;
    try {
      return await fetch(path, { method, headers, signal, cache: 'no-store', credentials: options.credentials ?? credentials(), ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    } catch (fault) {
      if ((fault as Error).name === 'TimeoutError' || late.signal.aborted) throw new ApiError(0, 'timeout', String(fault));
      if (options.signal?.aborted) throw fault;
      throw new ApiError(0, 'offline', String(fault));
    } finally {
      clearTimeout(timer);
    }
  };
  if (options.open) return checked(await once(null));
  const who = whoAsks();
  const token = await tokenOr(undefined);
  const answer = await once(token);
  if (answer.status !== 401) return checked(answer);
  const another = await tokenOr(token);
  // Whoever came in meanwhile does not say what another one wrote.
  if (whoAsks() !== who) throw new ApiError(401, 'unauthorized', '');
  return checked(await once(another));
}

async function tokenOr(refused: string | undefined): Promise<string> {
  try {
    return await accessToken(refused);
  } catch (fault) {
    if (fault instanceof SignedOut) throw new ApiError(401, 'unauthorized', '');
    throw new ApiError(0, 'offline', String(fault));
  }
}

async function checked(answer: Response): Promise<Response> {
  if (answer.ok) return answer;
  const problem = (await answer.json().catch(() => null)) as Problem | null;
  const wait = Number(answer.headers.get('Retry-After'));
  throw new ApiError(answer.status, problem?.code ?? 'internal', problem?.detail ?? answer.statusText, wait > 0 ? wait : undefined);
}

async function call<T>(method: string, path: string, body?: unknown, options: CallOptions = {}): Promise<T> {
  // The time is for the whole answer, not for its beginning.
  const late = AbortSignal.timeout(options.timeout ?? TIMEOUT_MS);
  const answer = await request(method, path, body, { ...options, signal: options.signal ? AbortSignal.any([options.signal, late]) : late });
  if (answer.status === 204) return undefined as T;
  const text = await answer.text().catch((fault: unknown) => {
    if (options.signal?.aborted) throw fault;
    throw new ApiError(0, late.aborted ? 'timeout' : 'offline', String(fault));
  });
  try {
    return (text ? JSON.parse(text) : undefined) as T;
  } catch {
    throw new ApiError(0, 'offline', 'not the node'); // Something on the way answers in its place.
  }
}

const EARLY_MS = 15_000;
/** Asked for while the page was still coming: each is for the first who wants it, soon. */
const ahead = new Map<string, { user: string | undefined; since: string | undefined; at: number; answer: Promise<unknown> }>();

export function askAhead(path: string, query?: object, options?: CallOptions, since?: string): void {
  const whole = pathWith(path, query), answer = call('GET', whole, undefined, options);
  answer.catch(() => {}); // whoever wants it asks again
  ahead.set(whole, { user: whoAsks(), since, at: Date.now(), answer });
}
function get<T>(path: string, options?: CallOptions): Promise<T> {
  const { early } = options ?? {}, ask = () => call<T>('GET', path, undefined, options), found = early ? ahead.get(path) : undefined;
  if (!found) return ask();
  ahead.delete(path);
  const fits = found.user === whoAsks() && (early === true || early === found.since) && Date.now() - found.at < EARLY_MS;
  return fits ? (found.answer as Promise<T>).catch(ask) : ask();
}

export const api = {
  get: <T>(path: string, query?: object, options?: CallOptions) => get<T>(pathWith(path, query), options),
  post: <T>(path: string, body?: unknown, options?: CallOptions) => call<T>('POST', path, body, options),
  put: <T>(path: string, body?: unknown, options?: CallOptions) => call<T>('PUT', path, body, options),
  patch: <T>(path: string, body?: unknown, options?: CallOptions) => call<T>('PATCH', path, body, options),
  del: <T>(path: string, options?: CallOptions) => call<T>('DELETE', path, undefined, options),
};
