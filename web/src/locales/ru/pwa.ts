export default {
  'pwa.update': 'Готова новая версия NeuralChat. То, что вы набираете, сохранится.',
  'pwa.reload': 'Обновить',
  'pwa.install': 'Установить как приложение',
};
