// The architecture as lint rules: imports point one way, domain/ stays pure,
// and the environment is read in one place. What they keep is explained in docs/decisions/0001.
import tseslint from 'typescript-eslint';

const sandboxAlone = {
  group: [
    '**/domain/**',
    '**/adapters/**',
    '**/actions/**',
    '**/gateway/**',
    '**/http/**',
    '**/jobs/**',
    '**/context.ts',
    '**/config.ts',
    '!./config.ts',
    '!../config.ts',
  ],
  message: 'the sandbox stands alone: it imports nothing else of src/',
};
const forbid = (...patterns) => ({
  'no-restricted-imports': [
    'error',
    {
      patterns: patterns.map((p) =>
        typeof p === 'string'
          ? { group: [p], message: `imports point one way: not ${p} from here` }
          : p,
      ),
    },
  ],
});
const fromSandbox = '**/sandbox/**';
const processEnv = {
  selector: "MemberExpression[object.name='process'][property.name='env']",
  message: 'only config.ts reads process.env',
};
const impure = [
  { selector: 'AwaitExpression', message: 'domain/ decides, it never waits' },
  {
    selector: "MemberExpression[object.name='Date'][property.name='now']",
    message: 'now is an argument',
  },
  {
    selector: "NewExpression[callee.name='Date'][arguments.length=0]",
    message: 'now is an argument',
  },
  {
    selector: "MemberExpression[object.name='Math'][property.name='random']",
    message: 'domain/ is deterministic',
  },
];

export default tseslint.config(
  { ignores: ['src/generated/**', 'dist/**', 'node_modules/**', '.tollgate/**'] },
  ...tseslint.configs.strictTypeChecked.map((c) => ({ ...c, files: ['**/*.ts'] })),
  {
    files: ['**/*.ts'],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-misused-promises': [
        'error',
        { checksVoidReturn: { arguments: false, properties: false } },
      ],
      '@typescript-eslint/unified-signatures': 'off',
      '@typescript-eslint/require-await': 'off',
      'no-restricted-syntax': ['error', processEnv],
      'max-lines': ['error', { max: 250, skipComments: true, skipBlankLines: true }],
      'max-lines-per-function': ['error', { max: 60, skipComments: true, skipBlankLines: true }],
    },
  },
  {
    files: ['src/domain/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ regex: '^(?!\\./)', message: 'domain/ imports only domain/' }] },
      ],
      'no-restricted-syntax': ['error', processEnv, ...impure],
    },
  },
  {
    files: ['src/adapters/**/*.ts'],
    rules: forbid(
      '**/context.ts',
      '**/actions/**',
      '**/gateway/**',
      '**/http/**',
      '**/jobs/**',
      fromSandbox,
    ),
  },
  {
    files: ['src/context.ts'],
    rules: forbid('**/actions/**', '**/gateway/**', '**/http/**', '**/jobs/**', fromSandbox),
  },
  {
    files: ['src/actions/**/*.ts'],
    rules: forbid('**/gateway/**', '**/http/**', '**/jobs/**', fromSandbox),
  },
  { files: ['src/gateway/**/*.ts'], rules: forbid('**/http/**', '**/jobs/**', fromSandbox) },
  { files: ['src/http/**/*.ts'], rules: forbid('**/gateway/**', '**/jobs/**', fromSandbox) },
  { files: ['jobs/**/*.ts'], rules: forbid('**/gateway/**', '**/http/**', fromSandbox) },
  {
    files: ['src/sandbox/**/*.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: [sandboxAlone] }] },
  },
  {
    files: [
      'src/config.ts',
      'src/sandbox/config.ts',
      'src/local.ts',
      'src/local/**/*.ts',
      'test/**/*.ts',
      'scripts/**/*.ts',
    ],
    rules: { 'no-restricted-syntax': 'off' },
  },
  {
    files: ['test/**/*.ts', 'scripts/**/*.ts'],
    rules: {
      'max-lines-per-function': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-explicit-any': 'off',
    },
  },
);
