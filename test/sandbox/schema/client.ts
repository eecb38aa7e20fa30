// An HTTP client for the SDK that judges every answer on its way; what it finds is kept for the
// stand to fail on when it closes.
import Stripe from 'stripe';
import type { Checker, Json } from './check.ts';

export type Judge = {
  problems: Set<string>;
  /** Every call that was answered with success, and every type of event. */
  seen: Set<string>;
  answer: (method: string, path: string, status: number, body: unknown) => void;
  event: (event: Json) => void;
};

/** Collects what is wrong with answers and events; each problem once. */
export const createJudge = (checker: Checker): Judge => {
  const problems = new Set<string>();
  const seen = new Set<string>();
  const note = (found: string[]): void => {
    for (const problem of found) problems.add(withoutIds(problem));
  };
  return {
    problems,
    seen,
    answer: (method, path, status, body) => {
      if (status < 300) seen.add(`${method} ${path.split('?')[0]!}`);
      note(checker.answer(method, path.split('?')[0]!, status, body));
    },
    event: (event) => {
      seen.add(String(event['type']));
      note(checker.event(event));
    },
  };
};

const withoutIds = (problem: string): string =>
  problem.replaceAll(/\/[a-z_]+_[A-Za-z0-9]{6,}/g, '/*').replaceAll(/\[\d+\]/g, '[]');

/** The SDK's own client, its answers judged before the SDK reads them. */
export const judgedClient = (judge: Judge) => {
  const client = Stripe.createNodeHttpClient();
  const make = client.makeRequest.bind(client);
  client.makeRequest = async (...call) => {
    const response = await make(...call);
    const toJSON = response.toJSON.bind(response);
    const [, , path, method] = call;
    response.toJSON = async () => {
      const body = await toJSON();
      judge.answer(method, path, response.getStatusCode(), body);
      return body;
    };
    return response;
  };
  return client;
};
