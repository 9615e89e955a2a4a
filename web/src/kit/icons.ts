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
  'activity', 'archive', 'arrow-right', 'audio-lines', 'ban', 'bell', 'bot',
  'calendar', 'check-check', 'chevron-down', 'chevron-left', 'chevron-up', 'circle-check', 'circle-help', 'cloud-off', 'code', 'command', 'copy', 'crown',
  'database', 'door-open', 'download', 'external-link', 'eye', 'eye-off', 'file-text', 'flag', 'funnel', 'gauge', 'git-branch', 'globe', 'grip-vertical',
  'heart-pulse', 'history', 'house', 'inbox', 'info', 'key-round', 'keyboard',
  'languages', 'laptop', 'layout-list', 'link', 'list', 'list-checks', 'log-in', 'log-out',
  'mail', 'message-circle', 'message-square', 'message-square-plus', 'message-square-text', 'minus', 'monitor', 'moon', 'network', 'notebook-pen',
  'palette', 'pause', 'pencil', 'pin', 'play', 'plug', 'power', 'refresh-cw', 'rotate-cw',
  'save', 'server', 'share-2', 'shield', 'shield-alert', 'sliders-horizontal', 'smartphone', 'smile', 'square', 'sun', 'sun-moon',
  'text-quote', 'timer', 'trash-2', 'triangle-alert', 'undo-2', 'upload', 'user', 'user-minus', 'user-plus', 'user-x',
  'wand-sparkles', 'wifi', 'wifi-off', 'wrench', 'zap',
] as const;

export type IconName = (typeof first)[number] | (typeof later)[number];
