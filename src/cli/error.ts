// What the command line ends with: the exit codes, and errors that are said to a person as they are.

/** 2 is no failure of the command: it found a difference, or something that somebody should look at. */
export const exitCodes = { done: 0, error: 1, found: 2, interrupted: 130 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Shown without a stack; `hint` says what mends it. */
export class CliError extends Error {
  readonly hint: string | null;

  constructor(message: string, hint: string | null = null) {
    super(message);
    this.hint = hint;
  }
}

/** The service has answered no: its problem (RFC 9457) as it came. */
export class ProblemError extends CliError {
  readonly code: string;
  readonly problem: Record<string, unknown>;

  constructor(code: string, message: string, hint: string | null, problem: object) {
    super(message, hint);
    this.code = code;
    this.problem = { ...problem };
  }
}
