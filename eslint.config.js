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

/** Lines of a function's own, those of functions inside it left out: a factory of small functions is small. */
const functionLines = {
  meta: { schema: [{ type: 'integer' }] },
  create(context) {
    const max = context.options[0];
    const open = [];
    const enter = () => open.push(0);
    const leave = (node) => {
      const inner = open.pop();
      const lines = node.loc.end.line - node.loc.start.line + 1;
      if (open.length) open[open.length - 1] += lines;
      if (lines - inner > max) {
        context.report({
          node,
          message: `this function has ${lines - inner} lines of its own, more than ${max}`,
        });
      }
    };
    return Object.fromEntries(
      ['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'].flatMap((type) => [
        [type, enter],
        [`${type}:exit`, leave],
      ]),
    );
  },
};

const pure = (foreign) => ({
  'no-restricted-imports': [
    'error',
    { patterns: [{ regex: foreign, message: 'domain/ imports only domain/' }] },
  ],
  'no-restricted-syntax': ['error', processEnv, ...impure],
});

export default tseslint.config(
  { ignores: ['src/generated/**', '**/dist/**', 'node_modules/**', '.tollgate/**'] },
  ...tseslint.configs.strictTypeChecked.map((c) => ({ ...c, files: ['**/*.ts'] })),
  {
    files: ['**/*.ts'],
    plugins: { tollgate: { rules: { 'function-lines': functionLines } } },
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
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        {
          ignoreArrowShorthand: true,
          ignoreVoidOperator: true,
          ignoreVoidReturningFunctions: true,
        },
      ],
      '@typescript-eslint/no-meaningless-void-operator': 'off',
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-misused-promises': [
        'error',
        { checksVoidReturn: { arguments: false, properties: false } },
      ],
      '@typescript-eslint/unified-signatures': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      'no-restricted-syntax': ['error', processEnv],
      'max-lines': ['error', { max: 250, skipComments: true, skipBlankLines: true }],
      'tollgate/function-lines': ['error', 60],
    },
  },
  { files: ['src/domain/*.ts'], rules: pure('^(?!\\./)') },
  // In the folder of a noun: one step up is still domain/.
  { files: ['src/domain/*/*.ts'], rules: pure('^(?!\\./|\\.\\./[^.])') },
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
    // The command line knows the service by its answers alone, as anybody does who is somewhere else; the schemas of what
    // goes over the wire are both sides'.
    files: ['src/cli/**/*.ts'],
    rules: forbid(
      '**/adapters/**',
      '**/context.ts',
      '**/actions/**',
      '**/gateway/**',
      {
        regex: '/http/(?!schema/)',
        message: 'of http/ only the schemas: a file is held against what REST parses with',
      },
      '**/jobs/**',
      {
        regex: '^\\.\\./(?:[a-z]+\\.ts|local/(?!dev-file))',
        message: 'a command line is somewhere else: of local/ only the form of dev.json',
      },
      fromSandbox,
    ),
  },
  {
    files: ['src/sandbox/**/*.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: [sandboxAlone] }] },
  },
  {
    files: [
      'src/config.ts',
      'src/sandbox/config.ts',
      'src/cli/config.ts',
      'src/local.ts',
      'src/local/**/*.ts',
      'test/**/*.ts',
      'scripts/**/*.ts',
      'bench/**/*.ts',
    ],
    rules: { 'no-restricted-syntax': 'off' },
  },
  {
    files: ['test/**/*.ts', 'scripts/**/*.ts', 'bench/**/*.ts'],
    rules: {
      'max-lines': 'off',
      'tollgate/function-lines': 'off',
      '@typescript-eslint/no-misused-spread': 'off',
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-explicit-any': 'off',
    },
  },
);
