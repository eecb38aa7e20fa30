// Tests run as native ES modules against a real PostgreSQL that globalSetup starts;
// three workers for the two cores of the machines we aim at, since many tests wait: for a process, a lease, an outage.
export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'es6' } },
    ],
  },
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  testTimeout: 60_000,
  testSequencer: '<rootDir>/test/support/sequencer.mjs',
  maxWorkers: 3,
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/.tollgate'],
};
