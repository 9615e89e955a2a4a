/** message/where: how far a text travels to be answered, in a word and a picture. */
import { t } from '@/app/i18n';
import type { IconName } from '@/kit/icons';

export interface Where {
  /** How far: 0 stays here, 1 leaves this machine, 2 leaves the house. */
  far: 0 | 1 | 2;
  icon: IconName;
  /** Of a model's answer: "this node", "cloud · api.example.com". */
  name: string;
}

/** Of a destination as the wire has it: `this_node`, `lan:<host>`, `cloud:<host>`, and what may come. */
export function whereOf(destination: string): Where {
  const colon = destination.indexOf(':');
  const kind = colon < 0 ? destination : destination.slice(0, colon);
  const host = colon < 0 ? '' : destination.slice(colon + 1);
  const named = (key: string) => (host ? `${t(key)} · ${host}` : t(key));
  switch (kind) {
    case 'this_node':
      return { far: 0, icon: 'hard-drive', name: t('message.where.here') };
    case 'own_node':
    case 'own_worker':
      return { far: 1, icon: 'server', name: named('message.where.own') };
    case 'lan':
      return { far: 1, icon: 'network', name: named('message.where.lan') };
    case 'cloud':
      return { far: 2, icon: 'cloud', name: named('message.where.cloud') };
    default:
      return { far: 2, icon: 'circle-help', name: host || t('message.where.unknown') };
  }
}
