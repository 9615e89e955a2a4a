export default {
  'notify.in': '{who} in {room}',
};
