// Sends one mail over SMTP. Bounded in time; the same mail sent twice carries the same Message-ID, so that
// mailboxes can tell. Keeps nothing and decides nothing about another attempt but whether it can help.
import { createTransport } from 'nodemailer';

export type OutgoingMail = {
  /** Becomes the Message-ID. */
  id: string;
  to: string;
  subject: string;
  text: string;
  html: string;
};
export type Mailer = ReturnType<typeof createMailer>;

const connectWithinMs = 10_000;
const silentAfterMs = 20_000;

/** `url`: `smtp://user:password@host:587` or `smtps://…`; `from`: `Name <address>` or an address. */
export function createMailer({ url, from }: { url: string; from: string }) {
  const transport = createTransport(
    {
      url,
      pool: true,
      maxConnections: 2,
      connectionTimeout: connectWithinMs,
      greetingTimeout: connectWithinMs,
      socketTimeout: silentAfterMs,
      dnsTimeout: connectWithinMs,
      disableFileAccess: true,
      disableUrlAccess: true,
    } as Parameters<typeof createTransport>[0],
    { from },
  );
  const domain = /@([^\s>]+)/.exec(from)?.[1] ?? 'localhost';
  return {
    /** Resolves once the server has taken it over. */
    async send({ id, ...mail }: OutgoingMail): Promise<void> {
      await transport.sendMail({
        ...mail,
        messageId: `<${id}@${domain}>`,
        // RFC 3834: nobody's holiday notice should answer.
        headers: { 'Auto-Submitted': 'auto-generated' },
      });
    },
    close: () => transport.close(),
  };
}

/** The server refused this mail or its address for good: the same again would be refused again. */
export function isRefusedForGood(error: unknown): boolean {
  const { code, responseCode } = (error ?? {}) as { code?: string; responseCode?: number };
  const isAboutMail = code === 'EENVELOPE' || code === 'EMESSAGE';
  return isAboutMail && (responseCode === undefined || responseCode >= 500);
}

/** The display name in `Name <address>`, else the address. */
export function senderName(from: string): string {
  return /^\s*"?([^"<]*[^"<\s])"?\s*</.exec(from)?.[1] ?? from;
}
