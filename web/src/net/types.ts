// Written by `npm run types` from docs/protocol.schema.json: change that.
/* eslint-disable */

/**
 * UUIDv7 (RFC 9562); a direct room's is UUIDv8
 */
export type Id = string;
/**
 * RFC 3339, UTC, milliseconds
 */
export type Time = string;
/**
 * Of UTC
 */
export type Day = string;
export type Username = string;
/**
 * <origin>:<origin_seq>, the same on every node and transport
 */
export type EventId = string;
/**
 * Where the same rooms are, this node first; empty: nowhere else
 */
export type Places = {
  name: string;
  url: string;
}[];
/**
 * Opaque: where in the log to go on
 */
export type Cursor = string;
export type Code =
  | 'bad_request'
  | 'invalid_json'
  | 'unauthorized'
  | 'forbidden'
  | 'not_found'
  | 'method_not_allowed'
  | 'timeout'
  | 'conflict'
  | 'too_large'
  | 'unsupported_type'
  | 'bad_range'
  | 'expectation_failed'
  | 'upgrade_required'
  | 'rate_limited'
  | 'head_too_large'
  | 'internal'
  | 'not_implemented'
  | 'busy'
  | 'unavailable'
  | 'bad_gateway'
  | 'gateway_timeout'
  | 'bad_version'
  | 'loop_detected';
export type Role = 'member' | 'moderator' | 'owner';
export type Scope = 'mqtt' | 'chat' | 'ai';
/**
 * Of models, per day (UTC)
 */
export type Cap = number;
/**
 * Why there is no answer, or no whole one, for programs; more may come
 */
export type Why =
  | 'length'
  | 'declined'
  | 'empty'
  | 'no_model'
  | 'unknown_model'
  | 'too_far'
  | 'provider_down'
  | 'provider_gone'
  | 'unreachable'
  | 'timeout'
  | 'busy'
  | 'server_failed'
  | 'refused'
  | 'too_long'
  | 'too_much'
  | 'provider_key'
  | 'loop'
  | 'only_moderators'
  | 'only_owners'
  | 'only_listed'
  | 'ai_off'
  | 'cap_key'
  | 'cap_user'
  | 'cap_room'
  | 'cap_persona'
  | 'cap_node'
  | 'rate_user'
  | 'rate_room'
  | 'queue_full'
  | 'persona_gone'
  | 'question_gone'
  | 'answer_gone'
  | 'history_unreadable'
  | 'node_stopped';
/**
 * No body
 */
export type Nothing = null;
/**
 * What live streams and polls carry
 */
export type ServerEvent =
  | MessageCreatedEvent
  | MessageUpdatedEvent
  | MessageDeletedEvent
  | MessageCompletedEvent
  | RoomCreatedEvent
  | RoomUpdatedEvent
  | RoomDeletedEvent
  | MemberJoinedEvent
  | MemberUpdatedEvent
  | MemberLeftEvent
  | ReadEvent
  | MessageDeltaEvent
  | TypingEvent
  | PresenceEvent
  | OnlineEvent
  | JobUpdatedEvent
  | ResyncEvent
  | CursorEvent
  | NoticeEvent;

/**
 * OpenAI's shape; with every status of 400 and above under /v1
 */
export interface OpenAiError {
  error: {
    message: string;
    type: string;
    param: string | null;
    code: string | null;
  };
}
export interface V1Model {
  /**
   * provider/model
   */
  id: string;
  object: 'model';
  created: number;
  owned_by: string;
  context_length?: number;
  destination: string;
}
/**
 * RFC 9457, application/problem+json; with every status of 400 and above
 */
export interface Problem {
  status: number;
  title: string;
  detail: string;
  code: Code;
}
/**
 * Where models are asked; never with its key
 */
export interface Provider {
  id: Id;
  name: string;
  kind: 'openai' | 'ollama' | 'anthropic';
  base_url: string;
  proxy?: string;
  model?: string;
  models: string[];
  is_default: boolean;
  timeout_s?: number;
  at_once?: number;
  per_model?: number;
  has_key: boolean;
  origin: 'made' | 'configured' | 'found';
  state: 'unknown' | 'up' | 'down';
  destination?: string;
  reason?: string;
  checked_at?: Time;
  created_at?: Time;
}
export interface Providers {
  providers: Provider[];
}
/**
 * What can be asked
 */
