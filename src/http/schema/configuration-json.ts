// The JSON Schema of tollgate.yaml, for editors: made from the schema that parses it. Also committed as
// docs/tollgate.schema.json, which a test holds against this.
import { z } from 'zod';
import { configurationSections } from './configuration.ts';
import { entitlementTests } from './entitlement-test.ts';

type JsonSchema = Record<string, unknown>;

/** The file holds the configuration, and beside it tests that never reach the service. */
export const configurationFile = configurationSections.extend({
  tests: entitlementTests.optional(),
});

/** Draft 7, which is what editors' YAML support understands. */
export function configurationJsonSchema(): JsonSchema {
  const schema: JsonSchema = z.toJSONSchema(configurationFile, {
    target: 'draft-7',
    io: 'input',
    unrepresentable: 'any',
    override: ({ jsonSchema }) => {
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    },
  });
  return { ...schema, title: 'The configuration of Tollgate (tollgate.yaml)' };
}
