// What anybody may read: life, readiness, metrics, the description of the API, the pages of problems.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { routes } from '../../src/http/app.ts';
import { denials } from '../../src/domain/denial.ts';
import { errorStatus } from '../../src/domain/error.ts';
import { html } from '../../src/http/pages/html.ts';
import { configurationJsonSchema } from '../../src/http/schema/configuration-json.ts';
import { startHttpTest } from '../support/http.ts';
import type { HttpTest } from '../support/http.ts';

let http: HttpTest;
beforeAll(async () => {
  http = await startHttpTest();
});
afterAll(() => http.close());

describe('health', () => {
  test('200: /healthz says that the process lives', async () => {
    expect((await http.anyone('GET', '/healthz')).body).toEqual({ status: 'alive' });
  });

  test('200: /readyz says what it can reach and that nothing is degraded', async () => {
    const { status, body } = await http.anyone('GET', '/readyz');
    expect(status).toBe(200);
    expect(body).toMatchObject({ status: 'ready', degraded: false, database: 'reachable' });
  });

  test('200: /metrics speaks Prometheus and names the instruments', async () => {
    const { body, headers } = await http.anyone('GET', '/metrics');
    expect(headers.get('content-type')).toContain('text/plain');
    for (const name of [
      'tollgate_checks_total',
      'tollgate_check_duration_seconds',
      'tollgate_webhook_lag_seconds',
      'tollgate_job_runs_total',
      'tollgate_facts_age_seconds',
      'process_resident_memory_bytes',
    ]) {
      expect(body).toContain(name);
    }
  });
});

describe('the description', () => {
  test('200: /tollgate.schema.json is the JSON Schema of the file that the configuration is kept in', async () => {
    const { status, body } = await http.anyone('GET', '/tollgate.schema.json');
    expect([status, body]).toEqual([200, configurationJsonSchema()]);
  });

  test('200: /openapi.json is OpenAPI 3.1 and names every route there is', async () => {
    const { status, body } = await http.anyone('GET', '/openapi.json');
    expect(status).toBe(200);
    expect(body.openapi).toBe('3.1.0');
    for (const { method, path } of routes) {
      const template = path.replace(/:(\w+)/g, '{$1}');
      expect(body.paths[template]?.[method.toLowerCase()]).toBeDefined();
    }
  });

  test('each operation has an id of its own, and a body where it takes one', async () => {
    const { body } = await http.anyone('GET', '/openapi.json');
    const operations: any[] = Object.values(body.paths).flatMap((path: any) => Object.values(path));
    const ids = operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(body.paths['/plans'].post.requestBody.content['application/json'].schema).toMatchObject({
      type: 'object',
      additionalProperties: false,
      required: ['key', 'name'],
    });
  });

  test('200: /docs is one page that needs no script and nothing from elsewhere', async () => {
    const { status, body, headers } = await http.anyone('GET', '/docs');
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(headers.get('content-security-policy')).toContain(
      "default-src 'none'; style-src 'sha256-",
    );
    expect(body).toContain('/route-policies/{id}');
    expect(body).not.toMatch(/<script|src=|url\(|@import/i);
  });
});

describe('pages', () => {
  test('let their own style through the policy they send, and nothing else', async () => {
    for (const path of ['/docs', '/problems/quota_exhausted', '/a/nothing']) {
      const { body, headers } = await http.anyone('GET', path);
      const style = /<style>([^]*)<\/style>/.exec(body)![1]!;
      const hash = createHash('sha256').update(style).digest('base64');
      expect(headers.get('content-security-policy')).toContain(`style-src 'sha256-${hash}'`);
      expect(body).not.toMatch(/<script|style="/);
    }
  });
});

describe('problems', () => {
  const codes = [...new Set([...Object.keys(errorStatus), ...Object.keys(denials)])];

  test.each(codes)('200: %s has a page for people', async (code) => {
    const { status, body } = await http.anyone('GET', `/problems/${code}`);
    expect(status).toBe(200);
    expect(body).toContain('What to do');
    expect(body).toContain(code);
  });

  test.each(['nonsense', 'toString', '__proto__', 'constructor', '%3Cscript%3E'])(
    '404: there is no problem %s',
    async (code) => {
      expect((await http.anyone('GET', `/problems/${code}`)).status).toBe(404);
    },
  );
});

describe('html', () => {
  test('escapes every value that is not HTML itself', () => {
    const evil = `<img src=x onerror="alert('1')">&`;
    expect(html`<p title="${evil}">${html`<b>${evil}</b>`}</p>`.html).toBe(
      '<p title="&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;"><b>&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;</b></p>',
    );
  });
});