export interface Model {
  /**
   * provider/model
   */
  id: string;
  model: string;
  provider: string;
  kind: 'openai' | 'ollama' | 'anthropic';
  /**
   * Tokens
   */
  context?: number;
  /**
   * Of its weights
   */
  bytes?: number;
  destination?: string;
  state: 'unknown' | 'up' | 'down';
  is_default: boolean;
}
/**
 * Somebody, as others see them
 */
export interface User {
  id: Id;
  /**
   * Empty once the account is deleted
   */
  username: string;
  display_name: string;
  kind: 'user' | 'persona' | 'system';
}
/**
 * Oneself
 */
export interface Account {
  id: Id;
  username: Username;
  display_name: string;
  role: 'owner' | 'admin' | 'member';
  created_at: Time;
}
export interface Login {
  user: Account;
  access_token: string;
  /**
   * Absent when it came as a cookie
   */
  refresh_token?: string;
  expires_in: number;
  /**
   * Where the stream stands: what is asked for from now on holds all that came before it
   */
  cursor?: string;
}
export interface AccountSession {
  id: Id;
  device: string;
  address: string;
  created_at: Time;
  last_used_at?: Time;
  used_at?: Time;
  expires_at?: Time;
  current?: boolean;
}
export interface ApiKey {
  id: Id;
  name: string;
  scopes: Scope[];
  created_at: Time;
  last_used_at?: Time;
  expires_at?: Time;
  tokens_per_day?: Cap;
  requests_per_day?: Cap;
}
export interface NewApiKey {
  id: Id;
  name: string;
  scopes: Scope[];
  created_at: Time;
  last_used_at?: Time;
  expires_at?: Time;
  tokens_per_day?: Cap;
  requests_per_day?: Cap;
  /**
   * Shown this once
   */
  key: string;
}
export interface Invite {
  id: Id;
  code: string;
  url: string;
  room?: Id;
  uses_left: number;
  created_at: Time;
  expires_at: Time;
}
export interface Persona {
  id: Id;
  username: Username;
  display_name: string;
  aliases: string[];
  /**
   * Names of its own by which another, who had them first, is called
   */
  taken?: {
    name: string;
    by: Username;
  }[];
  /**
   * "provider/model", "model"; empty: the node's default
   */
  model: string;
  who_may_ask:
    | ('everyone' | 'moderators' | 'owners')
    | {
        users: Username[];
      };
  is_default: boolean;
  /**
   * This and what follows: admins only
   */
  system_prompt?: string;
  fallbacks?: string[];
  temperature?: number | null;
  max_tokens?: number | null;
  context?: {
    messages: number;
    tokens: number;
  };
}
/**
 * What a room says about AI
 */
export interface RoomAi {
  allowed: boolean;
  /**
   * The furthest a text may go
   */
  destination: 'this_node' | 'own_node' | 'own_worker' | 'lan' | 'cloud';
  call: 'name' | 'strict';
  persona_turns: number;
  /**
   * This and the following: of dialogs
   */
  model?: string;
  system_prompt?: string;
  temperature?: number;
  max_tokens?: number;
  /**
   * The name is a passing one
   */
  auto_title?: true;
  branched_from?: {
    room: Id;
    message: Id;
  };
}
/**
 * A room as events tell of it
 */
export interface RoomCore {
  id: Id;
  name: string;
  kind: 'room' | 'direct' | 'dialog';
  visibility: 'public' | 'private';
  topic: string;
  retention_days: number;
  created_at: Time;
  ai: RoomAi;
}
/**
 * A room as one reader sees it
 */
export interface Room {
  id: Id;
  name: string;
  kind: 'room' | 'direct' | 'dialog';
  visibility: 'public' | 'private';
  topic: string;
  retention_days: number;
  created_at: Time;
  ai: RoomAi;
  members_count: number;
  role: Role | null;
  members?: User[];
  /**
   * Where one room is answered
   */
  personas?: RoomPersona[];
}
/**
 * A persona of the room, with the model that it would ask now
 */
