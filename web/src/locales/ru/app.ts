export default {
  'app.name': 'NeuralChat',
  'app.today': 'Сегодня',
  'app.yesterday': 'Вчера',
  'app.retry': 'Повторить',
  'app.reload': 'Перезагрузить',
  'app.outdated': 'NeuralChat тем временем обновился. Перезагрузите страницу — набранное сохранится.',
  'app.broken': 'Здесь что-то сломалось.',
  'app.not_found': 'По этому адресу ничего нет.',
  'app.home': 'К комнатам',
  'app.unreachable': 'Узел недоступен. Есть ли сеть?',
  'app.timeout': 'Узел не ответил вовремя. Попробуйте ещё раз.',
  'app.failed': 'Не получилось ({status}).',
};
