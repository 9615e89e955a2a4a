/** app/reason: why something failed, in the reader's words. The node says it itself; that it was not reached we say. */
import { ApiError } from '@/net/api';
import { t } from './i18n';

export function reason(error: unknown): string {
  if (error instanceof ApiError) {
    if (error.status === 0) return t(error.code === 'timeout' ? 'app.timeout' : 'app.unreachable');
    return error.detail || t('app.failed', { status: error.status });
  }
  return error instanceof Error ? error.message : String(error);
}
