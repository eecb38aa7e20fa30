// Denials as the line that leaves us, for the forms that are asked on every call: what all denials of one kind share
// is written once, and each fills in its decision, its instant and its links. Says nothing that buildProblem does not.
import { randomBytes } from 'node:crypto';
import { asciiJson, buildProblem, linkOf } from '../actions/denial.ts';
import type { Denied } from '../actions/denial.ts';
import type { ActionLink, ActionLinks } from '../adapters/action-link.ts';
import type { Plans } from '../domain/entitlement.ts';

export type ProblemText = {
  status: number;
  /** One line of ASCII. */
  json: string;
  /** The value of the Link header. */
  link: string;
};

/** Texts, and between each two of them which value goes there. */
type Pieces = { texts: string[]; gaps: number[] };
/** The values are the decision, the instant, then a link for each of `links`. */
type Kind = { status: number; json: Pieces; link: Pieces; links: Omit<ActionLink, 'customerId'>[] };

const [decisionAt, asOfAt, linksFrom] = [0, 1, 2];
/** Features come from the caller: beyond so many kinds all are forgotten. */
const kindsMax = 10_000;
/** Stands for a value; nobody can have written it into a plan's name. */
const mark = `@${randomBytes(12).toString('hex')}:`;
const marked = new RegExp(`${mark}([0-9]+)@`);
const markOf = (value: number) => `${mark}${value}@`;

const noPlans: Plans = { byVersion: new Map(), byKey: new Map() };

export function createProblemText(options: { publicUrl: string; links: ActionLinks }) {
  const { publicUrl, links } = options;
  const kindsOf = new WeakMap<Plans, Map<string, Kind>>();

  function kindOf(denied: Denied): Kind {
    const { customerId, code, feature, plan } = denied.verdict;
    const kinds = kindsOf.get(denied.plans ?? noPlans) ?? startKinds(denied.plans ?? noPlans);
    const name = `${code} ${feature} ${plan?.versionId} ${customerId === null}`;
    const known = kinds.get(name);
    if (known) return known;
    if (kinds.size >= kindsMax) kinds.clear();
    const kind = makeKind(denied);
    kinds.set(name, kind);
    return kind;
  }

  function startKinds(plans: Plans): Map<string, Kind> {
    const kinds = new Map<string, Kind>();
    kindsOf.set(plans, kinds);
    return kinds;
  }

  function makeKind(denied: Denied): Kind {
    const offered: Kind['links'] = [];
    const href = ({ action, plan }: ActionLink) =>
      markOf(linksFrom + offered.push({ action, plan }) - 1);
    const decisionId = markOf(decisionAt);
    const problem = buildProblem(publicUrl, { ...links, href }, { ...denied, decisionId });
    const json = asciiJson({ ...problem, data_as_of: markOf(asOfAt) });
    const { status } = problem;
    return { status, json: cut(json), link: cut(linkOf(problem)), links: offered };
  }

  return function write(denied: Denied): ProblemText {
    // What a limit has to say differs from call to call.
    if (denied.full) {
      const problem = buildProblem(publicUrl, links, denied);
      return { status: problem.status, json: asciiJson(problem), link: linkOf(problem) };
    }
    const kind = kindOf(denied);
    const values = [denied.decisionId, instant(denied.asOf)];
    const customerId = denied.verdict.customerId!;
    for (const { action, plan } of kind.links)
      values.push(links.href({ action, plan, customerId }));
    return { status: kind.status, json: fill(kind.json, values), link: fill(kind.link, values) };
  };
}

function cut(text: string): Pieces {
  const parts = text.split(marked);
  return {
    texts: parts.filter((_, index) => index % 2 === 0),
    gaps: parts.filter((_, index) => index % 2 === 1).map(Number),
  };
}

function fill({ texts, gaps }: Pieces, values: string[]): string {
  let text = texts[0]!;
  for (let at = 0; at < gaps.length; at += 1) text += values[gaps[at]!]! + texts[at + 1]!;
  return text;
}

let lastMs = NaN;
let lastText = '';

/** Within a millisecond many ask. */
function instant(ms: number): string {
  if (ms !== lastMs) {
    lastMs = ms;
    lastText = new Date(ms).toISOString();
  }
  return lastText;
}
