export default {
  'pwa.update': 'A new version of NeuralChat is ready. What you are typing stays.',
  'pwa.reload': 'Update',
  'pwa.install': 'Install as an app',
};
