// What the sandbox takes and what it lacks, as the types of the installed SDK see it: the text of
// docs/sandbox-parameters.md, written by scripts/sandbox-parameters.ts and checked by a test.
import { endpoints } from '../../../src/sandbox/routes/table.ts';
import { loadCatalog } from './catalog.ts';
import { compareParams, type Comparison } from './params.ts';

export type ParametersReport = {
  unknown: string[];
  /** docs/sandbox-parameters.md */
  text: string;
  /** src/sandbox/api/ignored.txt */
  ignored: string;
};

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
    unknown: compared.flatMap(({ name, unknown }) => unknown.map((one) => `${name} ${one}`)),
    text: textOf(compared, missing),
    ignored: compared
      .flatMap(({ name, ignored }) =>
        ignored.map(({ path, names }) => `${name} ${path} ${names}\n`),
      )
      .join(''),
  };
};

/** `/v1/billing/meters/*` belongs to `billing/meters`, `/v1/customers/*` to `customers`. */
const familyOf = (path: string): string => {
  const [, , first = '', second = ''] = path.split('/');
  const isNamespace = ['billing', 'billing_portal', 'checkout', 'entitlements', 'test_helpers'];
  return isNamespace.includes(first) ? `${first}/${second}` : first;
};

type Listed = Comparison & { name: string };

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

## Parameters taken and not used

What is inside is held to the names that Stripe knows.

${listed
  .filter(({ ignored }) => ignored.length > 0)
  .map(({ name, ignored }) => `- \`${name}\`: ${codes(ignored.map(({ path }) => path))}`)
  .join('\n')}
`;