export interface RoomPersona {
  id: Id;
  username: Username;
  display_name: string;
  model: string;
  /**
   * Empty where there is none
   */
  destination: string;
  state: 'up' | 'down' | 'too_far' | 'missing';
}
/**
 * One of the caller's rooms
 */
export interface RoomEntry {
  id: Id;
  name: string;
  kind: 'room' | 'direct' | 'dialog';
  visibility: 'public' | 'private';
  topic: string;
  retention_days: number;
  created_at: Time;
  ai: RoomAi;
  members_count: number;
  role: Role | null;
  members?: User[];
  last_message: Message | null;
  unread: number;
  mentions: number;
  /**
   * The message marked read
   */
  read: Id | null;
}
export interface Message {
  id: Id;
  room: Id;
  sender: User;
  kind: 'text' | 'action' | 'notice';
  text: string;
  /**
   * To its sender alone
   */
  client_id?: string;
  reply_to?: Id;
  created_at: Time;
  edited_at?: Time;
  deleted?: true;
  late?: true;
  mentions: Username[];
  state: 'complete' | 'streaming' | 'stopped' | 'failed';
  /**
   * Of an answer that there are several of
   */
  alternatives?: {
    count: number;
    chosen: number;
  };
  ai?: Ai;
  /**
   * Why there is no answer, or no whole one, for programs; more may come
   */
  code?:
    | 'length'
    | 'declined'
    | 'empty'
    | 'no_model'
    | 'unknown_model'
    | 'too_far'
    | 'provider_down'
    | 'provider_gone'
    | 'unreachable'
    | 'timeout'
    | 'busy'
    | 'server_failed'
    | 'refused'
    | 'too_long'
    | 'too_much'
    | 'provider_key'
    | 'loop'
    | 'only_moderators'
    | 'only_owners'
    | 'only_listed'
    | 'ai_off'
    | 'cap_key'
    | 'cap_user'
    | 'cap_room'
    | 'cap_persona'
    | 'cap_node'
    | 'rate_user'
    | 'rate_room'
    | 'queue_full'
    | 'persona_gone'
    | 'question_gone'
    | 'answer_gone'
    | 'history_unreadable'
    | 'node_stopped';
}
/**
 * How a generated answer came about
 */
export interface Ai {
  model: string;
  provider: string;
  destination: string;
  parts?: AiPart[];
  prompt_tokens?: number;
  completion_tokens?: number;
  /**
   * The tokens are a guess
   */
  estimated?: true;
  omitted_messages?: number;
  reasoning_chars?: number;
  asked_by?: string;
  asked_message?: Id;
  job?: Id;
  /**
   * Why it failed, or was stopped by the node
   */
  reason?: string;
  code?: Why;
}
export interface AiPart {
  model: string;
  provider: string;
  destination: string;
  from: number;
  /**
   * Why it gave up
   */
  reason?: string;
  code?: Why;
}
export interface Member {
  id: Id;
  username: Username;
  display_name: string;
  kind: 'user' | 'persona' | 'system';
  role: Role;
  online: boolean;
}
/**
 * Somebody who is kept out of a room
 */
export interface Ban {
  id: Id;
  username: Username;
  display_name: string;
  kind: 'user' | 'persona' | 'system';
  banned_at: Time;
  until?: Time;
  by?: Id;
}
/**
 * A room as administrators see it: nothing of what is said there
 */
export interface AdminRoom {
  id: Id;
  name: string;
  kind: 'room' | 'direct' | 'dialog';
  visibility: 'public' | 'private';
  members_count: number;
  /**
   * Owners who can log in
   */
  owners_count: number;
  created_at: Time;
  deleted_at?: Time;
}
/**
 * A question on its way to an answer; a program's has no room, question and persona
 */
export interface Job {
  id: Id;
  state: 'queued' | 'running' | 'done' | 'stopped' | 'failed';
  /**
   * 1: the next one; while it waits
   */
  position?: number;
  waiting_ms?: number;
  room?: Id;
  question?: Id;
  message_id?: Id;
  persona?: string;
  /**
   * provider/model, empty while that is open
   */
  model: string;
  asked_by: string;
  created_at: Time;
  started_at?: Time;
  ended_at?: Time;
  reason?: string;
  code?: Why;
}
/**
 * A new dialog, and what was said in it
 */
