export default {
  'kit.close': 'Close',
  'kit.cancel': 'Cancel',
  'kit.show_password': 'Show the password',
  'kit.hide_password': 'Hide the password',
};
