// The call that stops an answer is there whatever else the node serves.
import { test } from "node:test";
import { randomUUID } from "node:crypto";
import { Node, problem } from "./lib/node.mjs";

for (const args of [[], ["--test-endpoints"]])
  test(`stopping what is not being generated: not found (${args.join(" ") || "no flags"})`, async () => {
    const node = await Node.start({ args });
    try {
      const anna = await node.register("anna");
      problem(await anna.call("POST", `/api/v1/messages/${randomUUID()}/stop`), 404, "not_found", /being generated/);
    } finally {
      await node.stop();
    }
  });
