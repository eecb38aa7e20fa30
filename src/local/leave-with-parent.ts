// Loaded into each child of `npm start` before its own code: when the parent is gone, however it went, the
// child leaves in its usual orderly way, and within a bound in any case.
const leaveWithinMs = 12_000;

process.on('disconnect', () => {
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), leaveWithinMs).unref();
  process.kill(process.pid, 'SIGTERM');
});
// Waiting for that must not be what keeps the child alive.
process.channel?.unref();
