export default {
  'welcome.good_night': 'Не спится, {name}?',
  'welcome.good_morning': 'Доброе утро, {name}',
  'welcome.good_day': 'Добрый день, {name}',
  'welcome.good_evening': 'Добрый вечер, {name}',
  'welcome.pick': 'Выберите комнату слева или начните что-нибудь новое.',
  'welcome.rooms_wait': { one: 'Новости в {count} комнате.', few: 'Новости в {count} комнатах.', many: 'Новости в {count} комнатах.', other: 'Новости в {count} комнаты.' },
  'welcome.talk_to': 'Поговорить: {name}',
  'welcome.talk_to_hint': 'Спрашивайте о чём угодно, наедине.',
  'welcome.browse_hint': 'Посмотрите, о чём здесь говорят, и присоединяйтесь.',
};
