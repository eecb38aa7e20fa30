// A tiny client for our HTTP interface: one call, and everything that came back. Follows no redirects.
import { call } from '../../src/local/call.ts';

export type ApiAnswer = { status: number; headers: Headers; body: any };
export type ApiCall = { body?: unknown; token?: string; headers?: Record<string, string> };
export type Api = (method: string, path: string, call?: ApiCall) => Promise<ApiAnswer>;

/** The body is parsed where it is JSON, else it is the text. */
export function createApi(baseUrl: string): Api {
  return (method, path, options = {}) => call({ method, url: baseUrl + path, ...options });
}
