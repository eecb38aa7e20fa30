// The API's description for people: the OpenAPI document as one page, made here, readable without scripts.
import type { JsonSchema, OpenApi, OperationObject } from '../openapi.ts';
import { html } from './html.ts';
import type { Html } from './html.ts';
import { findProblem, problemCodes } from './problem.ts';

type Entry = { method: string; path: string; operation: OperationObject };

export function docsPage(api: OpenApi): Html {
  const entries = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
  );
  return html`<h1>${api.info.title} API</h1>
    <p>${api.info.description}</p>
    <p>
      Also as <a href="/openapi.json">OpenAPI 3.1</a>. Base URL: <code>${api.servers[0]?.url}</code>
    </p>
    ${contents(api, entries)} ${credentials(api)}
    ${api.tags.map(({ name }) => section(name, entries))} ${problems()}`;
}

function contents(api: OpenApi, entries: Entry[]): Html {
  return html`<nav>
    <ul>
      ${api.tags.map(({ name }) => {
        const count = entries.filter(({ operation }) => operation.tags.includes(name)).length;
        return html`<li>
          <a href="#${anchor(name)}">${name}</a> <span class="quiet">${count}</span>
        </li>`;
      })}
      <li><a href="#problems">problems</a></li>
    </ul>
  </nav>`;
}

function credentials(api: OpenApi): Html {
  const rows = Object.entries(api.components.securitySchemes).map(
    ([name, scheme]) =>
      html`<tr>
        <th>${name}</th>
        <td><code>${'name' in scheme ? scheme.name : 'Authorization: Bearer'}</code></td>
        <td>${scheme.description}</td>
      </tr>`,
  );
  return html`<h2>Credentials</h2>
    <table>
      ${rows}
    </table>`;
}

function section(tag: string, entries: Entry[]): Html {
  const here = entries.filter(({ operation }) => operation.tags.includes(tag));
  return html`<h2 id="${anchor(tag)}">${tag}</h2>
    ${here.map(describe)}`;
}

function describe({ method, path, operation }: Entry): Html {
  const who = operation.security.map((one) => Object.keys(one)[0] ?? 'anyone').join(', ');
  const body = operation.requestBody?.content['application/json']?.schema;
  return html`<details id="${operation.operationId}">
    <summary>
      <span class="method">${method.toUpperCase()}</span> <code>${path}</code>
      <span class="quiet">${operation.summary}</span>
    </summary>
    <p class="quiet">For: ${who}</p>
    ${parameters(operation)}
    ${
      body
        ? html`<h4>Body</h4>
            ${fields(body)}`
        : null
    }
    ${answers(operation)}
  </details>`;
}

function parameters({ parameters: all }: OperationObject): Html | null {
  if (all.length === 0) return null;
  const rows = all.map(
    (one) =>
      html`<tr>
        <td><code>${one.name}</code></td>
        <td>${one.in}${one.required ? '' : ', optional'}</td>
        <td>${one.description ?? describeSchema(one.schema)}</td>
      </tr>`,
  );
  return html`<h4>Parameters</h4>
    <table>
      ${rows}
    </table>`;
}

function answers({ responses }: OperationObject): Html {
  const rows = Object.entries(responses).map(([status, { description, content }]) => {
    const schema = content?.['application/json']?.schema;
    return html`<tr>
      <td><code>${status}</code></td>
      <td>${description}${schema ? fields(schema) : null}</td>
    </tr>`;
  });
  return html`<h4>Answers</h4>
    <div class="scroll">
      <table>
        ${rows}
      </table>
    </div>`;
}

/** An object's fields, one row each; lists and objects within are told, not unfolded beyond two levels. */
function fields(schema: JsonSchema, depth = 0): Html {
  const properties = schema['properties'] as Record<string, JsonSchema> | undefined;
  const options = schema['anyOf'] as JsonSchema[] | undefined;
  if (options?.every((option) => option['properties'])) {
    return html`${options.map((option, index) => html`${index ? html`<p>or</p>` : null}${fields(option, depth)}`)}`;
  }
  if (!properties) return html`<p>${describeSchema(schema)}</p>`;
  const required = (schema['required'] as string[] | undefined) ?? [];
  const rows = Object.entries(properties).map(([name, property]) => {
    const inner = innerObject(property);
    return html`<tr>
      <td>
        <code>${name}</code
        >${required.includes(name) ? null : html` <span class="quiet">optional</span>`}
      </td>
      <td>${describeSchema(property)}${inner && depth < 2 ? fields(inner, depth + 1) : null}</td>
    </tr>`;
  });
  return html`<table>
    ${rows}
  </table>`;
}

/** The object a field holds, itself or as a list's items, also where it may be null. */
function innerObject(schema: JsonSchema): JsonSchema | null {
  if (schema['properties']) return schema;
  const options = (schema['anyOf'] ?? []) as JsonSchema[];
  const inside = [schema['items'] as JsonSchema | undefined, ...options];
  for (const one of inside) {
    const found = one && innerObject(one);
    if (found) return found;
  }
  return null;
}

/** A schema in a few words: type, choices, bounds, default. */
function describeSchema(schema: JsonSchema): string {
  const { description, enum: choices, default: fallback } = schema;
  const words = [
    Array.isArray(choices) ? choices.join(' | ') : typeOf(schema),
    boundsOf(schema),
    fallback === undefined ? null : `default ${JSON.stringify(fallback)}`,
    description,
  ];
  return words.filter((word) => typeof word === 'string' && word !== '').join('; ');
}

function boundsOf({
  pattern,
  minimum,
  maximum,
  minLength,
  maxLength,
  maxItems,
}: JsonSchema): string {
  const range = (least: unknown, most: unknown, unit: string) => {
    if (typeof most !== 'number') return typeof least === 'number' && !unit ? `from ${least}` : '';
    return `${typeof least === 'number' ? `${least} to ` : 'up to '}${most}${unit}`;
  };
  const isTelling = typeof pattern === 'string' && pattern !== '\\S' && pattern.length < 60;
  return [
    isTelling ? `matching ${pattern}` : '',
    range(minimum, maximum, ''),
    range(minLength, maxLength, ' characters'),
    range(undefined, maxItems, ' entries'),
  ]
    .filter(Boolean)
    .join(', ');
}

function typeOf(schema: JsonSchema): string {
  const options = (schema['anyOf'] ?? schema['oneOf']) as JsonSchema[] | undefined;
  if (options) return options.map((option) => describeSchema(option)).join(' or ');
  const { type, format, items } = schema;
  if (type === 'array') return `list of ${typeOf((items ?? {}) as JsonSchema)}`;
  if ('const' in schema) return JSON.stringify(schema['const']);
  const names = Array.isArray(type) ? type.join(' or ') : typeof type === 'string' ? type : 'any';
  return typeof format === 'string' ? `${names} (${format})` : names;
}

function problems(): Html {
  const rows = problemCodes.map((code) => {
    const problem = findProblem(code);
    return html`<tr>
      <td><code>${problem?.status}</code></td>
      <td>
        <a href="/problems/${code}"><code>${code}</code></a>
      </td>
      <td>${problem?.title}</td>
    </tr>`;
  });
  return html`<h2 id="problems">Problems</h2>
    <table>
      ${rows}
    </table>`;
}

function anchor(name: string): string {
  return `tag-${name.replace(/[^a-z]/g, '-')}`;
}
