// The broadcaster most people would write: npm `ws`, one thread.
//   node peer_ws.mjs BYTES
// As bench/floor_epoll: path /<room>, each message to every member, padded to BYTES.
import { WebSocketServer } from "ws";

const bytes = Number(process.argv[2]);
const rooms = new Map();
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false, clientTracking: false });

server.on("connection", (socket, request) => {
  const name = request.url;
  if (!rooms.has(name)) rooms.set(name, new Set());
  const room = rooms.get(name);
  room.add(socket);
  socket.on("error", () => {});
  socket.on("close", () => room.delete(socket));
  socket.on("message", (data) => {
    const event = Buffer.alloc(bytes, " ");
    data.copy(event, 0, 0, Math.min(bytes, data.length));
    for (const member of room) member.send(event, { binary: false });
  });
});
server.on("listening", () => console.log(`url=http://127.0.0.1:${server.address().port}`));
