// Writes src/net/types.ts: the TypeScript of docs/protocol.schema.json, so that the client and the node cannot drift apart unseen.
import { readFile, writeFile } from 'node:fs/promises';
import { compile } from 'json-schema-to-typescript';

const schemaFile = new URL('../../docs/protocol.schema.json', import.meta.url);
const typesFile = new URL('../src/net/types.ts', import.meta.url);

const pascal = (words) => words.replace(/(^|[^A-Za-z0-9])([a-z0-9])/g, (_, _gap, letter) => letter.toUpperCase());

// Names that would say something else in a browser's code, or less than they should.
const renamed = { event: 'ServerEvent', key: 'ApiKey', new_key: 'NewApiKey', room_info: 'RoomCore', session: 'AccountSession', nothing: 'Nothing', v1_error: 'OpenAiError' };
const defName = (name) => renamed[name] ?? pascal(name);
const eventName = (type) => `${pascal(type)}Event`;
const frameName = (type) => `${pascal(type)}Frame`;

const schema = JSON.parse(await readFile(schemaFile, 'utf8'));
const definitions = {};
for (const [name, value] of Object.entries(schema.$defs)) definitions[defName(name)] = value;
for (const [type, value] of Object.entries(schema.events)) definitions[eventName(type)] = value;
for (const [type, value] of Object.entries(schema.frames)) definitions[frameName(type)] = value;

const withNewRefs = (value) => {
  if (Array.isArray(value)) return value.map(withNewRefs);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      // A list's bounds would become tuples of every length: the type says enough without them.
      .filter(([member]) => member !== 'minItems' && member !== 'maxItems')
      .map(([member, inner]) => [member, member === '$ref' ? newRef(inner) : withNewRefs(inner)]),
  );
};
const newRef = (ref) => {
  const [, part, name] = ref.split('/');
  const named = { $defs: defName, events: eventName, frames: frameName }[part];
  return `#/definitions/${named(name)}`;
};

definitions.ServerInfo = schema.calls['GET /api/v1/server']['200'];
const whole = { title: 'Wire', oneOf: Object.keys(definitions).map((name) => ({ $ref: `#/definitions/${name}` })), definitions: withNewRefs(definitions) };

const banner = '// Written by `npm run types` from docs/protocol.schema.json: change that.\n/* eslint-disable */';
const text = await compile(whole, 'Wire', {
  additionalProperties: false,
  bannerComment: banner,
  unreachableDefinitions: true,
  style: { singleQuote: true, printWidth: 140 },
});
const room = '/** A room as one reader sees it, asked for by itself: with its personas */\nexport type RoomInfo = Room;\n';
const written = text.replace(/export type Wire =[^;]*;\n/, '') + room;
if (!process.argv.includes('--check')) await writeFile(typesFile, written);
else if ((await readFile(typesFile, 'utf8')) !== written) {
  console.log('web/src/net/types.ts is not what docs/protocol.schema.json says: npm run types');
  process.exit(1);
}