export interface Branch {
  room: Room;
  message: Message;
}
/**
 * What a command answers
 */
export interface NoticeAnswer {
  notice: {
    text: string;
  };
}
export interface Jwk {
  kty: 'EC';
  crv: 'P-256';
  alg: 'ES256';
  use: 'sig';
  kid: string;
  x: string;
  y: string;
}
export interface Link {
  url: string;
  kind: 'mqtt';
  /**
   * The broker beside the node
   */
  own: boolean;
  state: 'down' | 'connecting' | 'up';
  since: Time;
  /**
   * What keeps it from being up
   */
  why?: string;
  reconnects: number;
  failures: number;
  /**
   * Messages that came
   */
  in: number;
  /**
   * Messages the broker took
   */
  out: number;
  bytes_in: number;
  bytes_out: number;
  /**
   * Messages the broker did not take
   */
  refused: number;
  /**
   * Messages it has not acknowledged
   */
  inflight: number;
  /**
   * Their bytes
   */
  queued_bytes: number;
  /**
   * How long the oldest of them has waited
   */
  lag_ms: number;
  /**
   * The last round trip measured
   */
  rtt_us?: number;
}
export interface Links {
  state: 'none' | 'up' | 'degraded' | 'down';
  links?: Link[];
  /**
   * Ways to other nodes; only in admin/links
   */
  routes?: Route[];
}
export interface Route {
  node: string;
  name: string;
  /**
   * dialled: an address that is tried and doesn't lead there
   */
  kind: 'lan' | 'wan' | 'relay' | 'broker' | 'dialled';
  /**
   * Its address; `via` or `from` and what these are, where there is one
   */
  where: string;
  /**
   * Of a relay: the name of the node that passes on
   */
  via?: string;
  /**
   * Of a socket that was let in: the address it came from
   */
  from?: string;
  state: 'up' | 'silent' | 'down';
  /**
   * What goes to the node goes by this one
   */
  best: boolean;
  since: Time;
  /**
   * What keeps it from being up
   */
  why?: string;
  /**
   * There and back, smoothed
   */
  rtt_us?: number;
  /**
   * Probes without an echo, of a million, smoothed
   */
  loss_ppm?: number;
  /**
   * Envelopes that came
   */
  in?: number;
  out?: number;
  bytes_in?: number;
  bytes_out?: number;
}
export interface MeshNode {
  id: string;
  name: string;
  key: string;
  urls: string[];
  brokers: string[];
  added_at?: Time;
  seen_at?: Time;
  clock_off_ms?: number;
  state?: 'here' | 'away' | 'unheard';
  version?: string;
  we_lack?: number | null;
  they_lack?: number | null;
  ways?: MeshWay[];
  waiting?: number;
  ahead?: number;
  ahead_until?: Time;
  refused?: string;
  fork?: MeshFork;
  last_error?: string;
  last_error_at?: Time;
}
export interface MeshWay {
  kind: 'broker' | 'lan' | 'wan' | 'relay';
  where: string;
  since: Time;
  best: boolean;
}
export interface MeshFork {
  origin: string;
  event: number;
  node: string;
}
export interface MeshFormer {
  id: string;
  events: number;
  we_lack: number;
  waiting: number;
  ahead: number;
  ahead_until?: Time;
  refused?: string;
  fork?: MeshFork;
}
export interface OwnBroker {
  state: 'starting' | 'up' | 'down';
  url?: string;
  reason?: string;
}
export interface AdminUser {
  id: Id;
  username: Username;
  display_name: string;
  role: 'owner' | 'admin' | 'member';
  created_at: Time;
  kind: 'user' | 'persona' | 'system';
  disabled: boolean;
}
export interface AuditEntry {
  at: Time;
  action: string;
  ok: boolean;
  who?: string;
  target?: string;
  address?: string;
  detail?: string;
}
export interface MessageCreatedEvent {
  type: 'message.created';
  event_id: EventId;
  cursor: Cursor;
  message: Message;
}
export interface MessageUpdatedEvent {
  type: 'message.updated';
  event_id: EventId;
  cursor: Cursor;
  message: Message;
}
export interface MessageDeletedEvent {
  type: 'message.deleted';
  event_id: EventId;
  cursor: Cursor;
  /**
   * Nobody deleted it: it is the same as another message, or a second answer to the same question. To be taken away without a trace
   */
  reason?: 'duplicate';
  /**
   * UUIDv7 (RFC 9562); a direct room's is UUIDv8
   */
  replaced_by?: string;
  message: Message;
}
export interface MessageCompletedEvent {
  type: 'message.completed';
  event_id: EventId;
  cursor: Cursor;
  message: Message;
}
export interface RoomCreatedEvent {
  type: 'room.created';
  event_id: EventId;
  cursor: Cursor;
  room: RoomCore;
}
export interface RoomUpdatedEvent {
  type: 'room.updated';
  event_id: EventId;
  cursor: Cursor;
  room: RoomCore;
}
export interface RoomDeletedEvent {
  type: 'room.deleted';
  event_id: EventId;
  cursor: Cursor;
  room: RoomCore;
}
export interface MemberJoinedEvent {
  type: 'member.joined';
  event_id: EventId;
  cursor: Cursor;
  room: Id;
  user: User;
  role: Role;
  by?: Id;
}
export interface MemberUpdatedEvent {
  type: 'member.updated';
  event_id: EventId;
  cursor: Cursor;
  room: Id;
  user: User;
  role: Role;
  by?: Id;
}
export interface MemberLeftEvent {
  type: 'member.left';
  event_id: EventId;
  cursor: Cursor;
  room: Id;
  user: User;
  reason: 'left' | 'kicked' | 'banned' | 'account_gone';
  by?: Id;
}
export interface ReadEvent {
  type: 'read';
  event_id: EventId;
  cursor: Cursor;
  room: Id;
  message_id: Id;
}
export interface MessageDeltaEvent {
  type: 'message.delta';
  room: Id;
  message_id: Id;
  run: number;
  n: number;
  at: number;
  channel: 'text' | 'reasoning';
  text: string;
  snapshot?: true;
}
export interface TypingEvent {
  type: 'typing';
  room: Id;
  user: User;
  typing: boolean;
}
export interface PresenceEvent {
  type: 'presence';
  room: Id;
  online: User[];
  offline: User[];
}
/**
 * Who is here, as a stream begins
 */
