export default {
  'welcome.good_night': 'Still up, {name}?',
  'welcome.good_morning': 'Good morning, {name}',
  'welcome.good_day': 'Good afternoon, {name}',
  'welcome.good_evening': 'Good evening, {name}',
  'welcome.pick': 'Choose a room on the left, or begin something new.',
  'welcome.rooms_wait': { one: 'There is news in {count} room.', other: 'There is news in {count} rooms.' },
  'welcome.talk_to': 'Talk to {name}',
  'welcome.talk_to_hint': 'Ask anything, just the two of you.',
  'welcome.browse_hint': 'See what people here talk about, and join.',
};
