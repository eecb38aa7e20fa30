// The page behind every problem's `type`: what happened, and what to do. For people who followed the link.
import { denials } from '../../domain/denial.ts';
import type { DenialCode } from '../../domain/denial.ts';
import { errorStatus } from '../../domain/error.ts';
import type { ErrorCode } from '../../domain/error.ts';
import { html } from './html.ts';
import type { Html } from './html.ts';
import { denialTexts, problemTexts } from './problem-texts.ts';
import type { ProblemText } from './problem-texts.ts';

type Problem = ProblemText & { status: number };

/** Every code that can leave this system, of errors and of denials. */
export const problemCodes: string[] = [
  ...new Set([...Object.keys(errorStatus), ...Object.keys(denials)]),
].sort();

/** What is known of a code, or null. */
export function findProblem(code: string): Problem | null {
  if (Object.hasOwn(denials, code)) {
    const denial = code as DenialCode;
    return { status: denials[denial].status, title: denials[denial].title, ...denialTexts[denial] };
  }
  if (!Object.hasOwn(errorStatus, code)) return null;
  const error = code as ErrorCode;
  return { status: errorStatus[error], ...problemTexts[error] };
}

export function problemPage(code: string, problem: Problem): Html {
  return html`<p class="quiet"><code>${problem.status}</code> <code>${code}</code></p>
    <h1>${problem.title}</h1>
    <p>${problem.meaning}</p>
    <h3>What to do</h3>
    <p>${problem.remedy}</p>`;
}
