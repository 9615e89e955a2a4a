export default {
  'notify.in': '{who} · {room}',
};
