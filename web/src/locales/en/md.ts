export default {
  'md.code': 'Code',
  'md.copy': 'Copy',
  'md.copied': 'Copied',
  'md.table': 'Table',
  'md.done': 'Done',
  'md.todo': 'Not done',
  'md.everything': 'Show everything',
};
