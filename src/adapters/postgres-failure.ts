// Tells "the database is away or too busy" from "the statement was wrong". The former is 503 and worth a
// retry, the latter a bug of ours. Decides nothing else.

/** Prisma's codes (prisma.io/docs, error reference), Node's, and SQLSTATEs (PostgreSQL manual, appendix A). */
const awayCodes = new Set([
  'P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028', 'P2034', 'P2037',
  'ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EPIPE', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOENT',
  '57P01', '57P02', '57P03', '57014', '53300', '53200', '53100', '40001', '40P01', '25P03', '55P03',
]); // prettier-ignore
const awayKinds = new Set([
  'DatabaseNotReachable',
  'SocketTimeout',
  'ConnectionClosed',
  'TooManyConnections',
]);
const awayMessages =
  /connection terminated|timeout exceeded when trying to connect|query read timeout|server closed the connection|client has encountered a connection error|Unable to start a transaction|Can't reach database/i;
const causesDeepest = 5;

/** Whether an error, or what caused it, says that PostgreSQL cannot answer now. */
export function isDatabaseAway(error: unknown, depth = 0): boolean {
  if (typeof error !== 'object' || error === null || depth > causesDeepest) return false;
  const { code, kind, originalCode, message, cause, errors } = error as Record<string, unknown>;
  if (isAwayCode(code) || isAwayCode(originalCode)) return true;
  if (typeof kind === 'string' && awayKinds.has(kind)) return true;
  if (typeof message === 'string' && awayMessages.test(message)) return true;
  // An AggregateError of one attempt per address (localhost is two).
  if (Array.isArray(errors) && errors.some((one) => isDatabaseAway(one, depth + 1))) return true;
  return isDatabaseAway(cause, depth + 1);
}

function isAwayCode(code: unknown): boolean {
  // SQLSTATE class 08 is "connection exception".
  return typeof code === 'string' && (awayCodes.has(code) || /^08[0-9A-Z]{3}$/.test(code));
}