export interface OnlineEvent {
  type: 'online';
  users: User[];
  has_more: boolean;
}
/**
 * Where a question stands that waits
 */
export interface JobUpdatedEvent {
  type: 'job.updated';
  room: Id;
  job: Job;
}
export interface ResyncEvent {
  type: 'resync';
  cursor: Cursor;
}
/**
 * On quiet server-sent event streams
 */
export interface CursorEvent {
  type: 'cursor';
  cursor: Cursor;
}
/**
 * A command's answer (with ref and room), what concerns one's question in a room, or the node to its owners
 */
export interface NoticeEvent {
  type: 'notice';
  ref?: unknown;
  room?: Id;
  text: string;
  code?: Why;
  /**
   * Seconds after which it may be tried again
   */
  retry_after?: number;
}
export interface WelcomeFrame {
  type: 'welcome';
  user: User;
  cursor: Cursor;
  node: string;
  server_time: Time;
  nodes: Places;
}
export interface AckFrame {
  type: 'ack';
  ref?: unknown;
  message: Message | null;
}
export interface ErrorFrame {
  type: 'error';
  ref?: unknown;
  code: Code;
  detail: string;
}
export interface PongFrame {
  type: 'pong';
  ref?: unknown;
  cursor: Cursor;
  server_time: Time;
}
export interface ServerInfo {
  name: string;
  version: string;
  protocol: 1;
  node: string;
  registration: 'open' | 'invite' | 'closed';
  limits: {
    [k: string]: number;
  };
  features: string[];
}
/** A room as one reader sees it, asked for by itself: with its personas */
export type RoomInfo = Room;
