// Each recipe's page against its folder: what it installs is what the matrix asks for, what it copies is there, and
// nothing that is there goes unmentioned.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { apache } from './apache.ts';
import { caddy } from './caddy.ts';
import { haproxy } from './haproxy.ts';
import { nginx } from './nginx.ts';

const recipes = fileURLToPath(new URL('../../deploy/gateways/', import.meta.url));
const read = (file: string) => readFileSync(recipes + file, 'utf8');
const commandsOf = (page: string) =>
  [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block]) => block!).join('\n');

describe.each([nginx, caddy, haproxy, apache])('$name', ({ name, install }) => {
  const page = read(`${name}/README.md`);
  const commands = commandsOf(page);
  const files = readdirSync(recipes + name).filter((file) => file !== 'README.md');

  test('installs what the matrix asks for', () => {
    const packages = install.replace('apt-get install ', '');
    expect(commands).toContain(`apt-get install -y ${packages}\n`);
  });

  test('puts every file of the recipe in its place, and no other', () => {
    const placed = [...commands.matchAll(/^install -m .*$/gm)]
      .flatMap(([line]) => line.split(' ').slice(3, -1))
      .filter((word) => /\.[a-z]+$|^Caddyfile$/.test(word));
    expect(placed.toSorted()).toEqual(files.toSorted());
  });

  test('fits one page', () => {
    expect(page.split('\n').length).toBeLessThan(75);
  });
});

test('what was not run says so first', () => {
  for (const file of readdirSync(`${recipes}not-run`)) {
    expect([file, read(`not-run/${file}`).split('\n')[2]]).toEqual([
      file,
      expect.stringMatching(/^\*\*Not run\.\*\*/),
    ]);
  }
  expect(read('others.md')).toContain('**None of these was run.**');
});

test('links between the pages lead somewhere', () => {
  const pages = readdirSync(recipes, { recursive: true, encoding: 'utf8' });
  for (const page of pages.filter((file) => file.endsWith('.md'))) {
    const base = new URL(page, `file://${recipes}`);
    for (const [, target] of read(page).matchAll(/\]\(([^)#:]+)\)/g)) {
      expect([page, target, existsSync(new URL(target!, base))]).toEqual([page, target, true]);
    }
  }
});
