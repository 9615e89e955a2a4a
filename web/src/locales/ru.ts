// What the first screens say. Screens that are opened later bring their words with them: see app/i18n.ts.
import type { Words } from '../app/i18n';

const files = import.meta.glob<Words>(['./ru/*.ts', '!./ru/{admin,browse,create,details,login,palette,search,settings,shortcut,status,welcome,why}.ts'], { eager: true, import: 'default' });

export default Object.assign({}, ...Object.values(files)) as Words;
