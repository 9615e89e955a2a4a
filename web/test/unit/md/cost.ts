// What something costs this process, in ms: a busy machine makes it late, not dear.
export function work(go: () => unknown): number {
  const before = process.cpuUsage();
  go();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
