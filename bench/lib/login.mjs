// What the plugin adds to somebody's coming in at a broker, and to each question about a topic.
import { program, tool } from "./servers.mjs";
import { fmt, target } from "./table.mjs";

export async function login() {
  const [r] = await tool([program("login"), "1000"], { cpu: 0 });
  console.log(`\nThe broker's plugin, ${fmt(r.users)} people: a token seen for the first time ${fmt(r.first_ns / 1000, 1)} µs, of which its signature is ${fmt(r.signature_ns / 1000, 1)};
one seen before ${fmt(r.again_ns / 1000, 2)} µs; whether somebody may read a topic ${fmt(r.topic_ns / 1000, 2)} µs.`);
  target(14, "a token at the plugin, first, µs", r.first_ns / 1000, 100, { digits: 1 });
  target(14, "a token at the plugin, seen before, µs", r.again_ns / 1000, 2);
  return r;
}
