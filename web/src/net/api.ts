export class ApiError extends Error {
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

async function call<T>(_method: string, _path: string, _query?: object, _body?: unknown): Promise<T> {
  throw new ApiError(0, 'offline', '');
}

export const api = {
  get: <T>(path: string, query?: object) => call<T>('GET', path, query),
  post: <T>(path: string, body?: unknown) => call<T>('POST', path, undefined, body),
  put: <T>(path: string, body?: unknown) => call<T>('PUT', path, undefined, body),
  patch: <T>(path: string, body?: unknown) => call<T>('PATCH', path, undefined, body),
  del: <T>(path: string) => call<T>('DELETE', path),
};
