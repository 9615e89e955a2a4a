// The model whose answers are watched: an OpenAI-compatible server that sends a known text by the clock.
import http from "node:http";
import { once } from "node:events";

const TOKEN = 4; // characters; about what tokenizers make of such texts
const data = (delta, more = {}) => `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", model: "bench", choices: [{ index: 0, delta, finish_reason: null, ...more }] })}\n\n`;

const SECTION = `## What the log says

The node answers **every** request, but the third one waits: \`store_commit\` holds the lock while the disk syncs. Two things
follow from that, and both can be seen in the [history](https://example.org/history) of the file:

1. readers are not blocked, they see the snapshot *before* the commit;
2. a writer that comes meanwhile queues behind it, with what it has in memory;
   - at most 1,000 messages are taken into one commit,
   - and none waits longer than 5 ms.

\`\`\`python
def drain(queue, limit=1000):
    """Take what waits, oldest first."""
    batch = []
    while queue and len(batch) < limit:
        message = queue.popleft()
        if message.expired:  # nobody waits for it any more
            continue
        batch.append(message)
    return batch
\`\`\`

| senders | messages/s | p50, ms | p99, ms |
| --- | ---: | ---: | ---: |
| 1 | 2,770 | 0.26 | 2.3 |
| 64 | 14,200 | 3.0 | 24 |
| 1,000 | 26,300 | 35 | 60 |

> A commit that nobody waits for can wait itself.

Так же и по-русски: очередь разбирается по порядку, подтверждение приходит после записи на диск, и ни одно сообщение не
теряется, даже если питание пропало между двумя строками. Проверить это просто: остановите узел посреди потока и сравните,
что подтверждено, с тем, что сохранено.

- [x] the order of a room holds
- [ ] the order *between* rooms is nobody's promise

`;

/** At least so many bytes, of whole sections. */
export const answerOf = (bytes) => SECTION.repeat(Math.ceil(bytes / Buffer.byteLength(SECTION)));

/** {url, play({text, rate}), stop}: `play` has the next question answered; .first, .last resolve as its tokens go out. */
export async function startModel() {
  let next;
  const server = http.createServer(async (request, response) => {
    if (request.url.endsWith("/models")) return void response.setHeader("content-type", "application/json").end(JSON.stringify({ object: "list", data: [{ id: "bench", object: "model" }] }));
    request.resume();
    await once(request, "end");
    response.writeHead(200, { "content-type": "text/event-stream" });
    const answer = next ?? { text: "Yes.", rate: 200 };
    next = undefined;
    const begun = Date.now(), all = Math.ceil(answer.text.length / TOKEN);
    for (let sent = 0; sent < all && !response.destroyed; await new Promise((done) => setTimeout(done, 5))) {
      const due = Math.min(all, Math.floor(((Date.now() - begun) * answer.rate) / 1000) + 1);
      for (; sent < due; sent++) response.write(data({ content: answer.text.slice(sent * TOKEN, (sent + 1) * TOKEN) }));
      answer.began?.();
    }
    answer.ended?.();
    response.end(`${data({}, { finish_reason: "stop" })}data: [DONE]\n\n`);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    play(answer) {
      next = { ...answer };
      const first = new Promise((done) => (next.began = done)), last = new Promise((done) => (next.ended = done));
      return { first, last };
    },
    stop: () => (server.closeAllConnections(), new Promise((done) => server.close(done))),
  };
}
