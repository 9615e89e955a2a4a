// What a transport promises, whichever it is: events in the log's order, and one word when it is over.
import type { AckFrame, ErrorFrame, NoticeEvent, PongFrame, ServerEvent, WelcomeFrame } from './types';

export type Frame = ServerEvent | WelcomeFrame | AckFrame | ErrorFrame | PongFrame;
export type Transport = 'ws' | 'sse' | 'poll';

/** Why a link ended. `refused`: it never stood, which may mean that something on the way does not let it through. */
export type End = 'closed' | 'refused' | 'silent' | 'unauthorized' | 'restart' | 'too_many';

export interface LinkEvents {
  /** It stands; `cursor` is where it goes on from. Once. */
  open(cursor: string | null): void;
  /** `cursor`: everything up to there has come, where the transport says so by itself. */
  events(events: ServerEvent[], cursor?: string): void;
  /** It is over. Once, and nothing comes after it. */
  end(why: End): void;
}

export interface SendFrame {
  type: 'send';
  room: string;
  text: string;
  client_id: string;
  reply_to?: string;
}
export type Answer = AckFrame | ErrorFrame | NoticeEvent;

export interface Link {
  readonly transport: Transport;
  /** Only where frames can be sent: the answer to one. Rejects when the link ends first. */
  send?(frame: SendFrame): Promise<Answer>;
  renew?(token: string): void;
  /** Are you there? Ends the link as silent if nothing comes in time. */
  probe(): void;
  close(): void;
}

export interface LinkOptions {
  token: string;
  since: string | null;
}
export type OpenLink = (options: LinkOptions, on: LinkEvents) => Link;
