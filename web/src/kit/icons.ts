// kit/icons: every icon the client draws, by Lucide's names. build/icons.mjs reads this list: a few words a line, quoted.

export const names = [
  'activity', 'archive', 'arrow-down', 'arrow-left', 'arrow-right', 'arrow-up', 'at-sign', 'audio-lines',
  'ban', 'bell', 'bell-off', 'bot', 'brain',
  'calendar', 'check', 'check-check', 'chevron-down', 'chevron-left', 'chevron-right', 'chevron-up', 'chevrons-up-down', 'circle-alert', 'circle-check', 'circle-help', 'circle-stop', 'clock', 'cloud', 'cloud-off', 'code', 'command', 'compass', 'copy', 'corner-up-left', 'cpu', 'crown',
  'database', 'door-open', 'download',
  'ellipsis', 'external-link', 'eye', 'eye-off',
  'file-text', 'flag', 'funnel',
  'gauge', 'git-branch', 'globe', 'grip-vertical',
  'hard-drive', 'hash', 'heart-pulse', 'history', 'house',
  'inbox', 'info', 'key-round', 'keyboard',
  'languages', 'laptop', 'layout-list', 'link', 'list', 'list-checks', 'loader-circle', 'lock', 'log-in', 'log-out',
  'mail', 'message-circle', 'message-square', 'message-square-plus', 'message-square-text', 'minus', 'monitor', 'moon',
  'network', 'notebook-pen',
  'palette', 'panel-right', 'paperclip', 'pause', 'pencil', 'pin', 'play', 'plug', 'plus', 'power',
  'refresh-cw', 'reply', 'rotate-cw',
  'save', 'search', 'send', 'server', 'settings', 'share-2', 'shield', 'shield-alert', 'shield-check', 'sliders-horizontal', 'smartphone', 'smile', 'sparkles', 'square', 'square-pen', 'sun', 'sun-moon',
  'terminal', 'text-quote', 'timer', 'trash-2', 'triangle-alert',
  'undo-2', 'upload', 'user', 'user-minus', 'user-plus', 'user-x', 'users',
  'wand-sparkles', 'wifi', 'wifi-off', 'wrench',
  'x', 'zap',
] as const;

export type IconName = (typeof names)[number];
