// Bodies of the v2 API, which are JSON: read as the form they would be, so that one set of words
// declares the parameters of both.
import type { Form, FormValue } from './form.ts';

const depthMax = 10;

/** The parsed body, or a message that says what is wrong with it. */
export const parseJson = (text: string): Form | { problem: string } => {
  if (text === '') return Object.create(null) as Form;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { problem: 'The request body is not valid JSON.' };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { problem: 'The request body must be a JSON object.' };
  }
  const form = asForm(value, 0);
  return form === null ? { problem: 'The request body is nested too deeply.' } : (form as Form);
};

const asForm = (value: unknown, depth: number): FormValue | null => {
  if (depth > depthMax) return null;
  if (value === null) return '';
  if (Array.isArray(value)) {
    const inner = value.map((one) => asForm(one, depth + 1));
    return inner.includes(null) ? null : (inner as FormValue[]);
  }
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const form = Object.create(null) as Form;
  for (const [key, one] of Object.entries(value as object)) {
    const inner = asForm(one, depth + 1);
    if (inner === null) return null;
    form[key] = inner;
  }
  return form;
};
