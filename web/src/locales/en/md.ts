export default {
  'md.code': 'Code',
  'md.copy': 'Copy',
  'md.copied': 'Copied',
  'md.table': 'Table',
  'md.formula': 'Formula',
  'md.done': 'Done',
  'md.todo': 'Not done',
  'md.everything': 'Show everything',
};
