export default {
  'md.code': 'Код',
  'md.copy': 'Копировать',
  'md.copied': 'Скопировано',
  'md.table': 'Таблица',
  'md.formula': 'Формула',
  'md.done': 'Сделано',
  'md.todo': 'Не сделано',
  'md.everything': 'Показать целиком',
};
