// Up to where rooms are read: shown at once, told to the node when it can be reached, the latest of each room alone.
import { api, ApiError } from '../net/api';
import type { Ground } from './ground';
import type { Listing } from './listing';
import { markReadIn } from './kept';

/** The node is not there, or wants to be asked later. */
const comesAgain = (fault: unknown) => !(fault instanceof ApiError) || fault.status === 0 || fault.status === 401 || fault.status === 429 || fault.status >= 500;

export class Marks {
  private readonly telling = new Map<string, string | null>();

  constructor(
    private readonly ground: Ground,
    private readonly listing: Listing,
  ) {}

  async read(room: string, upTo: string): Promise<void> {
    await this.listing.change(room, async (record, tx) => {
      if (record.read !== null && record.read > upTo) return;
      await markReadIn(tx, record, upTo, this.ground.me);
      record.unsent = true;
    });
    await this.say(room, upTo);
  }

  /** While one is on its way, only the last of those that follow is worth telling. */
  private async say(room: string, upTo: string): Promise<boolean> {
    if (this.telling.has(room)) {
      this.telling.set(room, upTo);
      return true;
    }
    let done = true;
    for (let mark: string | null = upTo; mark !== null; ) {
      this.telling.set(room, null);
      const told: string = mark;
      done = await api.post(`/api/v1/rooms/${room}/read`, { message_id: told }).then(
        () => true,
        (fault: unknown) => !comesAgain(fault),
      );
      mark = this.telling.get(room) ?? null;
      if (!done) break;
      if (mark === null) await this.sent(room, told).catch(() => {});
    }
    this.telling.delete(room);
    return done;
  }
  private sent(room: string, told: string): Promise<void> {
    return this.listing.change(room, (record) => {
      if (record.read === null || record.read <= told) delete record.unsent;
    });
  }

  /** What was read while the node could not be told: before its counts are asked for. */
  async sendUnsent(): Promise<void> {
    const rooms = await this.ground.db.read(['rooms'], (tx) => tx.all('rooms'));
    for (const { id, read, unsent } of rooms) if (unsent && read !== null && !(await this.say(id, read))) return;
  }
}
