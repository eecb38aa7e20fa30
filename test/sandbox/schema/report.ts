// What the sandbox takes and what it lacks, as the types of the installed SDK see it: the text of
// docs/sandbox-parameters.md, written by scripts/sandbox-parameters.ts and checked by a test.
import { endpoints } from '../../../src/sandbox/routes/table.ts';
import { loadCatalog } from './catalog.ts';
import { compareParams } from './params.ts';

export type ParametersReport = { unknown: string[]; text: string };

const anything = ' takes anything';
const codes = (names: string[]): string => names.map((name) => `\`${name}\``).join(', ');

export const reportParameters = async (): Promise<ParametersReport> => {
  const { operations, definitions } = await loadCatalog();
  const pathOf = (path: string): string => path.replaceAll(/:\w+/g, '*');
  const compared = endpoints
    .map(({ method, path, schema }) => {
      const theirs = operations.find((one) => one.method === method && one.path === pathOf(path));
      const name = `${method} ${pathOf(path)}`;
      return { name, ...compareParams(schema, theirs?.params ?? null, definitions) };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const ours = new Set(endpoints.map(({ method, path }) => `${method} ${pathOf(path)}`));
  const families = new Set(endpoints.map(({ path }) => familyOf(path)));
  families.delete('accounts');
  const missing = operations
    .filter(({ path }) => families.has(familyOf(path)))
    .map(({ method, path }) => `${method} ${path}`)
    .filter((name) => !ours.has(name))
    .sort();
  return {
    unknown: compared.flatMap(({ name, unknown }) =>
      unknown.filter((one) => !one.endsWith(anything)).map((one) => `${name} ${one}`),
    ),
    text: textOf(
      compared.map(({ name, unknown, unsupported }) => ({
        name,
        unsupported,
        ignored: unknown
          .filter((one) => one.endsWith(anything))
          .map((one) => one.slice(0, -anything.length)),
      })),
      missing,
    ),
  };
};

/** `/v1/billing/meters/*` belongs to `billing/meters`, `/v1/customers/*` to `customers`. */
const familyOf = (path: string): string => {
  const [, , first = '', second = ''] = path.split('/');
  const isNamespace = ['billing', 'billing_portal', 'checkout', 'entitlements', 'test_helpers'];
  return isNamespace.includes(first) ? `${first}/${second}` : first;
};

type Listed = { name: string; unsupported: string[]; ignored: string[] };

const textOf = (listed: Listed[], missing: string[]): string => `# What the sandbox does not have

Made by \`node --import tsx scripts/sandbox-parameters.ts\` from the types of the installed \`stripe\`
package; a test keeps it current. What is listed here is refused as Stripe refuses an unknown
parameter or URL.

## Calls

Of the resources it has, the SDK can make these calls and the sandbox cannot answer them:

${missing.map((name) => `- \`${name}\``).join('\n')}

## Parameters not supported

${listed
  .filter(({ unsupported }) => unsupported.length > 0)
  .map(({ name, unsupported }) => `- \`${name}\`: ${codes(unsupported)}`)
  .join('\n')}

## Parameters taken and not looked at

${listed
  .filter(({ ignored }) => ignored.length > 0)
  .map(({ name, ignored }) => `- \`${name}\`: ${codes(ignored)}`)
  .join('\n')}
`;
