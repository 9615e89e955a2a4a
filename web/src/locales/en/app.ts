export default {
  'app.name': 'NeuralChat',
  'app.today': 'Today',
  'app.yesterday': 'Yesterday',
  'app.retry': 'Try again',
  'app.reload': 'Load anew',
  'app.outdated': 'NeuralChat was updated meanwhile. Load the page anew to go on: what you have typed is kept.',
  'app.broken': 'Something went wrong here.',
  'app.not_found': 'There is nothing at this address.',
  'app.home': 'To the rooms',
  'app.unreachable': 'The node cannot be reached. Is there a network?',
  'app.timeout': 'The node did not answer in time. Try once more.',
  'app.failed': 'It did not work ({status}).',
};
