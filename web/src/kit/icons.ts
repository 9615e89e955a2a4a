// kit/icons: every icon the client draws, by Lucide's names, in two lists: build/icons.mjs reads both.

/** Drawn as soon as a room is: these come with the first load. */
export const first = [
  'arrow-down', 'arrow-left', 'arrow-up', 'at-sign', 'bell-off', 'brain',
  'check', 'chevron-right', 'chevrons-up-down', 'circle-alert', 'circle-stop', 'clock', 'cloud', 'compass', 'corner-up-left', 'cpu', 'ellipsis',
  'hard-drive', 'hash', 'loader-circle', 'lock', 'panel-right', 'paperclip', 'plus', 'reply',
  'search', 'send', 'settings', 'shield-check', 'sparkles', 'square-pen', 'terminal', 'users', 'x',
] as const;

/** In menus, dialogs and screens that are opened later: these come together when the first of them is drawn. */
export const later = [
  'activity', 'ban', 'bell',
  'check-check', 'chevron-left', 'circle-check', 'circle-help', 'cloud-off', 'code', 'command', 'copy',
  'door-open', 'download', 'eye', 'eye-off', 'file-text', 'gauge', 'git-branch', 'globe',
  'heart-pulse', 'history', 'inbox', 'info', 'key-round', 'keyboard',
  'languages', 'laptop', 'link', 'list', 'list-checks', 'log-out',
  'message-circle', 'message-square-plus', 'message-square-text', 'minus', 'monitor', 'moon', 'network',
  'palette', 'pencil', 'plug', 'refresh-cw', 'rotate-cw',
  'save', 'server', 'shield', 'shield-alert', 'smartphone', 'sun',
  'trash-2', 'triangle-alert', 'undo-2', 'user', 'user-minus', 'user-plus', 'user-x',
  'wifi', 'wifi-off',
] as const;

export type IconName = (typeof first)[number] | (typeof later)[number];
