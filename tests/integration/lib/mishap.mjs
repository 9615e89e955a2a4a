// What befalls brokers, nodes and what lies between them: planned by chance alone, so that a seed is the same plan again,
// then done.
import { sleep } from "./node.mjs";

const HOWS = {
  "kill -9": 4, // it has what it saved last, if it did
  frozen: 2,
  stopped: 1, // it has all it had
  emptied: 3, // kill -9, and its disk is another: what it acknowledged is forgotten, the plugin's documents too
  "cut off": 2,
  "cut off from one": 3,
  flapping: 2, // connections break again and again, in the midst of a packet
};
const FAR = [null, null, { ms: 30, loss: 0.02, kbit: 8000 }, { ms: 120, loss: 0.1, kbit: 2000 }];

/** One broker, and what will be wrong with it. */
function trouble(random, broker, nodes, hows = HOWS) {
  const how = random.weighed(hows);
  return { broker, how, ...(how === "cut off from one" && { from: random.pick(nodes) }) };
}

/** Rounds in which any but one of the brokers are out of reach; then a while with none.  In each a node may be killed. */
export function plan(random, { nodes, brokers, rounds = 3 }) {
  const one = () => (random.chance(0.3) ? { kill: random.pick(nodes), before: random.chance(0.5) } : {});
  const all = { "kill -9": 2, emptied: 2, "cut off": 2, frozen: 1, stopped: 1 };
  return [
    ...Array.from({ length: rounds }, () => ({
      out: random.some(brokers, random.int(1, brokers.length - 1)).map((b) => trouble(random, b, nodes)),
      far: Object.fromEntries(brokers.map((b) => [b, random.pick(FAR)])),
      save: brokers.filter(() => random.chance(0.3)),
      ...one(),
      ms: random.int(200, 1500),
      rest: random.chance(0.5) ? random.int(0, 500) : 0,
    })),
    { out: random.some(brokers, brokers.length).map((b) => trouble(random, b, nodes, all)), far: {}, save: [], ...one(), ms: random.int(500, 3000), rest: 0, none: true },
  ];
}

/** As one line that a person reads. */
export function told(steps) {
  const far = (s) => Object.entries(s.far).flatMap(([b, f]) => (f ? [`${b} ${f.ms} ms away`] : []));
  const out = (s) => s.out.map(({ broker, how, from = "" }) => `${broker} ${how}${from && ` (${from})`}`);
  const kill = (s) => (s.kill ? [`${s.kill} killed, back ${s.before ? "before" : "after"} them`] : []);
  return steps.map((s) => [...s.save.map((b) => `${b} saves`), ...far(s), ...out(s), ...kill(s), `${s.ms} ms`].join(", ")).join("; ");
}

/** The broker is out of reach from now on; gives what brings it back. */
async function down(mesh, { broker: name, how, from }) {
  const broker = mesh.brokers.get(name);
  const nodes = from ? [from] : [...mesh.nodes.keys()];
  const cut = () => nodes.forEach((node) => mesh.net.cut(node, name));
  const heal = () => nodes.forEach((node) => mesh.net.heal(node, name));
  switch (how) {
    case "kill -9":
      await broker.kill();
      return () => broker.boot();
    case "emptied":
      await broker.kill();
      return () => (broker.forget(), broker.boot());
    case "stopped":
      await broker.stop({ keep: true });
      return () => broker.boot();
    case "frozen":
      broker.freeze();
      return async () => broker.thaw();
    case "flapping": {
      let going = true;
      const flaps = (async () => {
        for (let i = 0; going; i++) {
          if (mesh.net.snap) mesh.net.snap(name);
          else i % 2 ? heal() : cut();
          await sleep(80);
        }
      })();
      return async () => {
        going = false;
        await flaps;
        heal();
      };
    }
    default:
      cut();
      return async () => heal();
  }
}

/** One round of a plan.  noneMs: how long there is no broker, where that is not as planned. */
export async function befall(mesh, step, noneMs) {
  for (const name of step.save) await mesh.brokers.get(name).save();
  for (const [name, far] of Object.entries(step.far)) mesh.net.slow(name, far);
  const back = [];
  for (const one of step.out) back.push(await down(mesh, one));
  if (step.kill) await mesh.kill(step.kill);
  await sleep((step.none && noneMs) || step.ms);
  if (step.kill && step.before) await mesh.boot(step.kill);
  for (const up of back) await up();
  if (step.kill && !step.before) await mesh.boot(step.kill);
  for (const name of Object.keys(step.far)) mesh.net.slow(name, null);
  await sleep(step.rest);
}
