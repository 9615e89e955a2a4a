// Where the stream begins in a browser that has no cursor yet.
import { lastSaid } from '../net/token';
import type { Ground } from './ground';
import { noChanges, readPosition, writePosition } from './kept';

/**
 * The node says with the token where the stream stands: what is asked for from then on holds all that came before, so
 * rooms and messages need not wait for the stream, nor be asked for again once it is there. Null: it has begun already,
 * or the stream itself will say.
 */
export async function beginFirst(ground: Ground): Promise<string | null> {
  const { db, me, tabs } = ground;
  try {
    const { cursor } = (await lastSaid(me.id)) ?? {};
    if (!cursor) return null;
    const begun = await db.write(['meta'], async (tx) => {
      const position = await readPosition(tx);
      if (position.cursor === null) await writePosition(tx, { ...position, cursor, epoch: position.epoch + 1 });
      return position.cursor === null;
    });
    if (!begun) return null;
    // Read once, without a stream: since when nobody knows.
    if ((await db.read(['ranges'], (tx) => tx.all('ranges'))).length > 0) tabs.spread({ t: 'changes', changes: { ...noChanges(), resync: true } });
    return cursor;
  } catch {
    return null; // Offline, or no longer in.
  }
}
