// A plain Mosquitto that loads our plugin, in builds with sanitizers, too.
import { spawnSync } from "node:child_process";
import { kind } from "./node.mjs";

/** What a Mosquitto, or the node that starts one, needs in its environment: the sanitizer of our plugin comes first.  What
 * Mosquitto itself never frees is not ours to count. */
export function brokerEnv() {
  if (kind !== "asan" && kind !== "tsan") return {};
  const library = spawnSync("gcc", [`-print-file-name=lib${kind}.so`], { encoding: "utf8" }).stdout.trim();
  const options = `${kind.toUpperCase()}_OPTIONS`;
  return { LD_PRELOAD: library, ...(kind === "asan" && { [options]: `${process.env[options] ?? ""}:detect_leaks=0` }) };
}
