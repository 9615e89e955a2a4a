export default {
  'kit.close': 'Закрыть',
  'kit.cancel': 'Отмена',
  'kit.show_password': 'Показать пароль',
  'kit.hide_password': 'Скрыть пароль',
};
