// Posts one event to one endpoint, signed after the Standard Webhooks specification. Meets only addresses that may
// be met: checked on what the name resolves to in the very moment of connecting, so that no second answer of a
// name server leads elsewhere. Follows no redirect, reads a bounded answer, waits a bounded time.
import { lookup } from 'node:dns';
import type { LookupAddress } from 'node:dns';
import { request as requestHttp } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { BlockList, isIP } from 'node:net';
import type { LookupFunction } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { describeUrlFault } from '../domain/webhook-endpoint.ts';

export type WebhookMessage = {
  url: string;
  /** The same for every attempt, so that a receiver knows it again. */
  id: string;
  body: string;
  /** `whsec_…`, all that are valid: each signs. */
  secrets: string[];
};
export type WebhookSender = ReturnType<typeof createWebhookSender>;

const answerWithinMs = 15_000;
const answerBytesMax = 64 * 1024;

/** Special-purpose addresses: IANA's registries for IPv4 and IPv6. Addresses mapped to IPv4 are checked as such. */
const privateAddresses = new BlockList();
for (const [address, prefix] of [
  ['0.0.0.0', 8], ['10.0.0.0', 8], ['100.64.0.0', 10], ['127.0.0.0', 8], ['169.254.0.0', 16], ['172.16.0.0', 12],
  ['192.0.0.0', 24], ['192.0.2.0', 24], ['192.88.99.0', 24], ['192.168.0.0', 16], ['198.18.0.0', 15], ['198.51.100.0', 24],
  ['203.0.113.0', 24], ['224.0.0.0', 4], ['240.0.0.0', 4],
] as const) privateAddresses.addSubnet(address, prefix, 'ipv4'); // prettier-ignore
for (const [address, prefix] of [
  ['::', 96], ['64:ff9b::', 96], ['64:ff9b:1::', 48], ['100::', 64], ['2001::', 23], ['2001:db8::', 32], ['2002::', 16],
  ['3fff::', 20], ['5f00::', 16], ['fc00::', 7], ['fe80::', 10], ['fec0::', 10], ['ff00::', 8],
] as const) privateAddresses.addSubnet(address, prefix, 'ipv6'); // prettier-ignore

/** Whether an IP address leads into this machine, its network, or nowhere. */
export function isPrivateAddress(address: string): boolean {
  return privateAddresses.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

/** `allowPrivate`: also to this machine and its network, and over plain http. */
export function createWebhookSender({ allowPrivate }: { allowPrivate: boolean }) {
  return {
    /** The status that came back, whatever it is. Throws where none came, or where nothing may be sent. */
    async send(message: WebhookMessage): Promise<number> {
      const fault = describeUrlFault(message.url, allowPrivate);
      if (fault) throw new Error(`the address ${fault}`);
      const url = new URL(message.url);
      const host = url.hostname.replace(/^\[|\]$/g, '');
      // An address needs no look-up, so it would never meet the check there.
      if (!allowPrivate && isIP(host) && isPrivateAddress(host)) throw refusal(host);
      const answer = await post(url, signed(message), allowPrivate ? undefined : lookUpPublic);
      await drain(answer);
      return answer.statusCode ?? 0;
    },
  };
}

type Signed = { headers: Record<string, string | number>; body: string };

function signed({ id, body, secrets }: WebhookMessage): Signed {
  const now = new Date();
  return {
    body,
    headers: {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
      'User-Agent': 'Tollgate-Webhooks',
      'Webhook-Id': id,
      'Webhook-Timestamp': Math.floor(now.getTime() / 1000),
      'Webhook-Signature': secrets
        .map((secret) => new Webhook(secret).sign(id, now, body))
        .join(' '),
    },
  };
}

function post(
  url: URL,
  { headers, body }: Signed,
  look?: LookupFunction,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = url.protocol === 'https:' ? requestHttps : requestHttp;
    const outgoing = request(url, {
      method: 'POST',
      headers,
      agent: false,
      signal: AbortSignal.timeout(answerWithinMs),
      maxHeaderSize: answerBytesMax,
      ...(look ? { lookup: look } : {}),
    });
    outgoing.on('response', resolve);
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** Only the status counts; who answers without end is cut off. */
function drain(answer: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    let bytes = 0;
    answer.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > answerBytesMax) answer.destroy();
    });
    answer.on('close', resolve);
    answer.on('error', () => resolve());
  });
}

/** Node connects to what this answers and to nothing else. One address that is private is one too many. */
const lookUpPublic: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, found) => {
    const addresses = found as LookupAddress[] | undefined;
    const bad = addresses?.find(({ address }) => isPrivateAddress(address));
    const first = addresses?.[0];
    if (error) callback(error, '', 0);
    else if (bad ?? !first) callback(refusal(hostname), '', 0);
    else if (options.all) callback(null, addresses);
    else callback(null, first.address, first.family);
  });
};

function refusal(host: string): Error {
  return new Error(`${host} is a private address (WEBHOOK_ALLOW_PRIVATE)`);
}
